import json
from functools import partial
from pathlib import Path

import pytest

from audits.bundle import bundle_files, verify_bundle, write_bundle
from audits.canonical import to_json, to_readable_json
from audits.errors import BundleInvalid
from audits.merkle import hash_leaf, inclusion_proof, root_of
from audits.notes import NoteKey, TreeHead, sign_note
from audits.proofs import SealedProof
from audits.statements import Signer, digest_of, sign, statement_of

TRAIL = Signer(name="lethe.example/trail/1", seed=bytes([1]) * 32)
CERTIFIER = Signer(name="lethe.example/certificates", seed=bytes([2]) * 32)
STRANGER = Signer(name="stranger.example", seed=bytes([3]) * 32)
CERTIFICATE = sign(
    statement_of(
        subjects={"request/1": "ab" * 32},
        predicate_type="https://lethe.example/erasure/v1",
        predicate={"outcomes": {"erased": 2}},
    ),
    signer=CERTIFIER,
)
EVIDENCE = ["certificate.json", "leaf.json", "leaf.tlog-proof", "keys.json"]


def entry_about(digest: str, *, about: str = "request/1") -> bytes:
    return to_json(
        {
            "v": 1,
            "at": "2026-01-05T00:00:00+00:00",
            "actor": "task:deletion.certify",
            "event": "RequestCompleted",
            "about": about,
            "facts": {"certificate_digest": digest},
        }
    )


def proof_of(
    entry: bytes, *, origin: str = TRAIL.name, signer: Signer = TRAIL, index: int = 5
) -> SealedProof:
    leaves = [hash_leaf(b"%d" % number) for number in range(11)]
    leaves[index] = hash_leaf(entry)
    head = TreeHead(origin=origin, size=11, root=root_of(leaves))
    return SealedProof(
        entry=entry,
        index=index,
        path=tuple(inclusion_proof(leaves, index=index)),
        note=sign_note(head.text, name=signer.name, seed=signer.seed),
    )


PROOF = proof_of(entry_about(digest_of(CERTIFICATE)))


def write(folder: Path, *, proof: SealedProof = PROOF, trail_key: NoteKey = TRAIL.verifier_key):
    write_bundle(
        folder,
        certificate=CERTIFICATE,
        proof=proof,
        trail_key=trail_key,
        certificate_key=CERTIFIER.verifier_key,
    )


def test_a_bundle_proves_what_it_says(tmp_path):
    write(tmp_path / "new" / "folder")
    checks: list[str] = []

    verdict = verify_bundle(
        tmp_path / "new" / "folder",
        trail_key=TRAIL.verifier_key,
        certificate_key=CERTIFIER.verifier_key,
        passed=checks.append,
    )

    assert (verdict.entry.about, verdict.entry.event) == ("request/1", "RequestCompleted")
    assert verdict.statement["predicate"] == {"outcomes": {"erased": 2}}
    assert (verdict.head.size, verdict.entry.index) == (11, 5)
    assert len(checks) == 5


def test_a_bundle_is_the_same_bytes_each_time():
    first, second = (
        bundle_files(
            certificate=CERTIFICATE,
            proof=PROOF,
            trail_key=TRAIL.verifier_key,
            certificate_key=CERTIFIER.verifier_key,
        )
        for _ in range(2)
    )

    assert first == second
    assert set(first) == {*EVIDENCE, "README.txt"}


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_flipped_bit_anywhere_in_the_evidence_is_refused(tmp_path, name):
    write(tmp_path)
    verify_bundle(tmp_path)
    whole = (tmp_path / name).read_bytes()
    accepted = []

    for at in range(len(whole)):
        for bit in (1, 4, 32, 128):
            changed = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
            (tmp_path / name).write_bytes(changed)
            try:
                verify_bundle(tmp_path)
            except BundleInvalid:
                continue
            accepted.append((at, bit, changed[at : at + 20]))

    assert accepted == []


@pytest.mark.parametrize("name", EVIDENCE)
@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda whole: whole[:-1],
        lambda whole: whole + b"\n",
        lambda whole: b" " + whole,
        lambda whole: whole.replace(b"\n", b"\r\n") if b"\n" in whole else whole[1:],
        lambda whole: b"\xff" * len(whole),
    ],
)
def test_a_cut_or_extended_file_is_refused(tmp_path, name, change):
    write(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(change(whole))

    with pytest.raises(BundleInvalid):
        verify_bundle(tmp_path)


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_missing_file_is_named(tmp_path, name):
    write(tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(BundleInvalid, match=f"{name} is missing"):
        verify_bundle(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleInvalid, match="missing"):
        verify_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "pin",
    [
        partial(verify_bundle, trail_key=STRANGER.verifier_key),
        partial(verify_bundle, certificate_key=STRANGER.verifier_key),
    ],
)
def test_a_pinned_key_must_be_the_bundles(tmp_path, pin):
    write(tmp_path)

    with pytest.raises(BundleInvalid, match="not the one that was asked for"):
        pin(tmp_path)


def test_a_checkpoint_of_another_trail_is_refused(tmp_path):
    other = proof_of(entry_about(digest_of(CERTIFICATE)), origin="lethe.example/trail/2")
    write(tmp_path, proof=other)

    with pytest.raises(BundleInvalid, match="another trail"):
        verify_bundle(tmp_path)


def test_a_checkpoint_by_another_key_is_refused(tmp_path):
    write(tmp_path, proof=proof_of(PROOF.entry, signer=STRANGER))

    with pytest.raises(BundleInvalid, match="not signed by a known key"):
        verify_bundle(tmp_path)


def test_a_proof_of_another_certificates_fact_is_refused(tmp_path):
    write(tmp_path, proof=proof_of(entry_about("cd" * 32)))

    with pytest.raises(BundleInvalid, match="another certificate"):
        verify_bundle(tmp_path)


def test_a_proof_of_a_fact_about_another_thing_is_refused(tmp_path):
    write(tmp_path, proof=proof_of(entry_about(digest_of(CERTIFICATE), about="request/2")))

    with pytest.raises(BundleInvalid, match="about something else"):
        verify_bundle(tmp_path)


@pytest.mark.parametrize("entry", [b"{}", b"[]", b"1", b"", b'{"at":"2026-01-05","facts":1}'])
def test_a_sealed_leaf_that_is_no_fact_is_refused(tmp_path, entry):
    write(tmp_path, proof=proof_of(entry))

    with pytest.raises(BundleInvalid, match="not a fact as Lethe records it"):
        verify_bundle(tmp_path)


@pytest.mark.parametrize(
    ("name", "member"), [("certificate.json", "remark"), ("keys.json", "another")]
)
def test_a_member_that_nobody_signed_is_refused(tmp_path, name, member):
    write(tmp_path)
    said = json.loads((tmp_path / name).read_bytes())
    (tmp_path / name).write_bytes(to_readable_json({**said, member: "trust me"}))

    with pytest.raises(BundleInvalid, match=r"nobody signed|not the file that Lethe wrote"):
        verify_bundle(tmp_path)
