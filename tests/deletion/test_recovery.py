"""The database itself came back from a backup, by pg_dump and pg_restore: nothing is hidden."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as live
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from audits import queries
from audits.actions import seal
from audits.errors import TrailRestored
from audits.notes import TreeHead
from audits.permissions import Role
from config.traces import files_naming
from deletion import actions
from deletion.models import Certificate, DeletionRequest
from scripts.local_servers import ROOT, postgres_programs
from tests.audits.append_only import allow_truncate
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import make_request, raw, right_now, state, walk
from tests.lineage.builders import make_family, make_store, make_version, write_people

pytestmark = pytest.mark.django_db(transaction=True)

CAROL = "carol-canary-9e03"
SECOND = "lethe.example/trail/2"


@pytest.fixture(autouse=True)
def setting(settings, tmp_path):
    settings.COALESCE = settings.COALESCE * 0
    settings.WITNESS_DIR = tmp_path / "witness"
    settings.WITNESS_DIR.mkdir()


def witnessed() -> TreeHead:
    head = queries.witnessed_head()
    assert head is not None
    return head


def checkpoint() -> Path:
    assert live.WITNESS_DIR is not None
    return live.WITNESS_DIR / "checkpoint"


def account(name, role=Role.OFFICER, **changes):
    user = User.objects.create_user(name, **changes)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def forget(person):
    opened = make_request(raw(person), key=person, now=right_now())
    walk()
    assert state(opened) == "complete"
    seal(now=right_now())
    return opened


class Restored:
    """Another database, made of a dump of this one."""

    def __init__(self, folder):
        self.place, self.export = folder / "people", folder / "export"
        self.name = f"restored_{uuid4().hex}"
        self.dump = folder / "dump"
        self.server = connection.settings_dict
        self.run("pg_dump", "--format=custom", f"--file={self.dump}", self.server["NAME"])

    def run(self, program, *arguments):
        host, user = self.server["HOST"], self.server["USER"]
        subprocess.run(
            [str(postgres_programs() / program), "-h", host, "-U", user, *arguments],
            check=True,
            capture_output=True,
        )

    def restore(self):
        self.run("createdb", self.name)
        self.run("pg_restore", "--no-owner", f"--dbname={self.name}", str(self.dump))

    def manage(self, *arguments, origin=SECOND):
        host = self.server["HOST"].replace("/", "%2F")
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": f"postgres://{self.server['USER']}@{host}/{self.name}",
                "ARTEFACT_DIR": str(live.ARTEFACT_DIR),
                "WITNESS_DIR": str(live.WITNESS_DIR),
                "TRAIL_ORIGIN": origin,
                "COALESCE_SECONDS": "0",
            },
            check=False,
            capture_output=True,
            text=True,
        )

    def shell(self, code, **changes):
        return self.manage("shell", "--no-imports", "-c", code, **changes)


@pytest.fixture
def restored(tmp_path):
    """ALICE was forgotten after the dump and CAROL before it; their file came back with it."""
    allow_truncate()
    account("clara")
    account("dora")
    account("erin", Role.ENGINEER)
    place = tmp_path / "people"
    write_people(place / "a.parquet", (CAROL, ALICE, BOB))
    make_version(make_family(make_store(place)))
    shutil.copytree(place, tmp_path / "backup")
    forget(CAROL)
    database = Restored(tmp_path)
    forget(ALICE)
    call_command("export_trail", str(tmp_path / "export"))
    database.restore()
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "backup", place)
    yield database
    database.run("dropdb", "--force", database.name)


def test_a_restored_database_is_noticed_and_goes_on_only_when_two_people_recover_it(restored):
    first, seen = live.TRAIL_ORIGIN, witnessed()
    two = ("--recovered-by", "clara", "--approved-by", "dora")
    sealing = "from audits.tasks import seal; seal()"

    checked = restored.manage(
        "check", "--database", "default", "--fail-level", "WARNING", origin=first
    )
    assert checked.returncode == 1
    assert f"the witness has seen {seen.size} facts" in checked.stderr
    assert "TrailRestored" in restored.shell(sealing, origin=first).stderr
    assert witnessed() == seen

    for refused, why in {
        (*two,): "OriginNotNew",
        ("--recovered-by", "clara", "--approved-by", "clara"): "RecoveryNeedsTwo",
        ("--recovered-by", "clara", "--approved-by", "erin"): "RecoveryNeedsTwo",
        ("--recovered-by", "clara", "--approved-by", "nobody"): "RecoveryNeedsTwo",
    }.items():
        said = restored.manage("recover_trail", *refused, origin=first)
        assert (said.returncode, why in said.stderr) == (1, True), said.stderr
    assert witnessed() == seen

    said = restored.manage("recover_trail", *two, "--export", str(restored.export))
    assert said.returncode == 0, said.stderr
    assert (
        f"lost facts about request {DeletionRequest.objects.latest('received_at').pk}"
        in said.stdout
    )
    assert "nothing tells about" not in said.stdout
    assert "replay: patients" in said.stdout
    second = witnessed()
    assert second.origin == SECOND
    assert second.size < seen.size

    again = restored.manage("recover_trail", *two)
    assert (again.returncode, "NothingToRecover" in again.stderr) == (1, True)
    assert restored.shell(sealing).returncode == 0
    assert "no issues" in restored.manage("check", "--database", "default").stdout
    before = {one: bool(files_naming(restored.place, one)) for one in (ALICE, BOB, CAROL)}
    assert before == {ALICE: True, BOB: True, CAROL: True}
    worked = restored.shell("from tests.deletion.builders import walk; walk()")
    assert worked.returncode == 0, worked.stderr
    after = {one: bool(files_naming(restored.place, one)) for one in (ALICE, BOB, CAROL)}
    # The database cannot know of ALICE any more: her demand has to be sent again.
    assert after == {ALICE: True, BOB: True, CAROL: False}
    exported = restored.manage("export_trail", str(restored.export.parent / "second"))
    assert exported.returncode == 0, exported.stderr
    verified = restored.manage("verify_bundle", str(restored.export.parent / "second"))
    assert verified.returncode == 0, verified.stderr


def test_a_recovery_that_was_killed_before_it_told_the_witness_is_ended_by_the_next(restored):
    two = ("--recovered-by", "clara", "--approved-by", "dora")
    seen = checkpoint().read_text()
    said = restored.manage("recover_trail", *two)
    assert "nothing tells about the facts from" in said.stdout
    checkpoint().write_text(seen)  # as if killed before

    again = restored.manage("recover_trail", *two)

    assert "recovered before" in again.stdout
    assert witnessed().origin == SECOND
    count = (
        "from audits.models import *; print(Leaf.objects.filter(event='TrailRecovered').count())"
    )
    assert restored.shell(count).stdout.strip() == "1"


def test_nothing_is_certified_while_the_trail_is_not_what_was_witnessed(tmp_path, settings):
    place = tmp_path / "people"
    write_people(place / "a.parquet", (ALICE, BOB))
    make_version(make_family(make_store(place)))
    seal(now=right_now())
    opened = make_request(raw(ALICE), now=right_now())
    settings.TRAIL_ORIGIN = SECOND  # another trail than the witness has seen

    walk()

    assert state(opened) == "in progress"
    assert not Certificate.objects.exists()
    with pytest.raises(TrailRestored):
        actions.complete_request(request_id=opened.request.pk, actor=OFFICER, now=right_now())
    settings.TRAIL_ORIGIN = "lethe.example/trail/1"
    walk()
    assert state(opened) == "complete"
