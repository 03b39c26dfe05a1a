"""The demo's steps: each goes through a door that users have, checks, and says what it saw."""

from collections.abc import Iterable
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from knox.models import AuthToken

from audits.permissions import Role
from config.demo.client import Client, DemoFailed, wait_for
from config.demo.patients import write_patients
from config.demo.stage import (
    CHAMPION,
    FAMILY,
    HOLD_OUT_PERMILLE,
    NAMESPACE,
    PATIENCE_SECONDS,
    POLICY,
    SHARDS,
    SHIELDED_MODEL,
    VISITS,
    Stage,
)
from lineage.identifiers import Identifier, IdentifierKind, pseudonym_of, standardise
from lineage.models import DatasetFamily
from lineage.sharding import HOLD_OUT, Sharding

RECIPE = "examples/recipes/breast-cancer.json"
LEAVERS = 3
SUCCESSOR = 2  # the number of the version without them


def _command(name: str, *words: object) -> str:
    """Run a management command as an operator would; return what it printed."""
    said = StringIO()
    try:
        call_command(name, *map(str, words), stdout=said)
    except CommandError as refused:
        raise DemoFailed(f"{name}: {refused}") from refused
    return said.getvalue()


def open_accounts(stage: Stage) -> None:
    """Create the people and machines that use the service; machines log in by token."""
    officer = User.objects.create_superuser("officer", password=stage.password)
    intake = User.objects.create_user("website")
    intake.groups.add(Group.objects.get(name=Role.INTAKE))
    stage.officer = Client(address=stage.address, token=AuthToken.objects.create(officer)[1])
    stage.intake = Client(address=stage.address, token=AuthToken.objects.create(intake)[1])


def register_people(stage: Stage) -> None:
    """Write the training set, fill a table of visits, and register both."""
    stage.patients = write_patients(stage.folder / "patients")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {VISITS} (patient text NOT NULL, note text)")
        cursor.executemany(
            f"INSERT INTO {VISITS} VALUES (%s, %s)",  # noqa: S608  # a constant name
            [(person, f"visit of {person}") for person in stage.patients.identifiers],
        )
    _command(
        "register_dataset",
        stage.patients.folder,
        f"--family={FAMILY}",
        f"--id-column={NAMESPACE}",
        "--label=diagnosis",
        f"--shards={SHARDS}",
        f"--hold-out={HOLD_OUT_PERMILLE}",
    )
    _command(
        "register_store",
        f"env:DATABASE_URL?table={VISITS}",
        "--name=visits",
        f"--id-column=patient={NAMESPACE}",
    )
    held_out = sum(shard == HOLD_OUT for shard in _shards(stage).values())
    stage.done(
        "people registered",
        f"{len(stage.patients.identifiers)} patients · {stage.patients.files} Parquet files with "
        f"{stage.patients.row_groups} row groups · one PostgreSQL table of visits",
        f"{held_out} held out by person, the others in {SHARDS} shards",
    )


def _shards(stage: Stage) -> dict[str, int]:
    """Return each patient's shard, computed as the index does."""
    family = DatasetFamily.objects.get(name=FAMILY)
    sharding = Sharding(
        family=FAMILY,
        shards=family.shards,
        hold_out_permille=family.hold_out_permille,
        key=settings.SHARD_KEY,
    )
    return {
        person: sharding.shard_of(
            pseudonym_of(
                Identifier(
                    namespace=NAMESPACE, value=standardise(person, kind=IdentifierKind.TEXT)
                ).digest,
                namespace=NAMESPACE,
                key=settings.PSEUDONYM_KEY,
            )
        )
        for person in stage.patients.identifiers
    }


def train_champion(stage: Stage) -> None:
    """Train the model on the people and wait until it is judged, signed and released."""
    _command(
        "register_model",
        CHAMPION,
        f"--family={FAMILY}",
        "--purpose=Second opinion on the diagnosis of a breast mass",
    )
    _command("train", CHAMPION)
    accuracy = _released(stage, CHAMPION, version=1)
    stage.done(
        "champion trained",
        f"{CHAMPION} version 1 · accuracy {accuracy:.3f} on people it never saw",
        "qualified, signed and released",
    )


def draw_release(stage: Stage) -> None:
    """Draw an anonymised release, and train a second model on nothing else."""
    _command("open_privacy_account", FAMILY, f"--unit={NAMESPACE}", "--rho=0.5")
    drawn = _command("draw_release", RECIPE).splitlines()[0]
    _command(
        "approve_shield_policy",
        POLICY,
        f"--family={FAMILY}",
        "--max-epsilon=3",
        "--max-delta=0.000001",
        "--max-deletions=5",
        "--days=180",
        "--reason=Two counts and twelve sums over all patients, drawn once",
        "--officer=officer",
    )
    _command(
        "register_model",
        SHIELDED_MODEL,
        f"--family={FAMILY}",
        "--trainer=release-centroids",
        "--purpose=Second opinion where no patient data may be used",
    )
    _command("train", SHIELDED_MODEL)
    accuracy = _released(stage, SHIELDED_MODEL, version=1)
    stage.done(
        "anonymised release",
        drawn.split(": ", 1)[1],
        f"{SHIELDED_MODEL} version 1, trained on it alone · accuracy {accuracy:.3f}",
    )


