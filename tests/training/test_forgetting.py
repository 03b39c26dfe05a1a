"""What a model forgets: exactly whom, in which files, and at what cost."""

import pyarrow.parquet as pq
import pytest

from config.traces import tables_naming
from lineage.queries import member_shards, reach_of, resolve
from lineage.sharding import HOLD_OUT
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import (
    forget,
    make_family,
    make_store,
    make_version,
    pseudonym,
    recorded,
)
from tests.training.builders import (
    MANY,
    artefact_files,
    artefact_folder,
    files_holding,
    make_model,
    make_patients,
    remove,
    train,
    version_of,
    write_symptoms,
)
from training import queries
from training.actions import declare_gates
from training.models import ModelVersion, ShardFit, Snapshot
from training.states import RunState

pytestmark = pytest.mark.django_db

WARD = "isolation-canary-3c"  # only Alice is there, so a snapshot of her shard says it
WARDS = {"ward": [WARD, *(["north", "south"] * 79), "north"]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "patients"


@pytest.fixture
def model(folder):
    model = make_model(make_patients(folder, changes=WARDS).family)
    assert train(model).state is RunState.SUCCEEDED
    return model


def shard_of(person, model):
    newest = queries.origin_of(queries.newest_source(model.pk)).dataset
    return member_shards(version_id=newest.pk)[pseudonym(person)]


def leave(person, folder, model):
    """Let the files lose a person, register what is left, and forget them."""
    remove(person, folder)
    version = make_version(model.family)
    forget(person)
    return version


def test_one_person_who_leaves_costs_one_shard(model, folder):
    shard = shard_of(ALICE, model)
    assert shard != HOLD_OUT
    leave(ALICE, folder, model)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED
    assert (summary.shards_hit, summary.shards_total) == (1, 4)
    fits = ShardFit.objects.filter(run=summary.run_id)
    assert [fit.shard for fit in fits.filter(reused=False)] == [shard]
    assert summary.evidence["versions destroyed"] == [1]
    assert summary.evidence["snapshots destroyed"] == 1


def test_shards_fitted_after_a_deletion_make_the_model_that_never_saw_the_person(
    model, folder, tmp_path
):
    leave(ALICE, folder, model)
    train(model, forced=True)
    elsewhere = make_model(model.family, name="fresh")
    train(elsewhere)

    forgot, fresh = version_of(model, 2), version_of(elsewhere, 1)

    # Seeds are named after the model, and logistic regression uses none: the bytes can be equal.
    assert forgot.artefact_digest == fresh.artefact_digest
    assert not set(forgot.snapshots.all()) & set(fresh.snapshots.all())


def test_nothing_of_the_person_stays_in_any_artefact(model, folder):
    first = version_of(model, 1)
    held = files_holding(WARD)
    assert {path.relative_to(artefact_folder()).as_posix() for path in held} == {
        first.artefact,
        first.snapshots.get(shard=shard_of(ALICE, model)).file,
    }
    others = {path: path.read_bytes() for path in artefact_files(model) - held}
    leave(ALICE, folder, model)

    train(model, forced=True)

    assert files_holding(WARD) == set()
    assert tables_naming(WARD) == set()
    assert tables_naming(ALICE) == set()
    assert {path: path.read_bytes() for path in others} == others
    assert Snapshot.objects.filter(destroyed_at=None).count() == 4
    assert [entry["facts"]["shard"] for entry in recorded("SnapshotDestroyed")] == [
        first.snapshots.get(destroyed_at__isnull=False).shard
    ]


def test_every_older_version_goes_whatever_became_of_it(model, folder):
    train(model)
    train(model)
    assert [one.state for one in ModelVersion.objects.order_by("number")] == [
        *("destroyed", "standby", "released")
    ]
    leave(ALICE, folder, model)

    train(model, forced=True)

    assert [one.state for one in ModelVersion.objects.order_by("number")] == [
        *("destroyed", "destroyed", "destroyed", "released")
    ]


def living(nodes):
    return ModelVersion.objects.filter(node__in=nodes).exclude(state="destroyed")


def test_the_graph_says_that_nobody_taints_what_is_left(model, folder):
    subjects = list(resolve([pseudonym(ALICE)]).values())
    other = next(who for who in MANY[1:] if shard_of(who, model) != HOLD_OUT)
    bystander = list(resolve([pseudonym(other)]).values())
    tainted = reach_of(subjects).tainted()
    assert [one.number for one in living(tainted)] == [1]
    remove(ALICE, folder)
    make_version(model.family)

    train(model, forced=True)

    assert not living(reach_of(subjects).tainted())
    assert [v.number for v in living(reach_of(bystander).tainted())] == [2]


def test_a_held_out_person_who_leaves_costs_no_shard(model, folder):
    held_out = next(who for who in MANY if shard_of(who, model) == HOLD_OUT)
    before = version_of(model, 1)
    leave(held_out, folder, model)

    summary = train(model, forced=True)

    after = version_of(model, 2)
    assert summary.shards_hit == 0
    assert after.artefact_digest == before.artefact_digest
    assert after.manifest["hold_out"] != before.manifest["hold_out"]
    assert after.metrics["people"] == before.metrics["people"] - 1


def test_two_people_of_one_shard_cost_one_shard(model, folder):
    shard = shard_of(ALICE, model)
    other = next(who for who in MANY[1:] if shard_of(who, model) == shard)
    remove(other, folder)
    leave(ALICE, folder, model)

    assert train(model, forced=True).shards_hit == 1


def test_a_file_that_loses_everybody_does_not_stop_a_deletion(folder):
    write_symptoms(folder)
    alone = folder / "part-9.parquet"
    pq.write_table(pq.read_table(folder / "part-0.parquet").slice(0, 1), alone)
    remove(ALICE, folder / "part-0.parquet")
    family = make_family(make_store(folder), hold_out_permille=250)
    make_version(family)
    model = make_model(family)
    train(model)
    leave(ALICE, folder, model)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED
    assert version_of(model, 2).state == "released"


def test_what_a_killed_worker_left_behind_goes_with_the_rest(model, folder):
    stray = artefact_folder() / str(model.pk) / "snapshots" / "stray.json"
    stray.write_text(WARD)
    leave(ALICE, folder, model)

    train(model, forced=True)

    assert not stray.exists()
    assert files_holding(WARD) == set()


def test_what_stands_in_for_gaps_is_forgotten_with_the_people_it_was_learned_from(tmp_path):
    folder = tmp_path / "patients"
    ages = {"age": [77.125, *[None] * (len(MANY) - 1)]}  # Alice is the only one who has an age
    family = make_patients(folder, changes=ages).family
    rules = {"age": {"fill": "median", "missing_permille": 1000}, "ward": {"fill": "mode"}}
    declare_gates(family_id=family.pk, rules={"columns": rules}, actor=OFFICER, now=MONDAY)
    model = make_model(family)
    assert train(model).state is RunState.SUCCEEDED
    shard = shard_of(ALICE, model)
    assert {path.relative_to(artefact_folder()).as_posix() for path in files_holding("77.125")} == {
        version_of(model, 1).artefact,
        version_of(model, 1).snapshots.get(shard=shard).file,
    }
    assert tables_naming("77.125") == set()
    leave(ALICE, folder, model)

    summary = train(model, forced=True)
    elsewhere = make_model(family, name="fresh")
    train(elsewhere)

    assert (summary.shards_hit, summary.shards_total) == (1, 4)
    assert files_holding("77.125") == set()
    assert version_of(model, 2).manifest["imputation"]["rules"] == {"age": "median", "ward": "mode"}
    assert version_of(model, 2).artefact_digest == version_of(elsewhere, 1).artefact_digest


def test_another_rule_for_gaps_has_everybody_fitted_anew(folder, model):
    rules = {"columns": {"size": {"fill": {"constant": 10}}}}
    declare_gates(family_id=model.family_id, rules=rules, actor=OFFICER, now=MONDAY)

    summary = train(model)

    assert (summary.shards_hit, summary.shards_total) == (4, 4)
    assert train(model).shards_hit == 0
