from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from audits.models import OutboxEntry
from lineage.errors import LeaseLost
from lineage.graph import EdgeKind, NodeKind, VersionState
from lineage.leases import Token
from lineage.models import DatasetVersion, Edge
from privacy import actions
from privacy.errors import (
    BudgetSpent,
    MoveNotAllowed,
    RecipeUnknown,
    ReleaseUnknown,
    SourceNotClear,
)
from privacy.models import Account, JournalEntry, Release
from privacy.states import ReleaseState
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_dataset, write_people
from tests.lineage.builders import make_version as register_again
from tests.privacy.builders import (
    COST,
    make_account,
    make_drawing,
    make_recipe,
    make_release,
    make_reservation,
)

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=2)
LATER = MONDAY + LEASE + timedelta(seconds=1)
MOST_ATTEMPTS = 3


@pytest.fixture
def version(tmp_path) -> DatasetVersion:
    version = make_dataset(tmp_path)
    make_account(version.family)
    return version


def spent() -> int:
    """Return what the account says was spent, after comparing it with its journal."""
    account = Account.objects.get()
    assert account.spent_nano_rho == (
        account.journal.aggregate(total=Sum("nano_rho"))["total"] or 0
    )
    return account.spent_nano_rho


def events_about(release: Release) -> list[str]:
    return list(
        OutboxEntry.objects.filter(about=f"release/{release.pk}")
        .order_by("pk")
        .values_list("event", flat=True)
    )


def claim(release: Release, *, now: datetime = MONDAY) -> Any:
    return actions.claim(
        release_id=release.pk, owner="a worker", length=LEASE, actor=OFFICER, now=now
    )


def begin(release: Release, token: Token, *, now: datetime = MONDAY) -> Release:
    return actions.begin_drawing(
        release_id=release.pk, token=token, length=LEASE, actor=OFFICER, now=now
    )


def expire(release: Release, *, now: datetime) -> Release:
    return actions.expire(
        release_id=release.pk, most_attempts=MOST_ATTEMPTS, actor=OFFICER, now=now
    )


def test_a_reservation_debits_the_account_before_anything_is_drawn(version):
    release = make_reservation(version)

    assert (release.state, release.cost_nano_rho) == (ReleaseState.RESERVED, COST)
    assert (str(release.epsilon), release.dataset_version) == ("2.141939", version)
    assert spent() == COST
    assert JournalEntry.objects.get().release == release
    assert events_about(release) == ["ReleaseReserved"]


def test_asking_again_returns_the_draw_that_answers_and_costs_nothing(version):
    release = make_reservation(version)

    assert make_reservation(version) == release
    assert spent() == COST
    assert events_about(release) == ["ReleaseReserved"]


def test_an_account_that_cannot_pay_refuses_and_keeps_no_trace(version):
    for n in range(10):
        make_reservation(version, name=f"recipe-{n}")
    recipe = make_recipe(name="one-too-many")
    before = OutboxEntry.objects.count()

    with pytest.raises(BudgetSpent):
        actions.reserve(
            recipe_id=recipe.pk, dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
        )
    assert spent() == Account.objects.get().cap_nano_rho
    assert (Release.objects.count(), OutboxEntry.objects.count()) == (10, before)


@pytest.mark.parametrize("state", [VersionState.QUARANTINED, VersionState.SUPERSEDED])
def test_nothing_is_drawn_from_a_version_that_is_not_clear(version, state):
    recipe = make_recipe()
    DatasetVersion.objects.update(state=state)

    with pytest.raises(SourceNotClear):
        actions.reserve(
            recipe_id=recipe.pk, dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
        )
    assert spent() == 0


def test_nothing_is_drawn_from_the_version_of_another_family(version, tmp_path):
    other = make_dataset(tmp_path / "other", name="others")

    with pytest.raises(SourceNotClear):
        make_reservation(other)
    assert spent() == 0


