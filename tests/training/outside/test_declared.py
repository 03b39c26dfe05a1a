import pytest

from config.environment import Environment
from tests.training.outside.builders import command, written
from training.errors import ParametersInvalid, TrainerUnknown
from training.outside.declared import NotDeclarable, read_declared
from training.queries import trainer_named, trainer_names
from training.trainers import TRAINERS
from training.trainers.sharded import ShardedTrainer


def test_a_command_is_declared_with_what_it_runs():
    (trainer,) = command(limit_seconds=5, OMP_NUM_THREADS="1").values()

    assert trainer.revision == "nearest, command, git:4f1c2ab"
    assert trainer.limit_seconds == 5.0
    assert dict(trainer.environment) == {"OMP_NUM_THREADS": "1"}
    trainer.check({"rate": 0.1, "kind": "l2"})
    with pytest.raises(ParametersInvalid, match="rate"):
        trainer.check({"rate": [0.1]})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("nearest = 1", "a table"),
        ("[a b]", "not TOML"),
        ("['a b']\ncode='git:1234'", "a plain name"),
        ("[n]\nargv=['/bin/true']", "code has to name"),
        ("[n]\ncode='git:1234'", "argv is no list"),
        ("[n]\ncode='git:1234'\nargv=[]", "argv is no list"),
        ("[n]\ncode='git:1234'\nargv='/bin/true'", "argv is no list"),
        ("[n]\ncode='git:1234'\nargv=['true']", "the whole path"),
        ("[n]\ncode='git:1234'\nargv=['/bin/true']\nlimit_seconds=0", "limit_seconds"),
        ("[n]\ncode='git:1234'\nargv=['/bin/true']\nlimit_seconds=true", "limit_seconds"),
        ("[n]\ncode='git:1234'\nargv=['/bin/true']\nshell=true", "shell is not known"),
        ("[n]\ncode='git:1234'\nargv=['/bin/true']\nenvironment={a='b'}", "environment"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_without_its_values(said, reason):
    with pytest.raises(NotDeclarable, match=reason) as refused:
        read_declared(said)

    assert "/bin/true" not in str(refused.value)


def test_the_environment_reads_the_declaration_and_keeps_mistakes_without_values(monkeypatch):
    env = Environment()
    monkeypatch.setenv("GOOD", written())
    monkeypatch.setenv("BAD", "[n]\ncode='secret'")

    assert list(env.trainers("GOOD")) == ["nearest"]
    env.trainers("BAD")

    with pytest.raises(Exception, match="argv is no list") as refused:
        env.seal()
    assert "secret" not in str(refused.value)


def install(folder, monkeypatch, **offered):
    """Install a package that offers trainers by entry points, as pip leaves it."""
    (folder / "my_trainers.py").write_text(
        "from training.trainers.sharded import ShardedTrainer\n"
        "class Mine(ShardedTrainer):\n"
        "    revision = 'mine 1'\n"
        "nothing = 7\n"
    )
    about = folder / "my_trainers-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-trainers\nVersion: 1\n")
    lines = "".join(f"{name} = my_trainers:{made}\n" for name, made in offered.items())
    (about / "entry_points.txt").write_text(f"[lethe.trainers]\n{lines}")
    monkeypatch.syspath_prepend(folder)


def test_a_package_adds_a_trainer_but_replaces_none(tmp_path, monkeypatch):
    offered = {"mine": "Mine", "broken": "nothing", "sharded-sklearn": "Mine"}
    install(tmp_path, monkeypatch, **offered)

    assert trainer_names() == sorted({*TRAINERS, "mine", "broken"})
    assert trainer_named("mine").revision == "mine 1"
    assert isinstance(trainer_named("mine"), ShardedTrainer)
    assert trainer_named("sharded-sklearn") is TRAINERS["sharded-sklearn"]
    with pytest.raises(TrainerUnknown, match="is no trainer"):
        trainer_named("broken")


def test_a_declared_trainer_takes_no_name_of_a_built_in_one(settings):
    settings.TRAINERS = {**command(), "sharded-sklearn": command()["nearest"]}

    assert trainer_named("sharded-sklearn") is TRAINERS["sharded-sklearn"]
    assert trainer_named("nearest") is settings.TRAINERS["nearest"]
    with pytest.raises(TrainerUnknown, match="nearest"):
        trainer_named("crystal-ball")
