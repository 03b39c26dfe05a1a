"""A week of an organisation, told by real actions on real files, for pages to be looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.contrib.auth.models import Group, User
from django.test import override_settings

from audits.actions import seal
from audits.permissions import Role
from audits.trail import Actor
from deletion import actions, tasks
from deletion.models import Batch, DeletionRequest
from deletion.queries import work
from lineage.graph import EdgeKind
from lineage.models import DatasetVersion, Node
from tests.deletion.builders import make_request, raw, right_now, walk
from tests.lineage.builders import (
    make_family,
    make_node,
    make_store,
    make_version,
    scanned,
    write_people,
)
from tests.privacy.builders import make_account, make_policy, make_release
from training.models import Model, ModelVersion, Stop
from training.states import VersionState

PASSWORD: Final = "a long password for pictures"  # noqa: S105  # of accounts that live for one test
PEOPLE: Final = tuple(f"person-{number:03}" for number in range(120))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The people who sign in."""

    clara: User  # an officer
    dora: User  # another one: some things need two
    aldo: User  # an auditor
    emil: User  # an engineer


def make_account_of(name: str, role: Role) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def make_staff() -> Staff:
    return Staff(
        clara=make_account_of("clara", Role.OFFICER),
        dora=make_account_of("dora", Role.OFFICER),
        aldo=make_account_of("aldo", Role.AUDITOR),
        emil=make_account_of("emil", Role.ENGINEER),
    )


def actor_of(user: User) -> Actor:
    return Actor(f"user:{user.pk}")


def make_patients(folder: Path) -> DatasetVersion:
    """Register a training set of three files, one person in ten held out."""
    for number in range(3):
        write_people(folder / f"part-{number}.parquet", PEOPLE[number * 40 : (number + 1) * 40])
    store = make_store(folder, name="patients")
    family = make_family(store, name="patients", shards=8, hold_out_permille=100)
    return make_version(family)


def make_model(version: DatasetVersion, *, name: str = "triage") -> ModelVersion:
    """Declare a model with one destroyed and one released version, as training leaves them."""
    model = Model.objects.create(
        name=name,
        purpose="Which patients are seen first in the emergency room.",
        trainer="sharded-sklearn",
        family=version.family,
        fallback={"answer": "ask a nurse"},
        registered_at=right_now(),
    )
    for number, state in ((1, VersionState.DESTROYED), (2, VersionState.RELEASED)):
        node = make_node(
            name=name, version=str(number), sources=[(version.node_id, EdgeKind.TRAINED_ON)]
        )
        made = ModelVersion.objects.create(
            model=model,
            number=number,
            node=node,
            state=state,
            dataset_version=version,
            artefact=f"{name}/{number}",
            artefact_digest=f"{number}" * 64,
            metrics={"accuracy": 0.93 + number / 100},
            trained_at=right_now() - timedelta(days=30 - number),
            destroyed_at=right_now() if state is VersionState.DESTROYED else None,
        )
    return made


def make_shield(version: DatasetVersion) -> Node | None:
    """Release sums about the people, and approve that models behind them may wait."""
    make_account(version.family)
    release = make_release(version)
    make_policy(version.family, expires_at=right_now() + timedelta(days=40), max_epsilon=Decimal(3))
    return release.node


def ask(number: int, *, days_ago: float, regime: str = "gdpr") -> DeletionRequest:
    """Let one of the people ask to be deleted."""
    return make_request(
        raw(PEOPLE[number]),
        key=f"key-{number}",
        now=right_now() - timedelta(days=days_ago),
        regime=regime,
    ).request


def plan(*requests: DeletionRequest) -> Batch:
    batch = actions.plan_batch(
        request_ids=[request.pk for request in requests],
        actor=Actor("task:deletion.sweep"),
        now=right_now(),
    )
    assert batch is not None
    return batch


def approve(batch: Batch, by: User) -> None:
    actions.approve_plan(
        batch_id=batch.pk, seen_digest=batch.digest, actor=actor_of(by), now=right_now()
    )


@contextmanager
def no_waiting() -> Iterator[None]:
    with override_settings(COALESCE=timedelta(0), APPROVE_UP_TO=100):
        yield


def tell_everything(folder: Path, staff: Staff) -> dict[str, DeletionRequest]:
    """Tell the whole story; return the requests by what became of them."""
    version = make_patients(folder / "patients")
    with no_waiting():
        done = ask(0, days_ago=4)
        ask(1, days_ago=3, regime="ccpa")
        late = ask(2, days_ago=12)
        walk()
    make_shield(DatasetVersion.objects.filter(family=version.family).latest("seq"))
    make_model(DatasetVersion.objects.filter(family=version.family).latest("seq"))
    told = {"complete": done, "late": late}
    told["working"] = ask(10, days_ago=2)
    told["working too"] = ask(11, days_ago=8.5)
    approve(plan(told["working"], told["working too"]), staff.clara)
    with no_waiting():
        _begin_work()
    told["planned"] = ask(20, days_ago=1)
    told["planned too"] = ask(21, days_ago=9)
    plan(told["planned"], told["planned too"])
    told["overdue"] = ask(30, days_ago=11)
    told["received"] = ask(31, days_ago=0.1, regime="ccpa")
    told["held"] = ask(32, days_ago=5)
    actions.place_hold(
        request_id=told["held"].pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim about the treatment is before the court",
        actor=actor_of(staff.clara),
        now=right_now(),
    )
    told["cancelled"] = ask(33, days_ago=6)
    actions.cancel(request_id=told["cancelled"].pk, actor=actor_of(staff.dora), now=right_now())
    _bring_somebody_back(folder / "returned")
    _break_a_place(folder / "archive")
    Stop.objects.create(
        scope="model/triage",
        reason="Complaints about the answers for children.",
        raised_by=actor_of(staff.clara),
        raised_at=right_now() - timedelta(hours=3),
    )
    seal(now=right_now())
    return told


def _begin_work() -> None:
    """Start the run that is due, and let one of its three files be done."""
    tasks._start()  # noqa: SLF001  # one step of a sweep, so that the road stops half-way
    for run in work.waiting_runs(now=right_now(), limit=10):
        tasks.close_run(str(run))
    for part in work.waiting_parts(now=right_now(), limit=1):
        tasks.erase_part(part)


def _bring_somebody_back(folder: Path) -> None:
    """Register a training set with somebody who was forgotten: it is quarantined."""
    write_people(folder / "part-0.parquet", PEOPLE[100:110])
    family = make_family(make_store(folder, name="visits"), name="visits")
    make_version(family)
    make_version(family, scanned([PEOPLE[0], *PEOPLE[100:110]], family="visits"))


def _break_a_place(folder: Path) -> None:
    """Let a run fail until a person must look, because its files were moved away."""
    people = ["archived-1", "archived-2"]
    write_people(folder / "part-0.parquet", people)
    make_version(make_family(make_store(folder, name="archive"), name="archive"))
