import json
from dataclasses import asdict, dataclass
from datetime import datetime

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from audits.errors import EntryTooLong, UnrecordedChange
from audits.models import Alert, OutboxEntry
from audits.trail import audited
from tests.audits.builders import Counted, record
from tests.cast import MONDAY, OFFICER

pytestmark = pytest.mark.django_db


def make_alert() -> None:
    Alert.objects.create(kind="late", about="request/1", raised_at=MONDAY)


def test_a_fact_is_written_in_one_spelling():
    record(Counted(number=1))

    row = OutboxEntry.objects.get()
    assert bytes(row.entry) == (
        b'{"about":"request/1","actor":"user:clara","at":"2026-01-05T00:00:00+00:00",'
        b'"event":"Counted","facts":{"number":1},"v":1}'
    )
    assert (row.about, row.event, row.recorded_at) == ("request/1", "Counted", MONDAY)


def test_an_action_that_records_nothing_changes_nothing():
    with pytest.raises(UnrecordedChange), audited(actor=OFFICER, now=MONDAY):
        make_alert()

    assert not Alert.objects.exists()


def test_an_action_that_fails_records_nothing():
    def fail_after_recording() -> None:
        with audited(actor=OFFICER, now=MONDAY) as trail:
            make_alert()
            trail.record(Counted(number=1), about="request/1")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_after_recording()

    assert not OutboxEntry.objects.exists()
    assert not Alert.objects.exists()


def test_a_fact_that_no_entry_bundle_can_hold_is_refused_with_its_action():
    with pytest.raises(EntryTooLong):
        record(Counted(number=1), about="a" * 70_000)

    assert not OutboxEntry.objects.exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A fact within a fact."""

    at: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A fact with parts."""

    parts: tuple[Part, ...]
    first: Part
    none: None = None


def test_a_fact_within_a_fact_is_written_as_its_members():
    part = Part(at=MONDAY, names=("ä", "b"))
    whole = Whole(parts=(part, part), first=part)

    with audited(actor=OFFICER, now=MONDAY) as trail:
        trail.record(whole, about="x/1")

    written = json.loads(bytes(OutboxEntry.objects.get().entry))["facts"]
    assert written == json.loads(json.dumps(asdict(whole), cls=DjangoJSONEncoder))
