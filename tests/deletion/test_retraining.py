import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typing_extensions import override

from audits.models import Alert
from deletion import actions, tasks
from deletion.models import DeletionRequest, Run, Share
from deletion.queries import work
from lineage.graph import EdgeKind
from tests.cast import ALICE, OFFICER
from tests.deletion.builders import (
    DORA,
    events,
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    train_off,
    walk,
    work_off,
)
from tests.lineage.builders import make_node
from tests.training.builders import make_trained_model, version_of
from training.evidence import EvidenceClass
from training.models import ModelVersion, TrainingRun
from training.trainers import TRAINERS
from training.trainers.sharded import ShardedTrainer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def model(tmp_path):
    return make_trained_model(tmp_path)


@pytest.fixture
def alice(model):
    """ALICE's request; the store is clean and the model's training waits to be driven."""
    opened = make_request(raw(ALICE), now=right_now())
    for _ in range(3):
        tasks.sweep()
        work_off()
    assert outcomes(opened) == {"patients": "erased", "triage": ""}
    return opened


def retraining() -> Run:
    return Run.objects.get(kind="retrain")


def training_of(run: Run) -> TrainingRun:
    return TrainingRun.objects.get(deletion_run=run)


def watch(*, most_attempts=5):
    return actions.watch_retraining(
        run_id=retraining().pk, most_attempts=most_attempts, actor=OFFICER, now=right_now()
    )


def fail_training(reason: str = "the machine is gone") -> None:
    """Let the open training run end as it does when its attempts end."""
    TrainingRun.objects.filter(deletion_run=retraining()).update(
        state="failed", last_error=reason, finished_at=right_now()
    )


def test_training_is_asked_for_once_the_store_is_clean_and_not_before(model):
    make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    assert not Run.objects.filter(kind="retrain").exists()

    work_off()
    tasks.sweep()

    run = retraining()
    assert training_of(run).forced
    assert training_of(run).source == model.family.versions.get(seq=2).node
    assert "RunStarted" in events(f"run/{run.pk}")


def test_while_training_runs_nothing_is_decided(alice):
    assert watch() is None
    assert outcomes(alice)["triage"] == ""


def test_a_model_that_was_trained_without_the_person_ends_as_retrained(alice, model):
    train_off()

    watch()

    assert outcomes(alice)["triage"] == "retrained"
    share = Share.objects.get(obligation__kind="retrain")
    assert share.note.startswith("version 2, ")
    assert share.run == retraining()
    assert retraining().evidence["version"] == 2
    assert retraining().evidence["evidence class"] == "exact component"
    assert version_of(model, 1).state == "destroyed"
    assert events(f"run/{retraining().pk}")[-1] == "RunFinished"


def test_when_no_new_version_qualifies_the_old_one_goes_all_the_same(tmp_path, model):
    opened = make_request(raw(ALICE), now=right_now())
    for file in tmp_path.glob("*.parquet"):
        scramble(file)

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened)["triage"] == "retired"
    assert version_of(model, 1).state == "destroyed"
    assert not ModelVersion.objects.filter(model=model, state="released").exists()


class Unlearning(ShardedTrainer):
    """A trainer that says of itself that it only approximates."""

    @property
    @override
    def evidence(self):
        return EvidenceClass.APPROXIMATE


def test_what_a_trainer_only_approximates_is_recorded_and_closes_nothing(alice, model, monkeypatch):
    monkeypatch.setitem(TRAINERS, "sharded-sklearn", Unlearning())
    train_off()

    watch(most_attempts=1)

    version = version_of(model, 2)
    assert (version.evidence_class, version.manifest["evidence"]) == ("approximate",) * 2
    assert outcomes(alice)["triage"] == "unreachable"
    assert state(alice) == "in progress"
    assert retraining().state == "stuck"
    assert "approximate unlearning cannot show" in retraining().last_error

    monkeypatch.undo()
    actions.retry_run(run_id=retraining().pk, actor=OFFICER, now=right_now())
    walk()
    assert state(alice) == "complete"
    assert outcomes(alice)["triage"] == "retrained"


def scramble(file) -> None:
    """Make what is to be learned unlearnable, without anybody leaving."""
    table = pq.read_table(file)
    labels = table["label"].to_pylist()
    place = table.column_names.index("label")
    pq.write_table(table.set_column(place, "label", pa.array(labels[::-1][:1] * len(labels))), file)


def test_a_training_that_failed_is_asked_for_again(alice):
    first = retraining().training_run_id
    fail_training()

    watch()
    assert retraining().training_run_id is None
    assert retraining().last_error == "failed: the machine is gone"
    assert watch() is None  # it waits before the next attempt

    make_due()
    watch()
    assert retraining().training_run_id not in {None, first}

    train_off()
    watch()
    assert outcomes(alice)["triage"] == "retrained"
    assert "AttemptFailed" in events(f"run/{retraining().pk}")


def test_when_training_fails_for_good_a_person_must_look_and_may_let_it_try_again(alice):
    fail_training()

    watch(most_attempts=1)

    assert retraining().state == "stuck"
    assert outcomes(alice)["triage"] == "unreachable"
    assert state(alice) == "in progress"
    assert Alert.objects.filter(kind="run-stuck").exists()
    assert work.retrainings(now=right_now()) == []

    actions.retry_run(run_id=retraining().pk, actor=OFFICER, now=right_now())
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice)["triage"] == "retrained"


def test_a_person_held_meanwhile_is_left_open_and_freed_by_a_later_training(alice, model):
    actions.place_hold(
        request_id=alice.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=right_now(),
    )
    walk()
    assert outcomes(alice) == {"patients": "erased", "triage": "held"}
    assert retraining().state == "succeeded"

    actions.release_hold(request_id=alice.request.pk, actor=DORA, now=right_now())
    walk()

    assert state(alice) == "complete"
    assert outcomes(alice)["triage"] == "retrained"


def test_a_model_trained_meanwhile_on_the_old_data_is_not_overlooked(alice, model, tmp_path):
    late = make_late_version(model)
    train_off()

    walk()

    assert state(alice) == "complete"
    late.refresh_from_db()
    assert late.state == "destroyed"
    assert not DeletionRequest.objects.exclude(state="complete").exists()


def make_late_version(model) -> ModelVersion:
    """Let somebody else's tool bring a version of the model that learned the old data."""
    learned = model.family.versions.get(seq=1)
    node = make_node(
        name=model.name, version="late", sources=[(learned.node_id, EdgeKind.TRAINED_ON)]
    )
    return ModelVersion.objects.create(
        model=model,
        number=77,
        node=node,
        state="trained",
        dataset_version=learned,
        artefact="late",
        artefact_digest="0" * 64,
        trained_at=right_now(),
    )
