import pytest
from django.core.management import CommandError, call_command

from tests.cast import ALICE
from tests.lineage.builders import recorded
from tests.training.builders import make_model, make_patients, remove, start
from training import actions, queries
from training.models import Model, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "patients"


@pytest.fixture
def family(folder):
    return make_patients(folder).family


@pytest.fixture
def run(capsys):
    def run(*words: str) -> str:
        call_command(*words)
        printed: str = capsys.readouterr().out
        return printed

    return run


REGISTER = ("register_model", "triage", "--family", "patients", "--purpose", "beds")


def test_a_model_is_registered(run, family):
    printed = run(
        *REGISTER,
        *("--parameters", '{"C": 0.5}', "--features", "size", "ward"),
        *("--margin", "100", "--fallback", "well"),
    )

    model = Model.objects.get()
    assert printed == "model triage: sharded-sklearn on patients\n"
    assert (model.parameters, model.features) == ({"C": 0.5}, ["size", "ward"])
    assert (model.margin_permille, model.fallback) == (100, {"label": "well"})
    assert recorded("ModelRegistered")[0]["actor"] == "command:register_model"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--parameters", "{"), "not JSON"),
        (("--parameters", "[]"), "a JSON object, such as"),
        (("--margin", "0"), "from 1 to 1000"),
        (("--trainer", "crystal-ball"), "invalid choice"),
        (("--features", "label"), "ParametersInvalid"),
        (("--family", "none"), "NodeUnknown"),
        (("--family", "a b"), "a name has"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_in_one_line(run, family, words, reason):
    with pytest.raises(CommandError, match=reason) as refused:
        run(*REGISTER, *words)

    assert "\n" not in str(refused.value)
    assert not Model.objects.exists()


def test_a_training_waits_for_a_worker(run, family):
    make_model(family)

    printed = run("train", "triage")

    run_id = TrainingRun.objects.get().pk
    assert printed == f"run {run_id} waits for a worker\n"
    assert TrainingRun.objects.get().reason == "asked for on the command line"


def test_a_training_is_waited_for(run, family):
    make_model(family)

    first = run("train", "triage", "--wait")
    second = run("train", "triage", "--wait")

    assert first.splitlines() == [
        "triage version 1 serves: 4 of 4 shards fitted, accuracy 1.0000",
        "  measured on 45 held-out people; heuristic accuracy 0.5111",
    ]
    assert second.splitlines() == [
        "triage version 2 serves: 0 of 4 shards fitted, accuracy 1.0000",
        "  measured on 45 held-out people; champion accuracy 1.0000",
    ]


def test_a_refusal_is_said_in_one_line(run, family, folder):
    make_model(family)
    remove(ALICE, folder)

    with pytest.raises(CommandError, match="triage: refused, source: the files are not those"):
        run("train", "triage", "--wait")


def test_an_attempt_that_fails_is_said_in_one_line(run, family, folder):
    make_model(family)
    (folder / "part-0.parquet").write_bytes(b"")

    with pytest.raises(CommandError, match=r"an attempt failed: PartCorrupt: .*try again"):
        run("train", "triage", "--wait")


def test_a_run_that_somebody_else_works_on_is_waited_for(run, family, monkeypatch):
    model = make_model(family)
    run_id = start(model)
    turns = []

    def elsewhere(_seconds):
        turns.append(queries.run_summary(run_id).state)
        TrainingRun.objects.update(lease_until=None)

    TrainingRun.objects.update(lease_until="2999-01-01T00:00:00Z")
    monkeypatch.setattr("training.management.commands.train.time.sleep", elsewhere)

    assert run("train", "triage", "--wait").startswith("triage version 1 serves")
    assert turns == ["waiting"]


def test_a_run_that_is_stopped_is_not_waited_for(run, family, monkeypatch):
    model = make_model(family)
    real = actions.start_run

    def start_and_stop(**said):
        run_id = real(**said)
        actions.stop(scope="everything", reason="r", actor=said["actor"], now=said["now"])
        return run_id

    monkeypatch.setattr(actions, "start_run", start_and_stop)

    with pytest.raises(CommandError, match="stopped: the run waits"):
        run("train", model.name, "--wait")


def test_what_cannot_be_trained_is_said_in_one_line(run, family):
    with pytest.raises(CommandError, match="ModelUnknown: No model of that name is registered"):
        run("train", "triage")


def test_a_stop_is_pulled(run, family):
    make_model(family)

    printed = run("stop", "model/triage", "--reason", "it harms")

    assert printed.startswith("stopped: model/triage, since ")
    assert queries.is_stopped("triage")
    with pytest.raises(CommandError, match="StopUnknown"):
        run("stop", "nothing", "--reason", "r")


def test_an_open_training_is_cancelled(run, family):
    run_id = start(make_model(family))

    assert run("cancel_training", "triage") == f"run {run_id} is cancelled\n"

    assert queries.run_summary(run_id).state == "failed"
    assert recorded("TrainingCancelled")[0]["actor"] == "command:cancel_training"
    with pytest.raises(CommandError, match="triage is not being trained"):
        run("cancel_training", "triage")
