from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from audits.models import Alert
from audits.statements import digest_of, open_envelope
from lineage.graph import EdgeKind
from lineage.leases import Token
from lineage.models import DatasetVersion, Edge
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import make_version, recorded
from tests.training.builders import (
    artefact_files,
    make_model,
    make_patients,
    make_trained_model,
    remove,
    right_now,
    start,
    train,
    version_of,
)
from training import actions, queries, tasks
from training.driving import Step
from training.errors import MoveNotAllowed, NothingReleased, VersionNotServable
from training.models import ModelRelease, ModelVersion, Qualification, TrainingRun
from training.qualification import Judgement
from training.states import RunState

pytestmark = pytest.mark.django_db

POOR = Judgement(passed=False, reason="worse by 40 %", measured={"people": 45})


@pytest.fixture
def model(tmp_path):
    return make_trained_model(tmp_path / "patients")


def judge(model, judgement, *, forced=False):
    """Train up to the judgement, then say this instead of what was measured."""
    run_id = start(model, forced=forced)
    for step in (tasks.check, tasks.assemble):
        step.run(str(run_id))
    lease = actions.claim_run(
        run_id=run_id,
        step=Step.JUDGE,
        most_attempts=3,
        owner="host:1",
        length=timedelta(seconds=60),
        actor=OFFICER,
        now=MONDAY,
    )
    assert lease
    actions.record_judgement(
        run_id=run_id, token=lease.token, judgement=judgement, actor=OFFICER, now=MONDAY
    )
    return run_id


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    """Let tasks send nothing."""
    monkeypatch.setattr(tasks, "_send", lambda _steps: None)


def opened(model):
    signer = queries.model_signer()
    envelope = queries.serving(model.name, now=right_now()).envelope
    return open_envelope(envelope, public_keys={signer.name: signer.public_key})


def test_a_version_says_in_the_graph_what_it_came_from(model):
    version = version_of(model, 1)

    edges = set(Edge.objects.filter(target=version.node).values_list("source", "kind"))

    source = DatasetVersion.objects.get().node_id
    assert edges == {(source, EdgeKind.TRAINED_ON), (source, EdgeKind.EVALUATED_ON)}
    (entry,) = recorded("VersionTrained")
    assert entry["facts"]["artefact"] == version.artefact_digest
    assert (entry["facts"]["shards"], entry["facts"]["shards_fitted"]) == (4, 4)


def test_a_manifest_names_every_snapshot(model):
    version = version_of(model, 1)

    shards = version.manifest["shards"]

    assert [one["snapshot"] for one in shards] == list(
        version.snapshots.order_by("shard").values_list("digest", flat=True)
    )
    assert version.manifest["source"]["member_digest"] == DatasetVersion.objects.get().member_digest
    assert sum(one["people"] for one in shards) + version.manifest["hold_out"]["people"] == 160


def test_a_qualified_version_is_released_under_signature(model):
    version = version_of(model, 1)

    statement = opened(model)

    assert version.state == "released"
    assert statement["subject"] == [
        {"name": "triage@1", "digest": {"sha256": version.artefact_digest}}
    ]
    assert statement["predicate"]["metrics"] == version.metrics
    release = ModelRelease.objects.get()
    (entry,) = recorded("VersionReleased")
    assert entry["facts"]["statement"] == digest_of(release.envelope)
    (entry,) = recorded("VersionJudged")
    assert entry["facts"]["passed"] is True
    assert entry["facts"]["champion"] is None
    assert entry["facts"]["measured"]["people"] == 45


def test_what_is_signed_at_the_release_is_what_is_told_from_then_on(tmp_path):
    ages = [2e18 + number * 1e16 for number in range(160)]
    family = make_patients(tmp_path / "patients", changes={"age": ages}).family
    model = make_model(family)
    train(model)

    release = ModelRelease.objects.get()
    told = queries.serving(model.name, now=release.released_at).envelope

    assert version_of(model, 1).qualification.tested["age"]["to"] > 1e18
    assert told == release.envelope


def test_the_next_version_takes_the_place_of_the_one_that_served(model):
    train(model)

    first, second = version_of(model, 1), version_of(model, 2)
    assert (first.state, second.state) == ("standby", "released")
    assert first.release.withdrawn_at is not None
    assert second.qualification.champion == first
    assert opened(model)["predicate"]["version"] == 2
    (entry,) = recorded("VersionStoodBy")
    assert entry["facts"]["because"] == "version 2 serves instead"
    assert len(artefact_files(model)) == 6  # four snapshots that both share, two artefacts


def test_a_challenger_that_is_refused_leaves_the_champion(model):
    run_id = judge(model, POOR)
    tasks.drive(run_id)

    assert version_of(model, 1).state == "released"
    assert version_of(model, 2).state == "unqualified"
    summary = queries.run_summary(run_id)
    assert (summary.state, summary.reason) == (RunState.REFUSED, "worse by 40 %")
    assert opened(model)["predicate"]["version"] == 1
    alert = Alert.objects.get(resolved_at=None)
    assert (alert.kind, alert.detail["because"]) == ("training-refused", ["worse by 40 %"])


