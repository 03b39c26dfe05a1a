"""The ledger under competition and under kill -9, on a real database."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connections
from django.db.models import Sum

from config.celery import app
from lineage.graph import NodeKind
from lineage.models import DatasetVersion, Node
from privacy import actions, tasks
from privacy.errors import BudgetSpent
from privacy.models import Account, JournalEntry, Release
from privacy.states import ReleaseState
from tests.cast import MONDAY, OFFICER
from tests.deaths import dies
from tests.lineage.builders import make_dataset
from tests.privacy.builders import CAP, COST, make_account, make_recipe, make_reservation

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 8
LEASE = timedelta(minutes=2)
Result = TypeVar("Result")


@pytest.fixture
def version(tmp_path) -> DatasetVersion:
    version = make_dataset(tmp_path)
    make_account(version.family)
    return version


@pytest.fixture
def eager() -> Iterator[None]:
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def at_once(work: Callable[[int], Result], count: int) -> list[Result]:
    """Do a piece of work in many threads, each with its own connection."""

    def alone(number: int) -> Result:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(alone, range(count)))


def ledger() -> int:
    """Return what was spent, after comparing account, journal and cap."""
    account = Account.objects.get()
    journal = JournalEntry.objects.aggregate(total=Sum("nano_rho"))["total"]
    assert journal == account.spent_nano_rho <= account.cap_nano_rho
    return account.spent_nano_rho


def test_competing_workers_never_spend_more_than_the_cap(version):
    recipes = [make_recipe(name=f"recipe-{n}").pk for n in range(40)]

    def reserve(number: int) -> bool:
        try:
            actions.reserve(
                recipe_id=recipes[number], dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
            )
        except BudgetSpent:
            return False
        return True

    paid = at_once(reserve, len(recipes))

    assert paid.count(True) == CAP // COST == 10
    assert ledger() == CAP
    assert Release.objects.count() == JournalEntry.objects.count() == 10


def test_refunds_that_compete_with_debits_keep_the_ledger_exact(version):
    recipes = [make_recipe(name=f"recipe-{n}").pk for n in range(40)]

    def reserve_and_regret(number: int) -> str:
        try:
            release = actions.reserve(
                recipe_id=recipes[number], dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
            )
        except BudgetSpent:
            return "refused"
        if number % 2:
            return "kept"
        lease = actions.claim(
            release_id=release.pk, owner="w", length=LEASE, actor=OFFICER, now=MONDAY
        )
        assert lease is not None
        actions.void_release(
            release_id=release.pk, token=lease.token, reason="regret", actor=OFFICER, now=MONDAY
        )
        return "voided"

    ended = at_once(reserve_and_regret, len(recipes))

    assert ended.count("voided") > 0
    assert ledger() == ended.count("kept") * COST
    assert Release.objects.filter(state=ReleaseState.VOID).count() == ended.count("voided")


def test_one_question_asked_by_many_at_once_is_paid_once(version):
    recipe = make_recipe()

    answers = at_once(
        lambda _: (
            actions.reserve(
                recipe_id=recipe.pk, dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
            ).pk
        ),
        2 * WORKERS,
    )

    assert len(set(answers)) == 1
    assert ledger() == COST


def test_one_recipe_registered_by_many_at_once_is_one_recipe(version):
    registered = at_once(lambda _: make_recipe().pk, 2 * WORKERS)
    revisions = at_once(
        lambda n: make_recipe(budget={"nano_rho": COST + 2 * n + 2, "delta": 1e-6}).revision,
        WORKERS,
    )

    assert len(set(registered)) == 1
    assert sorted(revisions) == list(range(2, WORKERS + 2))


def test_one_release_claimed_by_many_at_once_has_one_worker(version):
    release = make_reservation(version)

    leases = at_once(
        lambda n: actions.claim(
            release_id=release.pk, owner=f"worker {n}", length=LEASE, actor=OFFICER, now=MONDAY
        ),
        2 * WORKERS,
    )

    assert sum(lease is not None for lease in leases) == 1


@pytest.mark.parametrize(
    ("module", "function", "state"),
    [
        ("privacy.tasks", "_source", ReleaseState.RESERVED),
        ("privacy.actions.releases", "begin_drawing", ReleaseState.RESERVED),
        ("privacy.mechanisms", "draw", ReleaseState.DRAWING),
        ("privacy.results", "result_of", ReleaseState.DRAWING),
        ("lineage.actions.nodes", "register_node", ReleaseState.DRAWING),
    ],
)
def test_a_worker_that_is_killed_loses_no_debit_and_wins_no_refund(
    version, eager, module, function, state
):
    release = make_reservation(version)

    said = (str(release.pk), module, function)
    assert dies("tests.privacy.killed_worker", *said, LEASE_SECONDS="1")

    release.refresh_from_db()
    assert release.state == state
    assert ledger() == COST
    assert not Node.objects.filter(kind=NodeKind.RELEASE).exists()
    time.sleep(1)  # the dead worker's lease
    tasks.sweep()
    release.refresh_from_db()
    # Before the drawing it is simply drawn; after it began, what may have been seen is paid.
    assert release.state == (
        ReleaseState.COMMITTED if state is ReleaseState.RESERVED else ReleaseState.FAILED_CHARGED
    )
    assert ledger() == COST
