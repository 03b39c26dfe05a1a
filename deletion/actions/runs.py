"""Runs that erase from one store: begun, their parts listed, finished, retried."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from audits.actions import raise_alert
from audits.trail import Actor, Trail, audited
from deletion.actions.locks import lock_held_run, lock_requests, lock_run
from deletion.actions.shares import note_outcome
from deletion.actions.stuck import DIED, attempt_failed, mark_stuck, no_longer_stuck
from deletion.errors import RunUnknown, WorkMissing
from deletion.events import (
    AttemptBegan,
    AttemptFailed,
    DataErased,
    OutcomeDecided,
    PartsListed,
    RunFinished,
    RunRetried,
)
from deletion.evidence import sum_up
from deletion.models import DeletionRequest, Found, Hold, Run, RunPart, Share
from deletion.queries.merging import merged_into
from deletion.queries.targets import target_of
from deletion.queries.work import shares_of
from deletion.rounds import MOST_ROUNDS, SET_ASIDE, next_round
from deletion.states import (
    ENDED_WELL,
    OPEN_OUTCOMES,
    ObligationKind,
    Outcome,
    RequestState,
    RunState,
)
from lineage.actions.leases import take as take_lease
from lineage.leases import Lease, Token, next_lease
from lineage.stores.protocol import Part, Step

DISAGREES: Final = "lineage-says-present"


def claim_run(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    run_id: UUID,
    owner: str,
    length: timedelta,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> Lease | None:
    """Take a run whose parts are all done, to list them again or finish; None if it must wait."""
    with transaction.atomic():
        run = lock_run(run_id)
        ready = (
            run.state == RunState.RUNNING
            and run.kind == ObligationKind.ERASE
            and not run.parts.filter(finished_at=None).exists()
            and (run.not_before is None or run.not_before <= now)
        )
        lease = next_lease(token=run.fencing_token, until=run.lease_until, now=now, length=length)
        if lease is None or not ready:
            return None
        with audited(actor=actor, now=now) as trail:
            if run.attempts >= most_attempts:
                mark_stuck(run, why=run.last_error or DIED, part="", trail=trail)
                return None
            take_lease(run, lease=lease, owner=owner, now=now)
            trail.record(
                AttemptBegan(run_id=str(run.pk), part="", attempt=run.attempts),
                about=f"run/{run.pk}",
            )
    return lease


def list_parts(
    *, run_id: UUID, token: Token, listed: Sequence[Part], actor: Actor, now: datetime
) -> bool:
    """Compare the place with what is proven; return False if a further round is needed.

    Raises `ChangedMeanwhile` when rounds do not help.
    """
    with transaction.atomic():
        run = lock_held_run(run_id, token)
        proven = dict(_proven(run).values_list("name", "digest"))
        again = next_round(
            listed,
            proven=proven,
            rounds=run.rounds,
            settled=_settled(run),
        )
        if run.rounds and not again:
            return True
        with audited(actor=actor, now=now) as trail:
            run.rounds += 1
            run.listed += len(again)
            run.attempts = 0
            run.last_error = ""
            run.lease_until = None
            run.save(update_fields=["rounds", "listed", "attempts", "last_error", "lease_until"])
            RunPart.objects.bulk_create(
                RunPart(run=run, name=part.name, digest=part.digest, round=run.rounds)
                for part in again
            )
            trail.record(
                PartsListed(run_id=str(run.pk), round=run.rounds, parts=len(again)),
                about=f"run/{run.pk}",
            )
    return False


def keep_run(*, run_id: UUID, token: Token, length: timedelta, now: datetime) -> bool:
    """Extend the lease of a worker that is alive, or say that it has passed on.

    Nothing happened, so nothing is recorded.
    """
    kept = Run.objects.filter(pk=run_id, fencing_token=token, finished_at=None)
    return kept.update(lease_until=now + length) > 0


def fail_run(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    run_id: UUID,
    token: Token,
    error: str,
    most_attempts: int,
    actor: Actor,
    now: datetime,
) -> Run:
    """Note that listing or finishing failed; after the last attempt a person must look."""
    with audited(actor=actor, now=now) as trail:
        run = lock_held_run(run_id, token)
        attempt_failed(run, error=error, now=now)
        trail.record(
            AttemptFailed(run_id=str(run.pk), part="", error=error, attempts=run.attempts),
            about=f"run/{run.pk}",
        )
        if run.attempts >= most_attempts:
            mark_stuck(run, why=error, part="", trail=trail)
    return run


def retry_run(*, run_id: UUID, actor: Actor, now: datetime) -> Run:
    """Let a stuck run try again, after somebody looked at what stopped it.

    It begins with a fresh listing: meanwhile files may have been repaired, renamed or removed.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_run(run_id)
        if run.state != RunState.STUCK:
            raise RunUnknown
        run.state = RunState.RUNNING
        run.attempts = 0
        run.not_before = None
        if run.rounds and run.rounds % MOST_ROUNDS == 0:
            run.rounds += 1  # the listing that was refused was one too
        run.listed = run.parts.count()  # a person has looked at what went missing
        run.save(update_fields=["state", "attempts", "not_before", "rounds", "listed"])
        run.parts.filter(finished_at=None).update(step=SET_ASIDE, finished_at=now, lease_until=None)
        unreachable = Share.objects.filter(obligation__run=run, outcome=Outcome.UNREACHABLE)
        note_outcome(unreachable, None, note="", trail=trail)
        trail.record(RunRetried(run_id=str(run.pk)), about=f"run/{run.pk}")
        no_longer_stuck(run, why="it is tried again", trail=trail)
    return run


