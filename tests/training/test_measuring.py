import pyarrow as pa

from lineage.sharding import HOLD_OUT
from tests.training.memory import patients, source
from training.measuring import measure
from training.plans import Recipe, plan_of
from training.profiles import profile_of
from training.reading import read_people
from training.trainers import trainer_named

TRAINER = trainer_named("sharded-sklearn")
TABLE = patients(200, size=[20.0 if number % 3 else 10.0 for number in range(200)])


def model(table=TABLE):
    people = read_people(source(table), [])
    plan = plan_of(
        people, Recipe(model="m", revision="1", parameters={}), profile=profile_of(people)
    )
    return TRAINER.load(
        TRAINER.assemble(
            {
                shard.shard: TRAINER.fit_shard(
                    people.in_shard(shard.shard).data, parameters={}, seed=1
                )
                for shard in plan.shards
            }
        )
    )


def held_out(table=TABLE):
    return read_people(source(table), []).in_shard(HOLD_OUT)


def measured(rows, *, champion=None, fallback=None):
    return measure(
        rows,
        challenger=model(),
        champion=champion,
        fallback=fallback or {},
        margin_permille=200,
        seed=1,
    )


def test_a_challenger_is_measured_on_the_hold_out_alone():
    rows = held_out()

    judgement = measured(rows)

    assert judgement.passed
    assert judgement.measured["people"] == rows.people
    assert judgement.measured["challenger accuracy"] == 1.0
    assert judgement.measured["accuracy by class"] == {"ill": 1.0, "well": 1.0}
    assert judgement.measured["hold-out"] == rows.row_digest


def test_a_champion_answers_the_same_rows():
    judgement = measured(held_out(), champion=model())

    assert judgement.passed
    assert judgement.measured["champion accuracy"] == 1.0


def test_a_champion_that_reads_other_columns_is_not_compared():
    other = model(TABLE.append_column("age", [[float(n) for n in range(200)]]))

    assert "champion accuracy" not in measured(held_out(), champion=other).measured


def test_the_declared_fallback_is_the_heuristic_to_beat():
    best = measured(held_out()).measured["heuristic accuracy"]
    declared = measured(held_out(), fallback={"label": "well"}).measured["heuristic accuracy"]

    assert best > 0.5 > declared


def test_rows_without_a_label_say_nothing():
    emptied = TABLE.set_column(3, "label", [pa.nulls(200, pa.string())])

    judgement = measured(held_out(emptied))

    assert not judgement.passed
    assert "nobody was held out" in judgement.reason


def test_some_rows_without_a_label_are_left_out():
    labels = [
        None if number % 2 else label for number, label in enumerate(TABLE["label"].to_pylist())
    ]

    judgement = measured(held_out(TABLE.set_column(3, "label", [labels])))

    assert 0 < judgement.measured["people"] < held_out().people
