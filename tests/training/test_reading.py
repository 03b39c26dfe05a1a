from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from lineage.sharding import HOLD_OUT, Shard
from lineage.stores.errors import ChangedMeanwhile, ColumnMissing
from tests.training.memory import SHARDING, Tables, mark, patients, shard_of, source
from training.columns import Feature, Kind
from training.errors import DataRefused
from training.reading import NOWHERE, read_people


def digests(*tables, names=()):
    people = read_people(source(*tables), names)
    return {shard: people.in_shard(shard).row_digest for shard in people.present()}


def test_everybody_is_read_into_the_shard_that_the_key_names():
    table = patients()

    people = read_people(source(table), [])

    assert people.shards == [shard_of(who) for who in table["who"].to_pylist()]
    assert people.pseudonyms == [mark(who).bytes for who in table["who"].to_pylist()]
    assert people.present() == [HOLD_OUT, *map(Shard, range(SHARDING.shards))]
    assert people.part_rows == {"part-0": 60}
    assert (people.strangers, people.misplaced) == (0, 0)


def test_there_is_one_zero():
    zeros, negative = (read_people(source(patients(size=[zero] * 60)), []) for zero in (0.0, -0.0))

    assert negative.in_shard(Shard(1)).row_digest == zeros.in_shard(Shard(1)).row_digest
    assert not np.signbit(negative.table["size"].to_numpy()).any()


def test_without_named_features_every_other_column_is_one():
    people = read_people(source(patients()), [])

    assert people.features == (
        Feature(name="size", kind=Kind.NUMBER),
        Feature(name="ward", kind=Kind.TEXT),
    )
    assert people.table.column_names == ["size", "ward", "label"]


def test_only_named_features_are_read_from_the_store():
    wanted = source(patients())

    people = read_people(wanted, ["ward"])

    assert isinstance(wanted.store, Tables)
    assert wanted.store.asked == [["who", "ward", "label"]]
    assert people.table.column_names == ["ward", "label"]


def test_the_order_of_the_rows_does_not_change_what_is_fitted():
    table = patients()
    shuffled = table.take(pa.array(list(reversed(range(60)))))

    assert digests(table) == digests(shuffled) == digests(table.slice(20), table.slice(0, 20))
    rows = read_people(source(table), []).in_shard(Shard(1))
    again = read_people(source(shuffled), []).in_shard(Shard(1))
    assert rows.data.table.equals(again.data.table)


def test_without_one_person_exactly_their_shard_changes():
    table = patients()
    person = table["who"][0].as_py()

    before, after = digests(table), digests(table.slice(1))

    assert {shard for shard in before if before[shard] != after[shard]} == {shard_of(person)}


def test_a_changed_value_changes_the_shard_of_its_person():
    table = patients()
    other = patients(ward=["west", *table["ward"].to_pylist()[1:]])

    before, after = digests(table), digests(other)

    assert {shard for shard in before if before[shard] != after[shard]} == {
        shard_of(table["who"][0].as_py())
    }


def test_rows_that_a_trainer_cannot_tell_apart_are_the_same():
    gaps = patients(size=pa.array([None, -0.0, *[1.0] * 58]))
    nans = patients(size=pa.array([float("nan"), 0.0, *[1.0] * 58]))

    assert digests(gaps) == digests(nans)


def test_texts_cannot_flow_into_one_another():
    first = patients(2, ward=["ab", None], label=["c", "c"])
    second = patients(2, ward=["a", None], label=["bc", "c"])

    assert digests(first) != digests(second)


def test_several_rows_of_a_person_stay_in_one_shard():
    table = pa.concat_tables([patients(), patients(size=[1.0] * 60)])

    people = read_people(source(table), [])

    for shard in people.present():
        rows = people.in_shard(shard)
        assert len(rows.pseudonyms) == 2 * rows.people


def test_one_shard_can_be_read_alone():
    table = patients()
    whole = read_people(source(table), [])

    alone = read_people(source(table), ["size", "ward"], features=whole.features, only=Shard(2))

    assert set(alone.shards) == {Shard(2)}
    assert alone.in_shard(Shard(2)) == whole.in_shard(Shard(2))
    assert alone.part_rows == {"part-0": 60}


def test_somebody_whom_the_index_does_not_know_is_nowhere():
    table = patients(3)
    members = {mark("person-1"): shard_of("person-1"), mark("person-2"): shard_of("person-2")}

    people = read_people(source(table, members=members), [])

    assert people.strangers == 1
    assert people.shards[0] == NOWHERE
    assert NOWHERE not in people.present()


def test_an_index_that_moves_somebody_out_of_the_hold_out_is_not_believed():
    table = patients()
    held_out = next(who for who in table["who"].to_pylist() if shard_of(who) == HOLD_OUT)
    members = {mark(who): shard_of(who) for who in table["who"].to_pylist()}
    members[mark(held_out)] = Shard(0)

    people = read_people(source(table, members=members), [])

    assert people.misplaced == 1
    assert mark(held_out).bytes not in people.in_shard(Shard(0)).pseudonyms


def test_another_spelling_is_the_same_person():
    table = patients(2, who=["Person-7", " person-7"])

    people = read_people(source(table), [])

    assert len(set(people.pseudonyms)) == 1


def test_parts_that_change_while_they_are_read_are_refused():
    with pytest.raises(ChangedMeanwhile):
        read_people(source(patients(), replaced={"part-0": patients(59)}), [])


def test_a_part_that_came_since_is_none_of_this_version():
    people = read_people(source(patients(), replaced={"part-9": patients(5)}), [])

    assert people.part_rows == {"part-0": 60}


def test_a_missing_label_is_named():
    with pytest.raises(ColumnMissing, match="no column named label"):
        read_people(source(patients().drop(["label"])), [])


def test_a_column_that_is_not_in_every_part_is_refused():
    more = patients(5, first=60).append_column("colour", [["red"] * 5])

    with pytest.raises(DataRefused, match="column colour is not in every part"):
        read_people(source(patients(), more), [])


def test_a_table_without_anything_to_learn_from_is_refused():
    with pytest.raises(DataRefused, match="no column beside"):
        read_people(source(patients().select(["who", "label"])), [])


def test_a_shard_that_is_cut_has_the_people_of_one_slice_after_the_other():
    people = read_people(source(patients()), [])
    whole, cut = people.in_shard(Shard(0)), people.in_shard(Shard(0), slices=3)

    slicer = SHARDING.slicer(3)

    drawn = [slicer(one) for one in cut.pseudonyms]
    assert drawn == sorted(drawn)
    assert [(one.number, one.rows) for one in cut.slices] == sorted(Counter(drawn).items())
    assert set(cut.pseudonyms) == set(whole.pseudonyms)
    assert cut.member_digest == whole.member_digest
    assert cut.data.until(1).table.num_rows == drawn.count(0) + drawn.count(1)
    assert whole.slices == ()


def test_without_one_person_exactly_their_slice_changes():
    table = patients()
    before = read_people(source(table), []).in_shard(Shard(0), slices=3)
    gone = before.pseudonyms[-1]
    stays = [mark(who).bytes != gone for who in table["who"].to_pylist()]

    after = read_people(source(table.filter(pa.array(stays))), []).in_shard(Shard(0), slices=3)

    assert before.slices[:-1] == after.slices[:-1]
    assert before.slices[-1] != after.slices[-1]