def test_an_unknown_recipe_or_release_is_refused(version):
    with pytest.raises(RecipeUnknown):
        actions.reserve(recipe_id=0, dataset_version_id=version.pk, actor=OFFICER, now=MONDAY)
    with pytest.raises(ReleaseUnknown):
        actions.claim(release_id=uuid4(), owner="w", length=LEASE, actor=OFFICER, now=MONDAY)
    with pytest.raises(ReleaseUnknown):
        actions.expire(release_id=uuid4(), most_attempts=1, actor=OFFICER, now=MONDAY)


def test_one_worker_at_a_time_has_a_release(version):
    release = make_reservation(version)

    first = claim(release)
    assert claim(release) is None
    second = claim(release, now=LATER)

    assert (first.token, second.token) == (1, 2)
    assert Release.objects.get().attempts == 2
    assert events_about(release) == ["ReleaseReserved", "DrawingClaimed", "DrawingClaimed"]


def test_only_the_newest_lease_may_begin_to_draw(version):
    release = make_reservation(version)
    slow = claim(release)
    quick = claim(release, now=LATER)

    with pytest.raises(LeaseLost):
        begin(release, slow.token)
    begin(release, quick.token, now=LATER)

    assert Release.objects.get().state == ReleaseState.DRAWING
    assert Release.objects.get().lease_until == LATER + LEASE
    assert events_about(release)[-1] == "DrawingBegan"
    assert spent() == COST


def test_a_release_that_is_being_drawn_cannot_be_claimed_or_begun_again(version):
    release, token = make_drawing(version)

    assert claim(release, now=LATER) is None
    with pytest.raises(MoveNotAllowed):
        begin(release, token)


def test_a_postponed_release_stays_paid_and_says_why(version):
    release = make_reservation(version)
    lease = claim(release)

    actions.postpone(
        release_id=release.pk,
        token=lease.token,
        reason="StoreUnreadable",
        actor=OFFICER,
        now=MONDAY,
    )

    kept = Release.objects.get()
    assert (kept.state, kept.last_error) == (ReleaseState.RESERVED, "StoreUnreadable")
    assert events_about(release)[-1] == "DrawingPostponed"
    assert spent() == COST


def test_a_committed_release_stands_in_the_graph_behind_its_source(version):
    release, token = make_drawing(version)

    committed = actions.commit_release(
        release_id=release.pk, token=token, result={"keys": []}, actor=OFFICER, now=MONDAY
    )

    assert (committed.state, committed.result) == (ReleaseState.COMMITTED, {"keys": []})
    assert committed.node
    assert (committed.node.kind, committed.node.name) == (NodeKind.RELEASE, "sizes-by-ward")
    edge = Edge.objects.get(target=committed.node)
    assert (edge.source, edge.kind) == (version.node, EdgeKind.ANONYMISED)
    assert events_about(release)[-1] == "ReleaseCommitted"
    assert spent() == COST


def test_a_committed_release_answers_its_question_for_ever(version):
    release = make_release(version)

    assert make_reservation(version) == release
    assert spent() == COST


def test_a_new_version_of_the_data_is_a_new_question(version, tmp_path):
    first = make_release(version)
    write_people(tmp_path / "part-0.parquet", ["somebody else"])
    newer = register_again(version.family)

    second = make_reservation(newer)

    assert second != first
    assert spent() == 2 * COST


def test_a_drawing_that_failed_stays_charged_and_can_be_paid_for_again(version):
    release, token = make_drawing(version)

    actions.fail_release(
        release_id=release.pk, token=token, reason="ValueMissing", actor=OFFICER, now=MONDAY
    )

    assert Release.objects.get().state == ReleaseState.FAILED_CHARGED
    assert Release.objects.get().finished_at == MONDAY
    assert events_about(release)[-1] == "ReleaseFailed"
    assert spent() == COST
    assert make_reservation(version) != release
    assert spent() == 2 * COST