def _released(stage: Stage, model: str, *, version: int) -> float:
    """Wait until a version of a model serves; return its accuracy on the hold-out."""

    def served() -> dict[str, Any]:
        versions = stage.officer.get(f"/api/v1/models/{model}")["versions"]
        found = [one for one in versions if one["state"] == "released"]
        return found[0] if found and found[0]["number"] == version else {}

    serving = wait_for(served, what=f"{model} version {version}", seconds=PATIENCE_SECONDS)
    return float(serving["metrics"]["challenger accuracy"])


def choose_leavers(stage: Stage) -> None:
    """Choose three patients whom training saw."""
    shards = _shards(stage)
    seen = [person for person in stage.patients.identifiers if shards[person] != HOLD_OUT]
    stage.leavers = seen[:: len(seen) // LEAVERS][:LEAVERS]
    stage.shards_hit = {shards[person] for person in stage.leavers}


def ask(stage: Stage) -> None:
    """Let them ask to be deleted, one in another letter case, and somebody who exists nowhere."""
    first, second, third = stage.leavers
    stage.asked = [_ask(stage, said) for said in (first, second.lower(), third)]
    stage.stranger = _ask(stage, "PAT-NOBODY-0000")
    stage.done(
        "three ask to be deleted",
        "POST /api/v1/deletion-requests → 202, three times, once in another letter case",
        "and once more for a person who exists nowhere",
    )


def _ask(stage: Stage, identifier: str) -> str:
    answer = stage.intake.post(
        "/api/v1/deletion-requests",
        {
            "regime": "gdpr",
            "identifiers": [{"namespace": NAMESPACE, "value": identifier}],
            "verification": "account-login",
        },
        key=str(uuid4()),
    )
    return str(answer["id"])


def follow(stage: Stage) -> None:
    """Watch the service plan, erase, retrain and certify, until every request is complete."""
    numbers = [*stage.asked, stage.stranger]

    def complete() -> list[dict[str, Any]]:
        found = [stage.officer.get(f"/api/v1/deletion-requests/{number}") for number in numbers]
        return found if all(one["state"] == "complete" for one in found) else []

    with stage.console.status("the service plans, erases, retrains and certifies …"):
        requests = wait_for(complete, what="the requests to complete", seconds=PATIENCE_SECONDS)
    stage.requests = requests
    if {target["outcome"] for target in requests[-1]["targets"]} != {"absent"}:
        raise DemoFailed("the person who exists nowhere was not found absent everywhere")
    stage.done("planned and approved", *_plans(stage))
    said = _outcomes(requests[:-1])
    stage.done("values erased", *said["store"], "the person who exists nowhere: absent in both")
    stage.done("models clean", *said["model"])
    _show_successor(stage)


def _plans(stage: Stage) -> list[str]:
    found = stage.officer.get("/api/v1/batches")["results"]
    approved = [batch for batch in found if batch["approved_at"]]
    targets = sum(len(batch["plan"]["obligations"]) for batch in approved)
    first = approved[-1]
    counted = f"batches: {len(approved)} · targets: {targets}"
    return [
        f"{counted} · first plan {first['digest'][:12]}… · approved by {first['approved_by']}",
    ]


def _outcomes(requests: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return what became of stores and of models, each different sentence once."""
    said: dict[str, dict[str, None]] = {"store": {}, "model": {}}
    for request in requests:
        for target in request["targets"]:
            kind, _, name = target["target"].partition("/")
            note = target["note"].replace("; ", f"\n{'':<30}  ", 1)
            words = f"{name}: {target['outcome']}" + (f" · {note}" if note else "")
            said[kind][words] = None
    return {kind: list(words) for kind, words in said.items()}


def _show_successor(stage: Stage) -> None:
    runs = stage.officer.get(f"/api/v1/models/{CHAMPION}/runs")
    run = next(run for run in runs if run["version"] == SUCCESSOR)
    if run["shards_hit"] != len(stage.shards_hit):
        raise DemoFailed(f"{run['shards_hit']} shards fitted, not the {len(stage.shards_hit)} hit")
    versions = stage.officer.get(f"/api/v1/models/{CHAMPION}")["versions"]
    states = {version["number"]: version["state"] for version in versions}
    if states != {1: "destroyed", SUCCESSOR: "released"}:
        raise DemoFailed(f"the versions of {CHAMPION} are {states}")
    told = run["metrics"]
    stage.done(
        "successor qualified",
        f"{CHAMPION} version {SUCCESSOR} serves: accuracy {told['challenger accuracy']:.3f}, its "
        f"predecessor had {told['champion accuracy']:.3f}",
        "version 1 is withdrawn, its artefact and the snapshots of the shards hit are destroyed",
    )


def compare_with_the_clock(stage: Stage) -> None:
    """Hold what was done against the two clocks of each request."""
    slowest = {"erased_at": 0.0, "completed_at": 0.0}
    for request in stage.requests[:-1]:
        for ended, due in (("erased_at", "erase_by"), ("completed_at", "models_by")):
            if _moment(request, ended) > _moment(request, due):
                raise DemoFailed(f"request {request['id']} was late")
            taken = _moment(request, ended) - _moment(request, "received_at")
            slowest[ended] = max(slowest[ended], taken.total_seconds())
    first = stage.requests[0]
    stage.done(
        "in time",
        f"data erased within {slowest['erased_at']:.1f} s "
        f"(due {_moment(first, 'erase_by'):%d %B}), "
        f"models clean within {slowest['completed_at']:.1f} s "
        f"(due {_moment(first, 'models_by'):%d %B})",
    )


def _moment(request: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(request[name])
