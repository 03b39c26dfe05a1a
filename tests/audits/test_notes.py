"""The published vector is the note in the documentation of Go's `sumdb/note`."""

from base64 import b64decode
from typing import Final

import pytest

from audits.errors import BundleInvalid
from audits.merkle import EMPTY_ROOT
from audits.notes import NoteKey, TreeHead, open_note, read_checkpoint, read_key, sign_note

KEY: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED: Final = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT: Final = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE: Final = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE: Final = f"{TEXT}\n{SIGNATURE}"
HEAD: Final = TreeHead(origin="lethe.example/trail", size=0, root=EMPTY_ROOT)


def test_the_published_note_is_signed_byte_for_byte():
    assert sign_note(TEXT, name="PeterNeumann", seed=SEED) == NOTE


def test_the_published_note_opens_under_the_published_key():
    key = read_key(KEY)

    assert key.text == KEY
    assert open_note(NOTE, keys=[key]) == TEXT


def test_a_signature_by_a_stranger_is_ignored_beside_a_known_one():
    both = NOTE + "— witness.example AAAAAAAA\n"

    assert open_note(both, keys=[read_key(KEY)]) == TEXT


def test_a_note_signed_only_by_strangers_is_refused():
    with pytest.raises(BundleInvalid, match="known key"):
        open_note(NOTE, keys=[NoteKey(name="PeterNeumann", public_key=bytes(32))])


def test_a_wrong_signature_by_a_known_key_is_refused_even_beside_a_right_one():
    changed = f"{TEXT}\n{SIGNATURE.replace('nAM=', 'nAA=')}{SIGNATURE}"

    with pytest.raises(BundleInvalid, match="does not fit"):
        open_note(changed, keys=[read_key(KEY)])


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        NOTE.removesuffix("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— Peter", "—  Peter"),
        NOTE.replace("cryptography", "crypto\tgraphy"),
        NOTE.replace("nAM=", "nAN="),
        NOTE.replace("nAM=", "nAM"),
        NOTE.replace("x08", "ü08"),
        NOTE.replace("you don't", "you do"),
        f"{TEXT}\n{SIGNATURE * 65}",
    ],
)
def test_a_malformed_or_changed_note_is_refused(note):
    with pytest.raises(BundleInvalid):
        open_note(note, keys=[read_key(KEY)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        KEY.replace("c74f20a3", "c74f20a4"),
        KEY.replace("PeterNeumann", "Peter Neumann"),
        KEY.replace("PeterNeumann", ""),
        KEY.replace("+ARpc", "+AhpcA"),
        KEY.replace("+ARpc", "+AApc"),
        KEY[:-4],
    ],
)
def test_a_malformed_verifier_key_is_refused(text):
    with pytest.raises(BundleInvalid):
        read_key(text)


def test_a_checkpoint_says_origin_size_and_root():
    note = sign_note(HEAD.text, name="PeterNeumann", seed=SEED)

    assert read_checkpoint(note, keys=[read_key(KEY)]) == HEAD


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "origin\n",
        "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n00\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n٣\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        f"origin\n{'9' * 5000}\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
        "origin\n0\nAAAA\n",
    ],
)
def test_a_signed_note_that_is_no_checkpoint_is_refused(text):
    note = sign_note(text, name="PeterNeumann", seed=SEED)

    with pytest.raises(BundleInvalid):
        read_checkpoint(note, keys=[read_key(KEY)])


@pytest.mark.parametrize(
    ("text", "name"), [("no newline", "n"), ("tab\t\n", "n"), ("t\n", ""), ("t\n", "a+b")]
)
def test_what_is_no_note_is_not_signed(text, name):
    with pytest.raises(ValueError, match=r"note|name"):
        sign_note(text, name=name, seed=SEED)
