"""A week of an organisation, told by real actions on real files, for pages to be looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.test import override_settings

from audits.actions import seal
from audits.permissions import Role
from audits.trail import Actor
from deletion import actions, tasks
from deletion.bulk import Form, lines_in
from deletion.disgorgement import NamedBy
from deletion.models import Batch, DeletionRequest
from deletion.queries import work
from deletion.tasks import steps
from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import IdentifierKind
from lineage.models import DatasetVersion
from tests.deletion.builders import INTAKE, make_due, make_request, raw, right_now, walk
from tests.lineage.builders import (
    PATIENT_ID,
    make_family,
    make_namespace,
    make_node,
    make_store,
    make_version,
    scanned,
    write_people,
)
from tests.privacy.builders import make_account, make_policy, make_release
from tests.training.builders import MANY, make_model, make_patients, train
from training.actions import attest_gone, declare_gates, stop
from training.queries import scope_of

PASSWORD: Final = "a long password for pictures"  # noqa: S105  # of accounts that live for one test
# One round: the hash protects an account that lives for one test.
QUICKLY_HASHED: Final = PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1)
SWEEPER: Final = Actor("task:deletion.sweep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The people who sign in."""

    clara: User  # an officer
    dora: User  # another one: some things need two
    aldo: User  # an auditor
    emil: User  # an engineer


def make_account_of(name: str, role: Role) -> User:
    user = User.objects.create(username=name, password=QUICKLY_HASHED)
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


def make_shield(version: DatasetVersion) -> None:
    """Release sums about the people, and approve that models behind them may wait."""
    make_account(version.family)
    make_release(version)
    make_policy(version.family, expires_at=right_now() + timedelta(days=40), max_epsilon=Decimal(3))


def ask(person: str, *, days_ago: float, regime: str = "gdpr") -> DeletionRequest:
    """Let somebody ask to be deleted."""
    return make_request(
        raw(person),
        key=f"key of {person}",
        now=right_now() - timedelta(days=days_ago),
        regime=regime,
    ).request


def plan(*requests: DeletionRequest) -> Batch:
    batch = actions.plan_batch(
        request_ids=[request.pk for request in requests],
        actor=SWEEPER,
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
    """Let runs start at once, and fail at once."""
    with override_settings(COALESCE=timedelta(0), APPROVE_UP_TO=100, ATTEMPTS=1):
        yield


def newest(version: DatasetVersion) -> DatasetVersion:
    return DatasetVersion.objects.filter(family=version.family).latest("seq")


def make_agent(by: User) -> None:
    """Declare an agent; the key is one of the test vectors of RFC 8032."""
    make_namespace("email", kind=IdentifierKind.EMAIL)
    actions.declare_agent(
        agent="PERMISSION_SLIP",
        name="Permission Slip Inc.",
        public_key="d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        email_namespace="email",
        phone_namespace="",
        regime="ccpa",
        actor=actor_of(by),
        now=right_now(),
    )


def tell_everything(folder: Path, staff: Staff) -> dict[str, DeletionRequest]:
    """Tell the whole story; return the requests by what became of them."""
    version = make_patients(folder / "patients")
    model = make_model(version.family)
    declare_gates(
        family_id=version.family_id,
        rules={"columns": {"age": {"least": 0, "most": 120}}},
        actor=actor_of(staff.dora),
        now=right_now(),
    )
    train(model)
    told = {
        "complete": ask(MANY[2], days_ago=4),
        "complete too": ask(MANY[3], days_ago=3, regime="ccpa"),
        "late": ask(MANY[4], days_ago=12),
    }
    with no_waiting():
        walk()
    make_shield(newest(version))
    passed_on = [(newest(version).node_id, EdgeKind.PASSED_TO)]
    make_node(NodeKind.RECIPIENT, "hospital", sources=passed_on)
    told["working"] = ask(MANY[10], days_ago=2)
    told["working too"] = ask(MANY[11], days_ago=8.5)
    approve(plan(told["working"], told["working too"]), staff.clara)
    with no_waiting():
        begin_work()
    told["planned"] = ask(MANY[20], days_ago=1)
    told["planned too"] = ask(MANY[21], days_ago=9)
    plan(told["planned"], told["planned too"])
    told["overdue"] = ask(MANY[30], days_ago=11)
    told["received"] = ask(MANY[31], days_ago=0.1, regime="ccpa")
    told["held"] = ask(MANY[32], days_ago=5)
    hold(told["held"], by=staff.clara)
    told["cancelled"] = ask(MANY[33], days_ago=6)
    actions.cancel(request_id=told["cancelled"].pk, actor=actor_of(staff.dora), now=right_now())
    bring_somebody_back(folder / "visits", MANY[2])
    told["stuck"] = break_a_place(folder / "archive", by=staff.dora)
    stop(
        scope=scope_of(model.name),
        reason="Complaints about the answers for children.",
        actor=actor_of(staff.clara),
        now=right_now() - timedelta(hours=3),
    )
    make_node(name="elsewhere")
    attest_gone(
        model="elsewhere",
        version="1",
        reason="The vendor has deleted it.",
        evidence_digest="ab" * 32,
        actor=actor_of(staff.clara),
        now=right_now(),
    )
    send_many(MANY[32])
    make_agent(staff.dora)
    make_node(name="scraped")
    actions.propose_disgorgement(
        named_by=NamedBy.SOURCE,
        name="scraped",
        order="C-4743",
        reason="The pictures were taken without asking.",
        days=90,
        actor=actor_of(staff.clara),
        now=right_now(),
    )
    seal(now=right_now())
    return told


def send_many(*people: str) -> None:
    """Send an upload that breaks off after these people."""
    upload = actions.Upload(caller=INTAKE, key="monday")
    lines = "".join(f"gdpr,account-login,{person}\n" for person in people)
    answers = actions.import_requests(
        import_id=actions.start_import(upload=upload, source="http", actor=INTAKE, now=right_now()),
        lines=lines_in(
            [f"regime,verification,value:{PATIENT_ID}\n{lines}".encode(), b"\xff"], form=Form.CSV
        ),
        upload=upload,
        actor=INTAKE,
        clock=right_now,
    )
    assert sum(len(some) for some in answers) == len(people) + 1


def hold(request: DeletionRequest, *, by: User) -> None:
    actions.place_hold(
        request_id=request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="a claim about the treatment is before the court",
        actor=actor_of(by),
        now=right_now(),
    )


def begin_work() -> None:
    """Start the runs that are due, and let one of their files be done."""
    steps.start()  # one step of a sweep, so that the road stops half-way
    for run in work.waiting_runs(now=right_now(), limit=10):
        tasks.close_run(str(run))
    for part in work.waiting_parts(now=right_now(), limit=1):
        tasks.erase_part(part)


def bring_somebody_back(folder: Path, person: str) -> None:
    """Register a training set with somebody who was forgotten: it is quarantined."""
    others = [f"visitor-{number}" for number in range(10)]
    write_people(folder / "part-0.parquet", others)
    family = make_family(make_store(folder, name="visits"), name="visits")
    make_version(family)
    make_version(family, scanned([person, *others], family="visits"))


def break_a_place(folder: Path, *, by: User) -> DeletionRequest:
    """Let a run fail until a person must look, because its file was moved away."""
    file = write_people(folder / "part-0.parquet", ["archived-1", "archived-2"])
    make_version(make_family(make_store(folder, name="archive"), name="archive"))
    request = ask("archived-1", days_ago=1)
    approve(plan(request), by)
    file.rename(folder / "moved.bak")
    with no_waiting():
        begin_work()
        make_due()
        begin_work()
    return request
