"""Requests, and the road walked in one process: what the workers do, one call after the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

from audits.models import OutboxEntry
from audits.queries import trail_signer
from audits.statements import open_envelope
from audits.trail import Actor
from deletion import actions, tasks
from deletion.actions import Opened
from deletion.intake import RawIdentifier, SaidIdentifier
from deletion.models import Certificate, DeletionRequest, Run, RunPart, Share
from deletion.queries import work
from tests.cast import ALICE, MONDAY
from tests.lineage.builders import PATIENT_ID
from training import tasks as training
from training.models import TrainingRun
from training.states import RUN_OPEN

INTAKE = Actor("user:7")
DORA = Actor("user:dora")  # a second officer


def right_now() -> datetime:
    """Return what the tasks' own clock says."""
    return datetime.now(UTC)  # noqa: TID251  # the tasks read it, so must who drives them


def raw(value: str = ALICE, namespace: str = PATIENT_ID) -> RawIdentifier:
    return RawIdentifier(namespace=namespace, value=value)


def make_request(
    *identifiers: SaidIdentifier,
    key: str = "key-1",
    now: datetime = MONDAY,
    **changes: Any,
) -> Opened:
    return actions.request_deletion(
        regime=changes.get("regime", "gdpr"),
        identifiers=identifiers or (raw(),),
        idempotency_key=key,
        caller=changes.get("caller", INTAKE),
        verification=changes.get("verification", "account log-in"),
        actor=changes.get("actor", INTAKE),
        now=now,
    )


def events(about: str | None = None) -> list[str]:
    """Return the names of the recorded facts, in order."""
    found = OutboxEntry.objects.order_by("pk")
    if about is not None:
        found = found.filter(about=about)
    return list(found.values_list("event", flat=True))


def plan_and_approve(*opened: Opened, now: datetime = MONDAY) -> None:
    batch = actions.plan_batch(
        request_ids=[one.request.pk for one in opened], actor=INTAKE, now=now
    )
    assert batch is not None
    actions.approve_plan(batch_id=batch.pk, seen_digest=batch.digest, actor=INTAKE, now=now)


def outcomes(opened: Opened) -> dict[str, str]:
    """Return the outcome of each target of a request, by the target's name."""
    return {
        (share.obligation.store or share.obligation.model or share.obligation.recipient).name: (  # type: ignore[union-attr]  # one of them is set
            share.outcome
        )
        for share in Share.objects.filter(request=opened.request).select_related(
            "obligation__store", "obligation__model", "obligation__recipient"
        )
    }


def state(opened: Opened) -> str:
    return DeletionRequest.objects.get(pk=opened.request.pk).state


def statement_of(certificate: Certificate) -> Any:
    """Return the signed statement of a certificate, checked against the trail's key."""
    return open_envelope(certificate.envelope, public_keys={"trail": trail_signer().public_key})


def work_off(*, most: int = 40) -> None:
    """Let every waiting part and run be worked on until nothing waits."""
    for _ in range(most):
        now = right_now()
        parts = work.waiting_parts(now=now, limit=100)
        runs = work.waiting_runs(now=now, limit=100)
        if not parts and not runs:
            return
        for part in parts:
            tasks.erase_part(part)
        for run in runs:
            tasks.close_run(str(run))
    raise AssertionError("the work does not end")


def train_off() -> None:
    """Let every open training run come to its end."""
    for run in TrainingRun.objects.filter(state__in=RUN_OPEN):
        training.drive(run.pk)


def walk(*, rounds: int = 10) -> None:
    """Sweep, work and train until nothing changes any more."""
    before: tuple[object, ...] = ()
    for _ in range(rounds):
        tasks.sweep()
        work_off()
        train_off()
        after = (
            *DeletionRequest.objects.order_by("pk").values_list("pk", "state"),
            *Run.objects.order_by("pk").values_list("pk", "state"),
            *Share.objects.order_by("pk").values_list("pk", "outcome"),
        )
        if after == before:
            return
        before = after


def make_due() -> None:
    """Let back-offs and leases be over."""
    long_ago = MONDAY - timedelta(days=1)
    RunPart.objects.filter(not_before__isnull=False).update(not_before=long_ago)
    RunPart.objects.filter(lease_until__isnull=False).update(lease_until=long_ago)
    Run.objects.filter(not_before__isnull=False).update(not_before=long_ago)
    Run.objects.filter(lease_until__isnull=False).update(lease_until=long_ago)
