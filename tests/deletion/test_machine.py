"""Whatever happens in whatever order: complete means done, and in the end everything completes."""

import tempfile
from contextlib import suppress
from datetime import timedelta
from operator import le
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings as live_settings
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from audits.trail import Actor
from config.traces import tables_naming
from deletion import actions, tasks
from deletion.errors import (
    DenialNotAllowed,
    ExtensionNotAllowed,
    HoldUnknown,
    MoveNotAllowed,
    NotComplete,
    PauseNotAllowed,
    PauseUnknown,
    TwoPeopleNeeded,
)
from deletion.models import (
    Certificate,
    DeletionRequest,
    Extension,
    Hold,
    Obligation,
    Pause,
    RequestIdentifier,
    Run,
    RunPart,
    Share,
)
from deletion.queries import work
from deletion.queries.merging import answered_by
from deletion.queries.pauses import paused_for
from deletion.regimes import regime_named
from deletion.states import ENDED_WELL
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import DORA, make_due, make_request, raw, right_now, walk, work_off
from tests.lineage.builders import PATIENT_ID, make_dataset, pseudonym, write_people

pytestmark = pytest.mark.django_db

ASKING = (ALICE, "carol-canary-9e03", "ghost-canary-0000")
GROUND = "UK GDPR Art. 17(3)(e)"  # the one law that knows everything: holds, pauses, extensions
IDENTITY = "UK GDPR Art. 12A(2)(b)"
CLOSED = {"complete", "cancelled", "denied"}
AGO = timedelta(days=6)  # so that there is time in which somebody can have been asked


