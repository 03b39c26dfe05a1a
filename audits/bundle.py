"""What an auditor carries away about one finished thing, and the check that needs nothing else.

A bundle is a folder. It proves that a certificate was signed, that the trail recorded exactly this
certificate, and that the record stands in the trail whose checkpoint was signed. It cannot prove
that its own keys are the right ones: compare them with those published elsewhere, or pin them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audits.canonical import from_json, to_base64, to_readable_json
from audits.entries import TrailEntry, read_entry
from audits.errors import BundleInvalid
from audits.notes import NoteKey, TreeHead, read_key
from audits.proofs import SealedProof, check_proof, read_proof
from audits.statements import digest_of, open_envelope, subjects_of

CERTIFICATE: Final = "certificate.json"
LEAF: Final = "leaf.json"
PROOF: Final = "leaf.tlog-proof"
KEYS: Final = "keys.json"
README: Final = "README.txt"

_SAID: Final = """\
This folder proves one finished deletion. Nothing in it names the person.

  {certificate}   the signed certificate: an in-toto Statement in a DSSE envelope
  {leaf}          the fact as it was recorded in the audit trail, byte for byte
  {proof}   where the fact stands in the trail (C2SP tlog-proof), with the signed checkpoint
  {keys}          the public keys, as verifier keys (C2SP signed-note)

To check it, without a database and without a network:

  python manage.py verify_bundle FOLDER

The keys in this folder are a convenience. Whoever forges a bundle forges them too, so compare them
with those that the organisation published elsewhere, and name them:

  python manage.py verify_bundle FOLDER --trail-key KEY --key KEY

Any other tool for these formats does as well. The checks are: the envelope's Ed25519 signature over
its payload; the SHA-256 of the payload equals facts.certificate_digest of the leaf; the leaf's
RFC 9162 hash leads by the proof to the checkpoint's root; the checkpoint's Ed25519 signature.

An insider who holds the signing key can rewrite the trail and sign it again. That is found out by
comparing this checkpoint with one that somebody else kept, so keep this folder.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a bundle proves."""

    entry: TrailEntry
    statement: Mapping[str, object]
    head: TreeHead
    trail_key: NoteKey
    certificate_key: NoteKey


def ignore(check: str) -> None:
    """Say nothing about a passed check."""


def bundle_files(
    *,
    certificate: Mapping[str, object],
    proof: SealedProof,
    trail_key: NoteKey,
    certificate_key: NoteKey,
) -> dict[str, bytes]:
    """Return the files of a bundle by name."""
    return {
        CERTIFICATE: to_readable_json(dict(certificate)),
        LEAF: proof.entry,
        PROOF: proof.text.encode(),
        KEYS: keys_file(trail=trail_key, certificate=certificate_key),
        README: _SAID.format(certificate=CERTIFICATE, leaf=LEAF, proof=PROOF, keys=KEYS).encode(),
    }


def write_bundle(
    folder: Path,
    *,
    certificate: Mapping[str, object],
    proof: SealedProof,
    trail_key: NoteKey,
    certificate_key: NoteKey,
) -> None:
    """Write a bundle into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in bundle_files(
        certificate=certificate, proof=proof, trail_key=trail_key, certificate_key=certificate_key
    ).items():
        (folder / name).write_bytes(content)


def verify_bundle(
    folder: Path,
    *,
    trail_key: NoteKey | None = None,
    certificate_key: NoteKey | None = None,
    passed: Callable[[str], None] = ignore,
) -> Verdict:
    """Check everything that a bundle says; raise `BundleInvalid` at the first thing that is not so.

    A key that is given must be the one in the bundle. `passed` is told of each check that held.
    """
    keys = read_keys(folder, {"trail": trail_key, "certificate": certificate_key})
    passed(f"{KEYS} holds one key for certificates and one for the trail")

    envelope = _json_file(folder, CERTIFICATE)
    if envelope.keys() != {"payload", "payloadType", "signatures"}:
        raise BundleInvalid(f"{CERTIFICATE} holds what nobody signed")
    statement = open_envelope(
        envelope, public_keys={keys["certificate"].name: keys["certificate"].public_key}
    )
    passed(f"the certificate is signed by {keys['certificate'].name}")

    proof = read_proof(_text_file(folder, PROOF), entry=read_file(folder, LEAF))
    head = check_proof(proof, keys=[keys["trail"]])
    if head.origin != keys["trail"].name:
        raise BundleInvalid("the checkpoint is of another trail than its key")
    passed(f"the checkpoint of {head.origin} over {head.size} facts is signed by its key")
    passed(f"the fact is number {proof.index} of the trail with the root {to_base64(head.root)}")

    entry = _fact(proof)
    if entry.facts.get("certificate_digest") != digest_of(envelope):
        raise BundleInvalid("the fact in the trail is about another certificate")
    if subjects_of(statement) != [entry.about]:
        raise BundleInvalid("the certificate is about something else than the fact in the trail")
    passed(f"the fact, {entry.event} about {entry.about}, is about exactly this certificate")
    return Verdict(
        entry=entry,
        statement=statement,
        head=head,
        trail_key=keys["trail"],
        certificate_key=keys["certificate"],
    )


def keys_file(**keys: NoteKey) -> bytes:
    """Write verifier keys under what each of them signs."""
    return to_readable_json(
        {
            "note": "Compare these with the keys published elsewhere; a forger forges them too.",
            **{use: key.text for use, key in keys.items()},
        }
    )


def read_keys(folder: Path, pinned: Mapping[str, NoteKey | None]) -> dict[str, NoteKey]:
    """Read the keys of a folder; a pinned one must be the one that is there."""
    said = _json_file(folder, KEYS)
    keys = {use: read_key(str(said.get(use))) for use in pinned}
    if said.keys() - keys.keys() != {"note"} or keys_file(**keys) != read_file(folder, KEYS):
        raise BundleInvalid(f"{KEYS} is not the file that Lethe wrote")
    for use, pin in pinned.items():
        if pin is not None and keys[use] != pin:
            raise BundleInvalid(f"the {use} key is not the one that was asked for")
    return keys


def read_file(folder: Path, name: str) -> bytes:
    """Read a file of the folder."""
    try:
        return (folder / name).read_bytes()
    except OSError as exc:
        raise BundleInvalid(f"{name} is missing or cannot be read") from exc


def _fact(proof: SealedProof) -> TrailEntry:
    try:
        return read_entry(proof.entry, index=proof.index)
    except (ValueError, KeyError, TypeError) as exc:
        raise BundleInvalid(f"{LEAF} is not a fact as Lethe records it") from exc


def _text_file(folder: Path, name: str) -> str:
    try:
        return read_file(folder, name).decode()
    except UnicodeDecodeError as exc:
        raise BundleInvalid(f"{name} is not text") from exc


def _json_file(folder: Path, name: str) -> dict[str, object]:
    data = read_file(folder, name)
    value = from_json(data, what=name)
    # Spaces could carry what nobody signed.
    if to_readable_json(value) != data:
        raise BundleInvalid(f"{name} is not written as Lethe writes it")
    return value
