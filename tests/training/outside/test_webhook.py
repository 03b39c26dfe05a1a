"""A service as a trainer, driven to the end over real HTTP on loopback, however it behaves."""

from io import BytesIO

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from config.traces import tables_naming
from lineage.queries import member_shards
from lineage.sharding import HOLD_OUT
from tests.cast import ALICE, BOB
from tests.lineage.builders import forget, make_version, pseudonym, recorded
from tests.training.builders import (
    MANY,
    artefact_files,
    make_model,
    make_patients,
    remove,
    right_now,
    start,
    version_of,
)
from tests.training.calling.recipient_server import LOOPBACK, recipient, status
from tests.training.outside.builders import jobs
from tests.training.outside.trainer_service import service
from training import queries, tasks
from training.calling.signing import shown_secret
from training.errors import AttemptFailed, ResultDisagrees, TrainerFailed, TrainerLost
from training.models import OutsideJob, ShardFit, TrainingRun
from training.outside import inbox
from training.outside.declared import NotDeclarable, read_declared
from training.outside.webhook import WebhookDriver
from training.states import RUN_OPEN, RunState

WARD = "isolation-canary-8d"  # only Alice is there
WARDS = {"ward": [WARD, *(["north", "south"] * 79), "north"]}


def declared(url, *, limit_seconds=60):
    return read_declared(
        f"[nearest]\nurl = '{url}'\ncode = 'git:4f1c2ab'\n"
        f"limit_seconds = {limit_seconds}\npoll_seconds = 0.1\n"
    )


@pytest.fixture
def trainer(settings, live_server):
    secret = shown_secret("trainer/nearest", signing_key=settings.WEBHOOK_SIGNING_KEY)
    with service(secret) as mine:
        settings.TRAINERS = declared(mine.wire.url)
        settings.PUBLIC_URL = live_server.url
        settings.RECIPIENT_PORTS = frozenset({mine.wire.port})
        settings.RECIPIENT_NETWORKS = LOOPBACK
        settings.RECIPIENT_PLAIN_HTTP = True
        settings.ATTEMPTS = 9
        yield mine


def look(run_id):
    """Look after a run as the next sweep does; return why an attempt came to nothing."""
    TrainingRun.objects.update(not_before=None)
    ShardFit.objects.update(not_before=None)
    try:
        tasks.drive(run_id)
    except AttemptFailed as failed:
        return str(failed)
    return ""


def to_the_end(run_id, trainer):
    while queries.run_summary(run_id).state in RUN_OPEN:
        assert not look(run_id)
        trainer.wait()
    return queries.run_summary(run_id)


def rows_given(trainer, number):
    return pq.read_table(BytesIO(trainer.given[number]))["ward"].to_pylist()


@pytest.mark.django_db(transaction=True)
def test_whatever_a_service_does_its_training_ends_right(trainer, settings, tmp_path):
    folder = tmp_path / "patients"
    model = make_model(make_patients(folder, changes=WARDS).family, trainer="nearest")
    run_id = start(model)

    comes_to_nothing(trainer, run_id, settings)
    answers_after_it_was_lost_and_more_than_once(trainer, run_id)

    assert to_the_end(run_id, trainer).state is RunState.SUCCEEDED
    assert jobs() == [
        *(("train", state) for state in ("lost", "failed", "failed", "lost", "succeeded")),
        ("predict", "succeeded"),
    ]
    keys = [spec["key"] for spec in trainer.asked]
    assert len(set(keys)) == 6
    assert {one["key"] for one in trainer.over} == set(keys)
    assert version_of(model, 1).manifest["outside"]["attempt"] == 5
    assert len(recorded("JobAnswered")) == 3
    stale_tokens_open_nothing(trainer.asked[-1], run_id)
    somebody_leaves(trainer, model, folder)


def comes_to_nothing(trainer, run_id, settings):
    trainer.does = "crashes"  # it takes the work and answers nothing: asked three times, it is lost
    assert [look(run_id) for _ in range(2)] == ["", ""]
    assert "TrainerLost: it answered 500" in look(run_id)

    trainer.does = "hangs"
    settings.TRAINERS = declared(trainer.wire.url, limit_seconds=0.001)
    assert "it took longer than its limit of 0.001 seconds" in look(run_id)
    settings.TRAINERS = declared(trainer.wire.url)

    trainer.does = "lies"
    assert look(run_id) == ""
    trainer.wait()
    assert "ResultDisagrees: it says that it read other rows" in look(run_id)


def answers_after_it_was_lost_and_more_than_once(trainer, run_id):
    trainer.does = "is late"
    assert [look(run_id) for _ in range(2)] == ["", ""]
    assert "TrainerLost" in look(run_id)
    assert not OutsideJob.objects.filter(state="succeeded").exists()

    trainer.does = "answers twice"
    trainer.answers.clear()
    assert look(run_id) == ""
    trainer.threads.pop().join()
    assert trainer.answers == [200, 204, 202, 202, 409]
    trainer.answers.clear()
    trainer.late.set()
    trainer.wait()
    assert trainer.answers == [409, 409]
    trainer.does = ""


def stale_tokens_open_nothing(spec, run_id):
    client = APIClient()
    address = f"/api/v1/training-runs/{run_id}/inputs/rows"
    assert client.get(address).status_code == 401
    for said, answer in ((spec["token"], 409), ("6.00", 403), ("99.00", 403), ("x", 403)):
        given = {"Authorization": f"Bearer {said}"}
        assert client.get(address, headers=given).status_code == answer