def test_a_release_whose_drawing_never_began_is_paid_back(version):
    release = make_reservation(version)
    lease = claim(release)

    actions.void_release(
        release_id=release.pk,
        token=lease.token,
        reason="ColumnMissing",
        actor=OFFICER,
        now=MONDAY,
    )

    assert Release.objects.get().state == ReleaseState.VOID
    assert list(JournalEntry.objects.order_by("pk").values_list("nano_rho", flat=True)) == [
        COST,
        -COST,
    ]
    assert spent() == 0
    assert events_about(release)[-1] == "ReleaseVoided"
    assert make_reservation(version) != release


def test_once_drawing_began_there_is_no_refund(version):
    release, token = make_drawing(version)

    with pytest.raises(MoveNotAllowed):
        actions.void_release(
            release_id=release.pk, token=token, reason="regret", actor=OFFICER, now=MONDAY
        )
    assert Release.objects.get().state == ReleaseState.DRAWING
    assert spent() == COST


def test_a_release_that_ended_accepts_no_late_result(version):
    release, token = make_drawing(version)
    expire(release, now=LATER)

    with pytest.raises(LeaseLost):
        actions.commit_release(
            release_id=release.pk, token=token, result={}, actor=OFFICER, now=LATER
        )
    with pytest.raises(LeaseLost):
        actions.fail_release(
            release_id=release.pk, token=token, reason="late", actor=OFFICER, now=LATER
        )
    assert Release.objects.get().state == ReleaseState.FAILED_CHARGED
    assert Release.objects.get().result is None


def test_a_drawing_whose_lease_ended_becomes_failed_and_stays_charged(version):
    release, _ = make_drawing(version)

    expire(release, now=MONDAY)
    assert Release.objects.get().state == ReleaseState.DRAWING
    expire(release, now=LATER)

    assert Release.objects.get().state == ReleaseState.FAILED_CHARGED
    assert events_about(release)[-1] == "ReleaseFailed"
    assert spent() == COST


def test_a_reservation_is_voided_after_its_attempts_and_a_slow_worker_cannot_draw(version):
    release = make_reservation(version)
    now = MONDAY
    for _ in range(MOST_ATTEMPTS):
        assert claim(release, now=now)
        expire(release, now=now)
        assert Release.objects.get().state == ReleaseState.RESERVED
        now += LEASE + timedelta(seconds=1)

    expire(release, now=now)

    assert Release.objects.get().state == ReleaseState.VOID
    assert Release.objects.get().last_error == "attempts ended"
    assert spent() == 0
    with pytest.raises(LeaseLost):
        begin(release, Token(MOST_ATTEMPTS), now=now)
    with pytest.raises(MoveNotAllowed):
        begin(release, Token(Release.objects.get().fencing_token), now=now)


def test_a_voided_release_says_what_kept_it_from_being_drawn(version):
    release = make_reservation(version)
    lease = claim(release)
    actions.postpone(
        release_id=release.pk,
        token=lease.token,
        reason="StoreUnreadable",
        actor=OFFICER,
        now=MONDAY,
    )

    actions.expire(release_id=release.pk, most_attempts=1, actor=OFFICER, now=LATER)

    assert Release.objects.get().last_error == "StoreUnreadable"


def test_expiring_twice_or_too_early_changes_and_records_nothing(version):
    waiting = make_reservation(version)
    ended = make_release(version, name="other")
    before = OutboxEntry.objects.count()

    expire(waiting, now=LATER)
    expire(ended, now=LATER)

    assert Release.objects.get(pk=waiting.pk).state == ReleaseState.RESERVED
    assert Release.objects.get(pk=ended.pk).state == ReleaseState.COMMITTED
    assert OutboxEntry.objects.count() == before


def test_the_journal_refuses_every_change(version):
    make_reservation(version)
    entry = JournalEntry.objects.get()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        JournalEntry.objects.update(nano_rho=0)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        entry.delete()
    assert JournalEntry.objects.get() == entry


def test_the_database_keeps_one_draw_per_recipe_and_version(version):
    release = make_reservation(version)
    release.pk = uuid4()

    with (
        pytest.raises(IntegrityError, match="one_draw_per_recipe_and_version"),
        transaction.atomic(),
    ):
        release.save(force_insert=True)