def test_in_a_forced_run_a_refused_challenger_takes_everything_with_it(model):
    before = artefact_files(model)
    assert before

    run_id = judge(model, POOR, forced=True)
    tasks.drive(run_id)

    assert {one.state for one in ModelVersion.objects.all()} == {"destroyed"}
    assert artefact_files(model) == set()
    assert queries.run_summary(run_id).state is RunState.REFUSED
    alert = Alert.objects.get(kind="no-version-serves")
    assert alert.detail == {"fallback": {"label": "well"}}
    statement = opened(model)
    assert statement["predicate"]["stop"] is True
    assert statement["predicate"]["fallback"] == {"label": "well"}


def test_a_released_version_answers_what_people_were_asked_to_look_at(model):
    judge(model, POOR, forced=True)
    run_id = queries.destroying_run(model.pk)
    assert run_id
    tasks.drive(run_id)
    assert Alert.objects.filter(resolved_at=None).count() == 2

    train(model)

    assert version_of(model, 3).state == "released"
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert len(recorded("AlertResolved")) == 2


def test_alerts_about_other_models_stay(model, tmp_path):
    other = make_model(model.family, name="beds")
    actions.report_damage(version_id=version_of(model, 1).pk, actor=OFFICER, now=MONDAY)

    train(other)

    assert Alert.objects.get().resolved_at is None


def test_nothing_is_released_that_was_trained_on_replaced_data(model, tmp_path):
    run_id = start(model)
    for step in (tasks.check, tasks.assemble):
        step.run(str(run_id))
    lease = actions.claim_run(
        run_id=run_id,
        step=Step.JUDGE,
        most_attempts=3,
        owner="host:1",
        length=timedelta(seconds=60),
        actor=OFFICER,
        now=MONDAY,
    )
    remove(ALICE, tmp_path / "patients")
    newest = make_version(model.family)
    good = Judgement(passed=True, reason="as good", measured={"people": 45})

    assert lease
    state = actions.record_judgement(
        run_id=run_id, token=lease.token, judgement=good, actor=OFFICER, now=MONDAY
    )

    assert state is RunState.WAITING
    second = version_of(model, 2)
    assert second.state == "withdrawn"
    assert second.doomed_at is not None
    assert tasks.drive(run_id) is RunState.SUCCEEDED
    assert version_of(model, 2).state == "destroyed"
    assert version_of(model, 3).dataset_version == newest


def test_what_only_replaced_data_made_is_refused_if_there_is_nothing_newer(model):
    DatasetVersion.objects.update(state="quarantined")
    good = Judgement(passed=True, reason="as good", measured={"people": 45})
    run_id = start(model)
    DatasetVersion.objects.update(state="clear")
    for step in (tasks.check, tasks.assemble):
        step.run(str(run_id))
    lease = actions.claim_run(
        run_id=run_id,
        step=Step.JUDGE,
        most_attempts=3,
        owner="host:1",
        length=timedelta(seconds=60),
        actor=OFFICER,
        now=MONDAY,
    )
    DatasetVersion.objects.update(state="quarantined")

    assert lease
    actions.record_judgement(
        run_id=run_id, token=lease.token, judgement=good, actor=OFFICER, now=MONDAY
    )

    assert Qualification.objects.get(version=version_of(model, 2)).reason == (
        "this is version 1 of patients, which is quarantined"
    )


def test_a_run_without_a_version_has_nothing_to_judge(model):
    run_id = start(model)
    for step in (tasks.check, tasks.assemble):
        step.run(str(run_id))
    TrainingRun.objects.filter(pk=run_id).update(version=None, fencing_token=9)

    with pytest.raises(VersionNotServable):
        actions.record_judgement(
            run_id=run_id, token=Token(9), judgement=POOR, actor=OFFICER, now=MONDAY
        )


def test_what_is_destroyed_is_destroyed_once(model):
    version = version_of(model, 1)
    with pytest.raises(MoveNotAllowed):
        actions.mark_destroyed(version_ids=[version.pk], actor=OFFICER, now=MONDAY)
    ModelVersion.objects.update(state="withdrawn", withdrawn_at=MONDAY)

    counts = [
        actions.mark_destroyed(version_ids=[version.pk], actor=OFFICER, now=MONDAY)
        for _ in range(2)
    ]

    assert counts == [1, 0]
    assert len(recorded("VersionDestroyed")) == 1
    assert version_of(model, 1).state == "destroyed"


def test_a_model_that_never_released_anything_says_nothing(tmp_path):
    model = make_model(make_patients(tmp_path).family)

    with pytest.raises(NothingReleased):
        queries.serving(model.name, now=right_now())


@pytest.mark.parametrize(
    ("state", "becomes"),
    [
        ("withdrawn", "released"),
        ("withdrawn", "qualified"),
        ("destroyed", "withdrawn"),
        ("unqualified", "released"),
        ("trained", "released"),
    ],
)
def test_the_database_itself_refuses_a_way_back(model, state, becomes):
    ModelVersion.objects.update(state=state)

    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.update(state=becomes)

    assert version_of(model, 1).state == state


def test_the_database_itself_refuses_what_was_trained_on_replaced_data(model):
    ModelVersion.objects.update(state="qualified")
    DatasetVersion.objects.update(state="superseded")

    with pytest.raises(IntegrityError, match="not clear"), transaction.atomic():
        ModelVersion.objects.update(state="released")

    DatasetVersion.objects.update(state="clear")
    ModelVersion.objects.update(state="released")


def test_the_database_itself_refuses_what_did_not_qualify(model):
    ModelVersion.objects.update(state="qualified")
    Qualification.objects.update(passed=False)

    with pytest.raises(IntegrityError, match="only a version that qualified"):
        ModelVersion.objects.update(state="released")