class Machine(RuleBasedStateMachine):
    """Three people ask; workers, officers and other programs act at any time. BOB never asks."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        self.place = Path(self.folder.name)
        make_dataset(self.place)
        self.asked: dict[str, Any] = {}  # the newest request of each person
        self.ever: list[tuple[str, Any]] = []
        self.count = 0
        self.due: dict[Any, Any] = {}  # the dates of each request and obligation as last seen

    @override
    def teardown(self) -> None:
        """When nobody interferes any more, every request that was not withdrawn completes."""
        try:
            self.repair()
            for _, request in self.ever:
                self.release(request)
                self.answer(request)
            for _ in range(3):
                make_due()  # time passes: an attempt that failed in the last walk is due as well
                walk(rounds=20)
                self.repair()  # workers that died too often leave a run stuck until somebody looks
            left = DeletionRequest.objects.exclude(state__in=CLOSED)
            assert not left.exists(), list(left.values_list("state", flat=True))
            for person, request in self.ever:
                if DeletionRequest.objects.get(pk=request).state == "complete":
                    # Who was written back after that is known to the index again, with an alert.
                    assert tables_naming(str(pseudonym(person))) <= {"lineage_pseudonym"}
            self.the_bystander_stays()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)
            self.folder.cleanup()

    def request_of(self, person: str) -> DeletionRequest:
        return DeletionRequest.objects.get(pk=self.asked[person])

    @initialize()
    def alice_asks(self) -> None:
        self.ask(ALICE)

    @rule(person=st.sampled_from(ASKING))
    def ask(self, person: str) -> None:
        self.count += 1
        opened = make_request(
            raw(person), key=f"k{self.count}", regime="uk-gdpr", now=right_now() - AGO
        )
        self.asked[person] = opened.request.pk
        self.ever.append((person, opened.request.pk))

    @rule(times=st.integers(1, 4))
    def go_on(self, times: int) -> None:
        """Let everybody work for a while."""
        for _ in range(times):
            tasks.sweep()
            work_off()

    @rule()
    def sweep(self) -> None:
        tasks.sweep()

    @rule()
    def work(self) -> None:
        for part in work.waiting_parts(now=right_now(), limit=1):
            tasks.erase_part(part)

    @rule()
    def close(self) -> None:
        for run in work.waiting_runs(now=right_now(), limit=1):
            tasks.close_run(str(run))

    @rule()
    def die(self) -> None:
        """Take a part and never come back; the lease ends."""
        for part in work.waiting_parts(now=right_now(), limit=1):
            actions.claim_part(
                part_id=part,
                owner="dead",
                length=live_settings.LEASE,
                most_attempts=live_settings.ATTEMPTS,
                actor=OFFICER,
                now=right_now(),
            )
        make_due()

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def hold(self, data: Any) -> None:
        person = data.draw(st.sampled_from(sorted(self.asked)))
        with suppress(MoveNotAllowed):
            actions.place_hold(
                request_id=self.asked[person],
                article=GROUND,
                reason="",
                actor=OFFICER,
                now=right_now(),
            )

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def release_somebody(self, data: Any) -> None:
        _, request = data.draw(st.sampled_from(self.ever))
        self.release(request)

    def release(self, request: Any) -> None:
        with suppress(HoldUnknown):
            actions.release_hold(request_id=request, actor=DORA, now=right_now())

    @precondition(lambda self: self.ever)
    @rule(data=st.data())
    def undo_merge(self, data: Any) -> None:
        _, request = data.draw(st.sampled_from(self.ever))
        with suppress(MoveNotAllowed):
            actions.undo_merge(request_id=request, actor=OFFICER, now=right_now())

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from([OFFICER, DORA]))
    def cancel(self, data: Any, who: Actor) -> None:
        _, request = data.draw(st.sampled_from(self.ever))
        with suppress(MoveNotAllowed, TwoPeopleNeeded):
            actions.cancel(request_id=request, actor=who, now=right_now())

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), days=st.integers(0, 7))
    def pause(self, data: Any, days: int) -> None:
        """Ask somebody who they are, some days after their request, or in the future."""
        request = self.request_of(data.draw(st.sampled_from(sorted(self.asked))))
        with suppress(MoveNotAllowed, PauseNotAllowed):
            actions.pause(
                request_id=request.pk,
                article=IDENTITY,
                asked_at=request.received_at + timedelta(days=days),
                actor=OFFICER,
                now=right_now(),
            )

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), days=st.integers(0, 7))
    def resume(self, data: Any, days: int) -> None:
        request = self.request_of(data.draw(st.sampled_from(sorted(self.asked))))
        with suppress(PauseUnknown, PauseNotAllowed):
            actions.end_pause(
                request_id=request.pk,
                answered_at=request.received_at + timedelta(days=days),
                actor=OFFICER,
                now=right_now(),
            )

    def answer(self, request: Any) -> None:
        with suppress(PauseUnknown):
            now = right_now()
            actions.end_pause(request_id=request, answered_at=now, actor=OFFICER, now=now)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def extend(self, data: Any) -> None:
        person = data.draw(st.sampled_from(sorted(self.asked)))
        with suppress(MoveNotAllowed, ExtensionNotAllowed):
            now = right_now()
            actions.extend(
                request_id=self.asked[person],
                reason="the request is complex",
                told_at=now,
                actor=OFFICER,
                now=now,
            )

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=st.sampled_from([OFFICER, DORA]))
    def deny(self, data: Any, who: Actor) -> None:
        person = data.draw(st.sampled_from(sorted(self.asked)))
        with suppress(MoveNotAllowed, DenialNotAllowed, TwoPeopleNeeded):
            now = right_now()
            actions.deny(
                request_id=self.asked[person],
                article="UK GDPR Art. 12(6)",
                told_at=now,
                actor=who,
                now=now,
            )

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def hurry(self, data: Any) -> None:
        """Try to complete a request that may not be ready at all."""
        person = data.draw(st.sampled_from(sorted(self.asked)))
        with suppress(MoveNotAllowed, NotComplete):
            actions.complete_request(request_id=self.asked[person], actor=OFFICER, now=right_now())

    @rule(person=st.sampled_from(ASKING))
    def write_back(self, person: str) -> None:
        """Let another program write a file with somebody in it, in the middle of anything."""
        self.count += 1
        write_people(self.place / f"late-{self.count}.parquet", (BOB, person))

    @rule()
    def break_a_file(self) -> None:
        (self.place / "broken.parquet").write_bytes(b"PAR1 broken PAR1")

    @rule()
    def repair(self) -> None:
        (self.place / "broken.parquet").unlink(missing_ok=True)
        for run in Run.objects.filter(state="stuck"):
            actions.retry_run(run_id=run.pk, actor=OFFICER, now=right_now())

    @invariant()
    def complete_means_that_every_target_ended_well(self) -> None:
        for request in DeletionRequest.objects.filter(state="complete"):
            by = answered_by(request) or request.pk
            outcomes = set(Share.objects.filter(request=by).values_list("outcome", flat=True))
            assert outcomes
            assert outcomes <= ENDED_WELL

    @invariant()
    def exactly_the_complete_have_a_certificate_and_the_closed_have_no_key(self) -> None:
        for request in DeletionRequest.objects.all():
            certified = Certificate.objects.filter(request=request).exists()
            assert certified == (request.state == "complete")
            closed = request.state in CLOSED
            assert (request.wrapped_key is None) == closed
            assert request.identifiers.exists() != closed

    @invariant()
    def one_request_leads_for_each_person_and_nobody_stands_behind_nothing(self) -> None:
        for person in ASKING:
            mine = RequestIdentifier.objects.filter(pseudonym=pseudonym(person))
            assert mine.filter(leads=True).count() <= 1
            for request in DeletionRequest.objects.filter(identifiers__in=mine):
                assert request.identifiers.get().leads == (request.behind_id is None)
                assert request.state != "merged" or request.behind_id is not None

    @invariant()
    def work_is_due_for_the_earliest_of_those_it_answers(self) -> None:
        for share in Share.objects.filter(outcome="", request__followers__state="merged"):
            for follower in share.request.followers.filter(state="merged"):
                due_at = {"erase": follower.erase_by, "retrain": follower.models_by}
                assert share.obligation.due_at <= due_at[share.obligation.kind]

    @invariant()
    def no_date_ever_moves_to_an_earlier_one(self) -> None:
        dates: dict[Any, Any] = {
            request.pk: (request.erase_by, request.models_by)
            for request in DeletionRequest.objects.all()
        }
        dates |= {f"obligation {one.pk}": (one.due_at,) for one in Obligation.objects.all()}
        for key, before in self.due.items():
            assert all(map(le, before, dates[key])), (key, before, dates[key])
        self.due = dates

    @invariant()
    def what_is_suspended_says_by_what_and_nobody_works_on_it(self) -> None:
        for request in DeletionRequest.objects.all():
            held = Hold.objects.filter(request=request, released_at=None).exists()
            paused = Pause.objects.filter(request=request, ended_at=None).exists()
            assert held == (request.state == "held")
            assert paused == (request.state == "paused")
            if paused:
                assert not Share.objects.filter(request=request).exists()

    @invariant()
    def dates_are_later_by_exactly_the_pauses_and_the_extension(self) -> None:
        for request in DeletionRequest.objects.all():
            law = regime_named(request.regime)
            clocks = law.clocks(
                request.received_at,
                extended=Extension.objects.filter(request=request).exists(),
                paused=paused_for(request),
            )
            assert request.models_by == clocks.models_by
            if request.erased_at is None:
                assert request.erase_by == clocks.erase_by

    @invariant()
    def nobody_is_in_the_index_after_their_certificate(self) -> None:
        for person, pk in self.ever:
            request = DeletionRequest.objects.get(pk=pk)
            others = DeletionRequest.objects.filter(
                identifiers__pseudonym=pseudonym(person)
            ).exclude(pk=pk)
            if request.state == "complete" and not others.exists():
                assert Share.objects.filter(request=answered_by(request) or pk).exists()
                assert tables_naming(str(pseudonym(person))) <= {"lineage_pseudonym"}

    @invariant()
    def one_run_a_store(self) -> None:
        assert Run.objects.exclude(state="succeeded").count() <= 1

    @invariant()
    def the_bystander_stays(self) -> None:
        assert BOB in pq.read_table(self.place / "part-0.parquet")[PATIENT_ID].to_pylist()

    @invariant()
    def a_proof_was_read_by_somebody(self) -> None:
        for part in RunPart.objects.filter(step="proven"):
            assert part.evidence["proven_by"]


def test_no_path_leads_to_complete_with_an_open_target(settings_of_the_service):
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=15, stateful_step_count=20, deadline=None),
    )


@pytest.fixture
def settings_of_the_service(settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.ATTEMPTS = 3
    # No heartbeat on a slow machine: its own connection would see nothing of this transaction.
    settings.LEASE = timedelta(hours=1)
    return settings