def somebody_leaves(trainer, model, folder):
    """Alice was in what the service read, and is not in what it reads now; the others are."""
    first = version_of(model, 1)
    assert member_shards(version_id=first.dataset_version_id or 0)[pseudonym(ALICE)] != HOLD_OUT
    before = rows_given(trainer, first.manifest["outside"]["key"])
    assert before.count(WARD) == 1
    remove(ALICE, folder)
    make_version(model.family)
    forget(ALICE)
    forced = start(model, forced=True)

    assert to_the_end(forced, trainer).state is RunState.SUCCEEDED

    second = version_of(model, 2)
    after = rows_given(trainer, second.manifest["outside"]["key"])
    assert WARD not in after
    assert sorted(after) == sorted(ward for ward in before if ward != WARD)
    assert not [who for who in MANY for data in trainer.given.values() if who.encode() in data]
    assert version_of(model, 1).state == "destroyed"
    assert tables_naming(ALICE) == set() == tables_naming(WARD)
    assert pseudonym(BOB) in member_shards(version_id=second.dataset_version_id or 0)
    assert len(artefact_files(model)) == 2


@pytest.mark.django_db
def test_a_service_that_cannot_read_what_it_is_given_is_not_asked(settings, tmp_path):
    settings.TRAINERS = declared("https://trainer.example/lethe")
    run_id = start(make_model(make_patients(tmp_path).family, trainer="nearest"))

    assert look(run_id) == (
        f"{TrainerFailed.__name__}: PUBLIC_URL is not set, so no service can read what it is given"
    )
    assert jobs() == [("train", "failed")]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("url='ftp://x'", "url is no address"),
        ("url='https://x'\nargv=['/bin/true']", "not both"),
        ("url='https://x'\npoll_seconds=0", "poll_seconds"),
    ],
)
def test_a_service_that_is_declared_wrongly_is_refused(said, reason):
    with pytest.raises(NotDeclarable, match=reason):
        read_declared(f"[n]\ncode='git:1234'\n{said}")


def test_trainers_are_listed_and_the_secret_of_a_service_is_shown(settings, capsys):
    settings.TRAINERS = declared("https://trainer.example/lethe")

    call_command("trainers")
    call_command("trainers", "--secret", "nearest")

    listed = capsys.readouterr().out.splitlines()
    assert ["nearest", "webhook", "nearest,", "webhook,", "git:4f1c2ab"] in map(str.split, listed)
    secret = shown_secret("trainer/nearest", signing_key=settings.WEBHOOK_SIGNING_KEY)
    assert listed[-1] == secret
    with pytest.raises(CommandError, match="no service of that name"):
        call_command("trainers", "--secret", "sharded-sklearn")


@pytest.fixture
def driver(tmp_path):
    with recipient() as wire:
        driver = WebhookDriver(
            name="nearest",
            url=f"{wire.url}/lethe",
            root=tmp_path,
            policy=wire.policy,
            signing_key=b"k" * 32,
            clock=right_now,
        )
        yield driver, wire


SPEC = {"key": "a" * 64, "work": "train"}


def test_the_same_work_is_asked_for_by_the_same_message(driver):
    talk, wire = driver
    wire.answer = status(503)
    with pytest.raises(TrainerLost, match="503"):
        talk.submit(SPEC, "a" * 64)
    wire.answer = status(409, b'{"handle": "job/7"}')  # it has begun already

    assert talk.submit(SPEC, "a" * 64) == f"{'a' * 64} job/7"

    assert wire.ids == [f"msg_{'a' * 32}"] * 2


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (422, b"", "refused the work: 422"),
        (410, b"", "refused the work: 410"),
        (202, b"", "no handle"),
        (202, b'{"handle": 7}', "no handle"),
        (202, b'{"handle": "\\u0000"}', "no handle"),
        (202, b"[" * 9999, "no handle"),
    ],
)
def test_work_that_is_refused_has_failed(driver, code, body, reason):
    talk, wire = driver
    wire.answer = status(code, body)

    with pytest.raises(TrainerFailed, match=reason):
        talk.submit(SPEC, "a" * 64)


@pytest.mark.parametrize(
    "said",
    [
        (200, b'{"standing": "running", "progress": 140}', "running", 100),
        (200, b'{"standing": "running", "progress": "x"}', "running", None),
        (200, b'{"standing": "failed"}', "failed", None),
        (200, b'{"standing": "succeeded"}', "unknown", None),
        (200, b'{"standing": "succeeded", "result": {}}', "succeeded", 100),
        (200, b"[]", "unknown", None),
        (404, b'{"standing": "running"}', "unknown", None),
        (302, b"", "unknown", None),
    ],
)
def test_a_service_is_believed_only_if_it_says_how_the_work_stands(driver, tmp_path, said):
    code, body, standing, progress = said
    talk, wire = driver
    wire.answer = status(code, body)
    (tmp_path / "key").mkdir()

    polled = talk.poll("key handle")

    assert (polled.standing, polled.progress) == (standing, progress)


def test_the_first_word_counts_and_a_result_needs_what_was_made(driver, tmp_path):
    talk, _ = driver
    folder = tmp_path / "key"
    folder.mkdir()
    inbox.keep_result(folder, {"b": 1, "a": 2})
    inbox.keep_result(folder, {"a": 2, "b": 1})

    with pytest.raises(ResultDisagrees, match="something else before"):
        inbox.keep_result(folder, {"a": 3})
    assert talk.poll("key handle").standing == "succeeded"
    with pytest.raises(ResultDisagrees, match="there is no artefact"):
        talk.collect("key handle")
    inbox.keep_output(folder, "artefact", BytesIO(b"made"))
    assert talk.collect("key handle").output == b"made"
    inbox.keep_failure(folder)
    assert talk.poll("key handle").standing == "failed"
    assert not list(folder.rglob(".staged*"))