def finish_erasure(*, run_id: UUID, token: Token, actor: Actor, now: datetime) -> Run:
    """Compare what was expected with what was found, and decide the outcome for every request.

    Who was found in any part was erased; who was found in none was absent, and if lineage expected
    them there, an alert says that lineage is wrong. Who was held meanwhile stays open, also after
    the release: this run may have passed over them.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_held_run(run_id, token)
        if run.parts.filter(finished_at=None).exists():
            raise RunUnknown("parts of the run are not proven yet")
        if run.parts.count() < run.listed:
            raise WorkMissing("fewer parts are on record than were listed")
        shares = _not_passed_over(open_shares(run), run)
        found = _last_found(shares, run)
        for share in shares:
            last_found = found.get(share.request_id)
            is_found = last_found is not None and last_found >= share.obligation.created_at
            outcome = Outcome.ERASED if is_found else Outcome.ABSENT
            decide(share, outcome, note="", run=run, trail=trail)
            if share.expected and outcome is Outcome.ABSENT:
                raise_alert(
                    kind=DISAGREES,
                    about=f"request/{share.request_id}",
                    detail={"target": target_of(run), "run": str(run.pk)},
                    actor=actor,
                    now=now,
                )
        run.evidence = sum_up(
            [part.evidence | {"part": part.name, "round": part.round} for part in _proven(run)],
            rounds=run.rounds,
        ).as_json()
        finish(run, shares, trail=trail)
        _stop_clocks([share.request for share in shares], trail=trail)
    return run


def _proven(run: Run) -> QuerySet[RunPart]:
    """Return the parts in which the second reader found nobody, the newest look last."""
    return run.parts.filter(step=Step.PROVEN).order_by("round", "name")


def _settled(run: Run) -> frozenset[str]:
    """Return the parts that were looked at again, the newest time without finding anybody."""
    looks = Counter[str]()
    is_free: dict[str, bool] = {}
    seen = _proven(run).annotate(people=Count("found"))
    for name, people, evidence in seen.values_list("name", "people", "evidence"):
        looks[name] += 1
        is_free[name] = people == 0 and not evidence.get("rows_erased")
    return frozenset(name for name, times in looks.items() if times > 1 and is_free[name])


def _not_passed_over(shares: Sequence[Share], run: Run) -> list[Share]:
    """Return the shares of requests that no hold has suspended for a part of the run."""
    released = Hold.objects.filter(
        request__in=[share.request_id for share in shares], released_at__gte=run.started_at
    )
    passed_over = set(released.values_list("request_id", flat=True))
    return [share for share in shares if share.request_id not in passed_over]


def _last_found(shares: Sequence[Share], run: Run) -> dict[UUID, datetime]:
    """Return when the newest run began that found each request's person in the store of this one.

    An earlier run counts too: it may have erased somebody who was then held before it could say so.
    """
    rows = Found.objects.filter(
        request__in=[share.request_id for share in shares], part__run__store=run.store_id
    )
    return dict(rows.values_list("request_id").annotate(last=Max("part__run__started_at")))


def open_shares(run: Run) -> list[Share]:
    """Return the shares that a run may decide, with their requests locked; nobody held is in it."""
    requests = {
        request.pk: request
        for request in lock_requests(shares_of(run).values_list("request_id", flat=True))
    }
    shares = list(
        shares_of(run)
        .filter(
            outcome__in=OPEN_OUTCOMES,
            request__state=RequestState.IN_PROGRESS,
        )
        .select_related("obligation")
        .order_by("pk")
    )
    for share in shares:
        share.request = requests[share.request_id]
    return shares


def decide(share: Share, outcome: Outcome, *, note: str, run: Run, trail: Trail) -> None:
    """Give a share its outcome, in memory; `finish` writes it."""
    share.outcome = outcome
    share.note = note[:300]
    share.decided_at = trail.now
    share.run = run
    trail.record(
        OutcomeDecided(
            request_id=str(share.request_id),
            target=target_of(run),
            outcome=outcome,
            note=note,
        ),
        about=f"request/{share.request_id}",
    )


def finish(run: Run, shares: Sequence[Share], *, trail: Trail) -> None:
    """Write the outcomes, discharge what has ended for everybody, and give the rest back."""
    alike: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for share in shares:
        alike[share.outcome, share.note].append(share.pk)
    for (outcome, note), mine in alike.items():
        Share.objects.filter(pk__in=mine).update(
            outcome=outcome, note=note, decided_at=trail.now, run=run
        )
    undone = Share.objects.filter(obligation__run=run).exclude(outcome__in=ENDED_WELL)
    left = set(undone.values_list("obligation_id", flat=True))
    run.obligations.exclude(pk__in=left).update(discharged_at=trail.now)
    run.obligations.filter(pk__in=left).update(run=None)  # somebody was held: another run later
    run.state = RunState.SUCCEEDED
    run.finished_at = trail.now
    run.lease_until = None
    run.last_error = ""
    run.save(update_fields=["state", "finished_at", "lease_until", "last_error", "evidence"])
    trail.record(
        RunFinished(
            run_id=str(run.pk), kind=run.kind, target=target_of(run), evidence=run.evidence
        ),
        about=f"run/{run.pk}",
    )
    no_longer_stuck(run, why="the run has ended", trail=trail)


def _stop_clocks(requests: Sequence[DeletionRequest], *, trail: Trail) -> None:
    """Stop the first clock of every request whose stores have all ended well."""
    outcomes: defaultdict[UUID, set[str]] = defaultdict(set)
    for request_id, outcome in Share.objects.filter(
        request__in=requests, obligation__kind=ObligationKind.ERASE
    ).values_list("request_id", "outcome"):
        outcomes[request_id].add(outcome)
    erased = [
        request.pk
        for request in {request.pk: request for request in requests}.values()
        if request.erased_at is None and outcomes[request.pk] <= ENDED_WELL
    ]
    erased += [one.pk for followers in merged_into(erased).values() for one in followers]
    DeletionRequest.objects.filter(pk__in=erased).update(erased_at=trail.now)
    for request_id in erased:
        trail.record(
            DataErased(request_id=str(request_id), erased_at=trail.now),
            about=f"request/{request_id}",
        )
