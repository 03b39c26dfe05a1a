import pytest

from audits.errors import BundleInvalid
from audits.proofs import SealedProof, check_proof, read_proof
from tests.audits.test_bundle import PROOF, TRAIL

TEXT = PROOF.text
LINE = TEXT.split("\n")[2]


def test_a_proof_is_written_in_the_published_form():
    lines = TEXT.split("\n")

    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert lines[lines.index("") + 1 :] == PROOF.note.split("\n")


def test_a_proof_is_read_as_it_was_written():
    assert read_proof(TEXT, entry=PROOF.entry) == PROOF


def test_a_tree_of_one_leaf_needs_no_steps():
    proof = SealedProof(entry=b"", index=0, path=(), note=PROOF.note)

    assert read_proof(proof.text, entry=b"") == proof


def test_a_proof_shows_the_checkpoint_it_leads_to():
    head = check_proof(PROOF, keys=[TRAIL.verifier_key])

    assert (head.origin, head.size) == (TRAIL.name, 11)


def test_a_proof_of_another_entry_is_refused():
    other = read_proof(TEXT, entry=b"another entry")

    with pytest.raises(BundleInvalid, match="not in the trail"):
        check_proof(other, keys=[TRAIL.verifier_key])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\n" + PROOF.note,
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 5", "index  5"),
        TEXT.replace("index 5", "index 05"),
        TEXT.replace("index 5", "extra AAAA\nindex 5"),
        TEXT.replace(LINE, LINE[:-4]),
        TEXT.replace(LINE, "AAAA"),
        TEXT.replace("\n\n", "\n"),
    ],
)
def test_a_malformed_proof_is_refused(text):
    with pytest.raises(BundleInvalid):
        read_proof(text, entry=PROOF.entry)
