from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import scanning
from lineage.identifiers import Identifier, IdentifierKind, pseudonym_of, suppression_tag_of
from lineage.marks import Marks
from lineage.scanning import Scanned, scan
from lineage.sharding import Sharding
from lineage.stores.errors import ChangedMeanwhile, MalformedIdentifier, NullIdentifier
from lineage.stores.protocol import DeclaredColumn
from tests.cast import ALICE, BOB
from tests.lineage.memory_store import MemoryStore

PSEUDONYM_KEY, SUPPRESSION_KEY = b"p" * 32, b"s" * 32
SHARDING = Sharding(family="patients", shards=4, hold_out_permille=250, key=b"k" * 32)

contents = st.dictionaries(
    st.sampled_from(["part-0", "part-1", "part-2"]),
    st.lists(st.lists(st.sampled_from(["ann", "Ann", "ben", "cem", " CEM", "dee"]))),
)


def scan_of(content, *, kind=IdentifierKind.TEXT, **changes) -> Scanned:
    return scan(
        MemoryStore(content=content, **changes),
        DeclaredColumn(name="Name", namespace="name", kind=kind),
        pseudonym_key=PSEUDONYM_KEY,
        suppression_key=SUPPRESSION_KEY,
        sharding=SHARDING,
    )


def pseudonym(value: str) -> UUID:
    digest = Identifier(namespace="name", value=value).digest
    return pseudonym_of(digest, namespace="name", key=PSEUDONYM_KEY)


def tag(value: str) -> UUID:
    digest = Identifier(namespace="name", value=value).digest
    return suppression_tag_of(digest, namespace="name", key=SUPPRESSION_KEY)


@given(contents)
def test_it_finds_exactly_the_people_however_they_are_spelt_and_spread(content):
    values = [v for batches in content.values() for batch in batches for v in batch]
    people = {value.strip().lower() for value in values}

    scanned = scan_of(content)

    assert list(scanned.pseudonyms) == sorted(map(pseudonym, people))
    for person in people:
        assert list(scanned.suppressed(Marks.of([tag(person)]))) == [pseudonym(person)]
    assert len(scanned.suppressed(Marks.of(map(tag, people)))) == len(people)
    assert scanned.row_count == len(values)
    assert [part.name for part in scanned.parts] == sorted(content)
    assert dict(scanned.members()) == {
        pseudonym(person): SHARDING.shard_of(pseudonym(person)) for person in people
    }


def test_the_member_digest_names_the_set_and_not_its_order_or_its_rows():
    one = scan_of({"a": [[ALICE, BOB], [BOB]], "b": [[ALICE.upper()]]})
    other = scan_of({"c": [[BOB, ALICE]]})

    assert one.member_digest == other.member_digest
    assert one.member_digest != scan_of({"c": [[BOB]]}).member_digest


def test_repetitions_beyond_what_is_remembered_are_still_one_person(monkeypatch):
    monkeypatch.setattr(scanning, "_REMEMBERED", 1)
    monkeypatch.setattr(scanning, "_SPARE", 2)

    scanned = scan_of({"a": [[f"p-{n % 5}"] for n in range(50)]})

    assert len(scanned.pseudonyms) == 5
    assert scanned.row_count == 50


def test_a_null_is_refused_with_its_place():
    with pytest.raises(NullIdentifier, match="part b, column Name, row 3"):
        scan_of({"a": [[ALICE]], "b": [[ALICE, BOB], [None, ALICE]]})


def test_a_malformed_value_is_refused_with_its_place_and_never_repeated():
    with pytest.raises(MalformedIdentifier, match="part a, column Name, row 2") as refusal:
        scan_of({"a": [[ALICE, f"{BOB}\x00"]]})

    assert BOB not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("value", [1.0, True, b"x", ["x"]])
def test_values_that_cannot_name_anybody_are_refused(value):
    with pytest.raises(MalformedIdentifier):
        scan_of({"a": [[1, value]]}, kind=IdentifierKind.INTEGER)


def test_a_place_that_changes_while_it_is_read_is_refused():
    with pytest.raises(ChangedMeanwhile):
        scan_of({"a": [[ALICE]]}, rewritten={"a": [[BOB]]})


def test_an_empty_place_has_no_members():
    scanned = scan_of({"a": []})

    assert list(scanned.members()) == []
    assert scanned.row_count == 0
