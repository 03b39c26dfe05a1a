"""Whatever is killed in the middle of a deletion, the request completes by itself."""

from collections.abc import Callable, Iterator, Sequence

import polars as pl
import pytest

from config.demo.patients import Patients
from lineage.stores.pages import search_pages
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def patients(world: World) -> Patients:
    patients = world.register_patients()
    world.manage(
        "register_model", "diagnosis", "--family=patients", "--purpose=triage of new patients"
    )
    world.manage("train", "diagnosis")
    world.wait_for(
        lambda: any(run["state"] == "succeeded" for run in runs_of(world)),
        what="the model to be trained",
    )
    return patients


def runs_of(world: World) -> list[dict[str, str]]:
    answer = world.get("/api/v1/models/diagnosis/runs")
    return list(answer)


def files_naming(patients: Patients, person: str) -> set[str]:
    return {
        path.name
        for path in patients.folder.iterdir()
        if search_pages(path, person.encode()) or person.encode() in path.read_bytes()
    }


def rows_of_others(patients: Patients, *gone: str) -> pl.DataFrame:
    rows = pl.read_parquet(patients.folder / "*.parquet")
    return rows.filter(~pl.col("patient_id").is_in(gone)).sort("patient_id")


def somebody_learned(world: World, people: Sequence[str]) -> str:
    """Return the first whom the model learned from: who is only held out costs no training."""
    for person in people:
        if "held out" not in world.manage("where_is", "patient_id", said=f"{person}\n"):
            return person
    raise AssertionError("everybody is held out")


def wait_for_state(world: World, request: str, *states: str) -> None:
    """Wait until a request is in one of some states; it may not be complete before."""
    seen = world.wait_for(
        lambda: now if (now := world.state_of(request)) in {*states, "complete"} else "",
        what=f"the request to be {' or '.join(states)}",
    )
    assert seen in states


KILLS: dict[str, Callable[[World], None]] = {
    "the web server": lambda world: world.kill("web"),
    "the worker": lambda world: world.kill("worker"),
    "the sweeper": lambda world: world.kill("sweeper"),
    "beat": lambda world: world.kill("beat"),
    "PostgreSQL": lambda world: world.services.restart_postgres(),
    "Redis's memory": lambda world: world.empty_redis(),
}


@pytest.mark.parametrize("victim", KILLS)
def test_a_deletion_completes_by_itself_although_a_part_is_lost_in_the_middle(
    world: World, patients: Patients, victim: str
):
    person = somebody_learned(world, patients.identifiers[list(KILLS).index(victim) * 40 :])
    others = rows_of_others(patients, person)
    assert files_naming(patients, person)

    # The model's stop is what keeps the request from completing before the first kill.
    world.stop("model/diagnosis")
    request = world.ask_to_be_deleted(person)
    wait_for_state(world, request, "in progress")
    KILLS[victim](world)
    wait_for_state(world, request, "in progress")
    world.lift("model/diagnosis")
    for _ in range(2):
        wait_for_state(world, request, "in progress", "complete")
        KILLS[victim](world)

    world.wait_for(
        lambda: world.state_of(request) == "complete",
        what=f"the request to complete after {victim} was lost",
        seconds=120,
    )
    assert files_naming(patients, person) == set()
    assert rows_of_others(patients, person).equals(others)
