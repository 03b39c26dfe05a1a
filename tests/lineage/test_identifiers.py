import hmac
import unicodedata
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import IdentifierMalformed
from lineage.identifiers import (
    Identifier,
    IdentifierKind,
    Wanted,
    guess_kind,
    marker,
    pseudonym_of,
    standardise,
    suppression_tag_of,
)
from tests.cast import ALICE, BOB

KEY = bytes(range(32))
OTHER_KEY = bytes(reversed(KEY))

# What an upper-casing clerk may write. The dotless i is left out: its capital is the ordinary I.
words = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="\u0131"), min_size=1
)


def text(raw: object) -> str:
    return standardise(raw, kind=IdentifierKind.TEXT)


def email(raw: object) -> str:
    return standardise(raw, kind=IdentifierKind.EMAIL)


def accepted(raw: object, *, kind: IdentifierKind) -> str | None:
    try:
        return standardise(raw, kind=kind)
    except IdentifierMalformed:
        return None


@given(st.text() | st.integers() | st.uuids() | st.emails(), st.sampled_from(IdentifierKind))
def test_standardising_a_standardised_value_changes_nothing(raw, kind):
    once = accepted(raw, kind=kind)

    assert once is None or standardise(once, kind=kind) == once


@given(words, st.sampled_from([str.upper, str.lower, str.swapcase, str.title, str.casefold]))
def test_every_letter_case_of_a_text_is_one_person(word, change):
    assert accepted(change(word), kind=IdentifierKind.TEXT) == accepted(
        word, kind=IdentifierKind.TEXT
    )


@given(words, st.sampled_from(["NFC", "NFD"]))
def test_every_canonical_form_of_a_text_is_one_person(word, form):
    rewritten = unicodedata.normalize(form, word)

    assert accepted(rewritten, kind=IdentifierKind.TEXT) == accepted(word, kind=IdentifierKind.TEXT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("GROẞ", "groß"),
        ("İstanbul", "i̇stanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("Ångström", "Ångström"),
        ("ﬁsh", "FISH"),
        ("\u1fb3\u0301", "\u03ac\u03b9"),  # an iota subscript stands after every other mark
        ("  P-17\n", "p-17"),
        ("17", 17),
    ],
)
def test_spellings_of_one_text_collapse(one, other):
    assert text(one) == text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("p-17", "p 17"), ("p-17", "p-017"), ("7", "07"), ("\u0131", "i"), ("²", "2")],
)
def test_different_texts_stay_different_people(one, other):
    assert text(one) != text(other)


def test_an_email_loses_its_white_space_and_its_case():
    assert email(" Alice @ Example.ORG ") == "alice@example.org"


def test_white_space_taken_out_of_an_email_leaves_its_canonical_form():
    assert email("e \u0301@x.org") == "\u00e9@x.org"


@pytest.mark.parametrize("raw", ["alice", "@example.org", "alice@", "a@b@c", "", 17])
def test_what_is_no_email_is_refused(raw):
    with pytest.raises(IdentifierMalformed):
        email(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("007", "7"), (7, "7"), ("-0", "0"), (" -12 ", "-12"), (10**300, str(10**300))],
)
def test_a_number_has_one_spelling(raw, value):
    assert standardise(raw, kind=IdentifierKind.INTEGER) == value


@pytest.mark.parametrize(
    "raw",
    [
        *["", "-", "--1", "+1", "1_000", "1.0", "0x1", 1.0],
        *["١٢", "\uff11\uff12"],  # digits of other scripts
        pytest.param(10**5000, id="too long to be printed"),
        pytest.param("9" * 5000, id="too long to be read"),
    ],
)
def test_what_is_no_whole_number_is_refused(raw):
    with pytest.raises(IdentifierMalformed):
        standardise(raw, kind=IdentifierKind.INTEGER)


@given(st.uuids())
def test_every_spelling_of_a_uuid_is_one_person(value):
    spellings = [value, str(value).upper(), value.hex, f"{{{value}}}", value.urn, f" {value}\n"]

    assert {standardise(raw, kind=IdentifierKind.UUID) for raw in spellings} == {str(value)}


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "1234",
        "1_345678123456781234567812345678_",  # `UUID` would take the underscores
        "\uff112345678123456781234567812345678",  # and the digits of other scripts
        "12345678-1234-5678-1234-56781234567",
        "1234567-81234-5678-1234-567812345678",
    ],
)
def test_what_is_no_uuid_is_refused(raw):
    with pytest.raises(IdentifierMalformed):
        standardise(raw, kind=IdentifierKind.UUID)


@pytest.mark.parametrize("kind", IdentifierKind)
@pytest.mark.parametrize("raw", [None, True, 1.5, b"p-17", ["p-17"], "", "  ", "\x00", "x" * 2000])
def test_what_names_nobody_is_refused_under_every_kind(raw, kind):
    with pytest.raises(IdentifierMalformed):
        standardise(raw, kind=kind)


@pytest.mark.parametrize("kind", IdentifierKind)
def test_a_refusal_never_tells_the_value(kind):
    with pytest.raises(IdentifierMalformed) as refusal:
        standardise(f"{ALICE}\x07", kind=kind)

    assert ALICE not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_a_pseudonym_is_the_documented_hmac():
    alice = Identifier(namespace="email", value="alice@example.org")

    expected = hmac.digest(KEY, b"email\x00" + sha256(b"alice@example.org").digest(), "sha256")
    assert pseudonym_of(alice.digest, namespace="email", key=KEY) == UUID(bytes=expected[:16])
    assert marker(namespace="email", key=KEY)(alice.digest) == UUID(bytes=expected[:16])


def test_namespaces_and_keys_separate_marks():
    digest = Identifier(namespace="email", value="alice@example.org").digest

    marks = {
        pseudonym_of(digest, namespace="email", key=KEY),
        pseudonym_of(digest, namespace="user", key=KEY),
        suppression_tag_of(digest, namespace="email", key=OTHER_KEY),
    }

    assert len(marks) == 3


def test_wanted_people_are_found_in_any_spelling_and_nobody_else_is():
    mark = marker(namespace="name", key=KEY)
    alice = mark(Identifier(namespace="name", value=ALICE).digest)
    wanted = Wanted(kind=IdentifierKind.TEXT, marks=frozenset({alice}), mark=mark)

    assert wanted.mark_of(f" {ALICE.upper()} ") == alice
    assert wanted.mark_of(BOB) is None
    assert wanted.mark_of(None) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], IdentifierKind.INTEGER),
        (["1", "2"], IdentifierKind.TEXT),
        (["a@b.org", "c@d.org"], IdentifierKind.EMAIL),
        (["a@b.org", "c"], IdentifierKind.TEXT),
        ([str(UUID(int=5)), UUID(int=6).hex], IdentifierKind.UUID),
        ([UUID(int=5)], IdentifierKind.UUID),
        ([True], IdentifierKind.TEXT),
        ([], IdentifierKind.TEXT),
    ],
)
def test_the_narrowest_fitting_kind_is_guessed(values, kind):
    assert guess_kind(values) is kind
