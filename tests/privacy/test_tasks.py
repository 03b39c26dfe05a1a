from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.models import OutboxEntry
from config.celery import app
from lineage.stores.errors import ChangedMeanwhile, ColumnMissing, ColumnTypeMismatch, PartCorrupt
from privacy import actions, tasks
from privacy.errors import ValueMissing
from privacy.ledger import MOST
from privacy.models import Account, Release
from privacy.states import ReleaseState
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import (
    make_dataset,
    make_family,
    make_store,
    make_version,
    write_people,
)
from tests.privacy.builders import (
    COST,
    make_account,
    make_drawing,
    make_reservation,
)

pytestmark = pytest.mark.django_db
LOUD = {"nano_rho": MOST, "delta": 0.000001}
PEOPLE = [f"person {n}" for n in range(400)]


@pytest.fixture
def eager() -> Iterator[None]:
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def version(tmp_path):
    version = make_dataset(tmp_path, PEOPLE)
    make_account(version.family, cap=5 * MOST)
    return version


def spent() -> int:
    return Account.objects.get().spent_nano_rho


def replace_part(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    part = folder / "part-0.parquet"
    pq.write_table(change(pq.read_table(part)), part)


def test_a_reserved_release_is_drawn_from_its_source_and_committed(version):
    release = make_reservation(version, budget=LOUD)

    tasks.draw(str(release.pk))

    release.refresh_from_db()
    assert release.state == ReleaseState.COMMITTED
    assert release.result
    assert abs(release.result["counts"]["ward 0"] - 200) < 20
    assert release.result["means"]["size"]["ward 1"] > 8  # sizes are 0 to 399, clipped to 10
    assert spent() == release.cost_nano_rho
    assert OutboxEntry.objects.filter(event="ReleaseCommitted").count() == 1


def test_drawing_twice_draws_once(version):
    release = make_reservation(version)
    tasks.draw(str(release.pk))
    first = Release.objects.get().result

    tasks.draw(str(release.pk))

    assert Release.objects.get().result == first
    assert spent() == COST


def test_the_held_out_are_not_in_a_release(tmp_path):
    version = make_dataset(tmp_path, PEOPLE, hold_out_permille=500)
    make_account(version.family, cap=5 * MOST)
    release = make_reservation(version, budget=LOUD)

    tasks.draw(str(release.pk))

    release.refresh_from_db()
    assert version.member_count == 400
    assert release.result
    assert 120 < sum(release.result["counts"].values()) < 280


def test_no_identifier_of_a_person_is_kept_with_a_release(tmp_path):
    version = make_dataset(tmp_path, [ALICE, *PEOPLE])
    make_account(version.family)
    release = make_reservation(version)
    assert ALICE in (tmp_path / "part-0.parquet").read_bytes().decode(errors="replace")

    tasks.draw(str(release.pk))

    release.refresh_from_db()
    assert ALICE not in str(release.result)
    assert not any(ALICE in bytes(e.entry).decode() for e in OutboxEntry.objects.all())


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda table: table.drop_columns(["size"]), ColumnMissing),
        (lambda table: table.set_column(2, "size", [["x"] * len(table)]), ColumnTypeMismatch),
        (lambda table: table.slice(1), ChangedMeanwhile),
    ],
)
def test_a_source_that_is_not_what_was_registered_is_paid_back(version, tmp_path, change, refusal):
    release = make_reservation(version)
    replace_part(tmp_path, change)

    with pytest.raises(refusal):
        tasks.draw(str(release.pk))

    release.refresh_from_db()
    assert (release.state, release.last_error) == (ReleaseState.VOID, refusal.__name__)
    assert spent() == 0


def test_a_source_that_cannot_be_read_is_tried_again_and_paid_back_in_the_end(
    version, tmp_path, eager, settings
):
    settings.LEASE, settings.ATTEMPTS = timedelta(0), 2
    release = make_reservation(version)
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 but no more")

    for _ in range(2):
        with pytest.raises(PartCorrupt):
            tasks.draw(str(release.pk))
        release.refresh_from_db()
        assert (release.state, release.last_error) == (ReleaseState.RESERVED, "PartCorrupt")
        assert spent() == COST
    tasks.sweep()

    release.refresh_from_db()
    assert (release.state, release.last_error) == (ReleaseState.VOID, "PartCorrupt")
    assert spent() == 0


def test_a_refusal_that_depends_on_the_records_stays_charged(tmp_path):
    write_people(tmp_path / "part-0.parquet", PEOPLE)
    empty = pa.array([None] * len(PEOPLE), pa.float64())
    replace_part(tmp_path, lambda table: table.set_column(2, "size", empty))
    version = make_version(make_family(make_store(tmp_path)))
    make_account(version.family)
    release = make_reservation(version)

    with pytest.raises(ValueMissing):
        tasks.draw(str(release.pk))

    release.refresh_from_db()
    assert (release.state, release.last_error) == (ReleaseState.FAILED_CHARGED, "ValueMissing")
    assert spent() == COST


def test_the_sweep_draws_what_waits_and_charges_what_died(version, eager):
    waiting = make_reservation(version)
    died, _ = make_drawing(version, name="died")  # its lease ended long ago

    tasks.sweep()

    waiting.refresh_from_db()
    died.refresh_from_db()
    assert waiting.state == ReleaseState.COMMITTED
    assert died.state == ReleaseState.FAILED_CHARGED
    assert spent() == 2 * COST


def test_the_sweep_leaves_alone_what_somebody_works_on(version, eager):
    release = make_reservation(version)
    actions.claim(
        release_id=release.pk,
        owner="a worker",
        length=timedelta(days=365_000),
        actor=OFFICER,
        now=MONDAY,
    )

    tasks.sweep()

    release.refresh_from_db()
    assert (release.state, release.attempts) == (ReleaseState.RESERVED, 1)
