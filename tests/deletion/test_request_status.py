import re
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from deletion import actions, tasks
from tests.cast import ALICE, BOB, MONDAY
from tests.deletion.builders import INTAKE, events, make_request, raw, walk
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace

pytestmark = pytest.mark.django_db

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture
def status(capsys):
    def status(request_id: object, **options: int) -> list[str]:
        call_command("request_status", str(request_id), **options)
        printed: str = capsys.readouterr().out
        return printed.splitlines()

    return status


def test_a_denied_request_says_why(status):
    make_namespace(PATIENT_ID)
    opened = make_request(raw(ALICE), now=MONDAY)
    actions.deny(
        request_id=opened.request.pk,
        article="GDPR Art. 12(6)",
        told_at=MONDAY,
        actor=INTAKE,
        now=MONDAY,
    )

    first, second, *_ = status(opened.request.pk)

    assert first.endswith(": denied")
    assert second == (
        "  GDPR Art. 12(6): who the person is could not be confirmed; told 2026-01-05 00:00:00 UTC"
    )


def test_a_request_that_just_came_in_shows_its_clocks_and_what_it_waits_for(status):
    make_namespace(PATIENT_ID)
    opened = make_request(raw(ALICE), now=MONDAY)

    lines = status(opened.request.pk)

    assert lines == [
        f"request {opened.request.pk}: received",
        "  It waits for a store that can be searched for such a person.",
        "  received      2026-01-05 00:00:00 UTC",
        "  data erased   due 2026-01-15 00:00:00 UTC",
        "  models clean  due 2026-01-25 00:00:00 UTC",
    ]
    assert events() == ["NamespaceDeclared", "DeletionRequested"], "looking is not an event here"


def test_what_is_still_to_be_done_says_what_it_waits_for(tmp_path, status):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=MONDAY)
    tasks.sweep()

    *_, target = status(opened.request.pk)

    assert re.fullmatch(r"  store/patients: open \(.+\)", target)


def test_a_finished_request_shows_when_each_clock_stopped_and_each_outcome(
    tmp_path, status, settings
):
    settings.ARTEFACT_DIR = tmp_path / "artefacts"
    make_dataset(tmp_path / "data")
    opened = make_request(raw(ALICE), now=MONDAY)
    walk()

    head, _, erased, clean, target = status(opened.request.pk, wait=1)

    assert head == f"request {opened.request.pk}: complete"
    assert re.fullmatch(f"  data erased   {MOMENT}, due 2026-01-15 00:00:00 UTC", erased)
    assert re.fullmatch(f"  models clean  {MOMENT}, due 2026-01-25 00:00:00 UTC", clean)
    assert target == "  store/patients: erased"


def test_waiting_ends_in_time_and_says_that_it_was_in_vain(status, monkeypatch):
    monkeypatch.setattr("deletion.management.commands.request_status.LOOK_EVERY_SECONDS", 0.01)
    make_namespace(PATIENT_ID)
    opened = make_request(raw(ALICE))

    with pytest.raises(CommandError, match="not closed after 1 s"):
        status(opened.request.pk, wait=1)


def test_waiting_for_a_closed_request_takes_no_time(status):
    make_namespace(PATIENT_ID)
    opened = make_request(raw(BOB))
    actions.cancel(request_id=opened.request.pk, actor=INTAKE, now=MONDAY)

    assert status(opened.request.pk, wait=3600)[0] == f"request {opened.request.pk}: cancelled"


def test_an_unknown_request_is_refused_in_one_line(status):
    with pytest.raises(CommandError, match="RequestUnknown: There is no such request"):
        status(uuid4())
