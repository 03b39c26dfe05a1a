"""A request from its intake to its certificate, through real files, as the workers walk it."""

import os
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import psycopg2
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from audits.actions import seal
from audits.bundle import verify_bundle
from audits.models import Alert
from config.traces import files_naming, tables_naming
from deletion import actions, tasks
from deletion.errors import BatchUnknown, IdempotencyKeyReused
from deletion.intake import HashedIdentifier
from deletion.models import Certificate, DeletionRequest, Found, RequestIdentifier, Run, RunPart
from deletion.queries import plans, work
from deletion.queries.requests import targets_of
from lineage.models import DatasetFamily, Membership, Suppression
from privacy.actions import register_recipe, reserve
from privacy.tasks import draw
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    events,
    make_due,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    statement_of,
    walk,
    work_off,
)
from tests.lineage.builders import (
    PATIENT_ID,
    make_dataset,
    make_store,
    make_version,
    pseudonym,
    write_people,
)
from tests.privacy.builders import make_account, make_declaration, make_policy
from tests.training.builders import (
    make_model,
    make_patients,
    make_trained_model,
    train,
    version_of,
)
from training.actions import stop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def people_in(folder):
    return [
        person
        for file in sorted(folder.rglob("*.parquet"))
        for person in pq.read_table(file)[PATIENT_ID].to_pylist()
    ]


def test_a_person_is_erased_everywhere_and_a_bystander_nowhere(tmp_path):
    make_dataset(tmp_path)
    before = people_in(tmp_path)
    assert ALICE in before
    assert BOB in before
    assert tables_naming(pseudonym(ALICE).hex) == set()
    assert tables_naming(str(pseudonym(ALICE))) == {"lineage_pseudonym"}
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased"}
    assert people_in(tmp_path) == [person for person in before if person != ALICE]
    assert files_naming(tmp_path, ALICE) == set()
    assert tables_naming(ALICE) == set()
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB))) == {"lineage_pseudonym"}
    assert Membership.objects.filter(subject__pseudonyms=pseudonym(BOB), to_seq=None).exists()
    assert Suppression.objects.count() == 1
    request = DeletionRequest.objects.get()
    assert request.wrapped_key is None
    assert request.body_tag == ""
    assert not RequestIdentifier.objects.exists()
    assert not Found.objects.exists()
    assert RunPart.objects.filter(step="proven").exists()
    assert not Alert.objects.exists()
    assert events(f"request/{request.pk}") == [
        "DeletionRequested",
        "RequestPlanned",
        "OutcomeDecided",
        "DataErased",
        "RequestCompleted",
    ]


def test_a_model_forgets_the_person_whom_its_training_set_lost(tmp_path):
    model = make_trained_model(tmp_path)
    first = version_of(model, 1)
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "triage": "retrained"}
    first.refresh_from_db()
    assert first.state == "destroyed"
    assert version_of(model, 2).state == "released"
    assert tables_naming(str(pseudonym(ALICE))) == set()


def test_a_person_who_exists_nowhere_ends_as_absent_after_a_second_reader_looked(tmp_path):
    make_dataset(tmp_path)
    before = people_in(tmp_path)
    opened = make_request(raw("ghost-canary-0000"), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "absent"}
    assert people_in(tmp_path) == before
    part = RunPart.objects.get()
    assert part.evidence["rows_erased"] == 0
    assert part.evidence["proven_by"]
    assert Suppression.objects.count() == 1  # recognised if their data comes later
    assert not Alert.objects.exists()


def test_a_person_written_in_another_letter_case_is_found(tmp_path):
    make_dataset(tmp_path, (ALICE.upper(), BOB))
    opened = make_request(raw(f" {ALICE.title()} "), now=right_now())

    walk()

    assert outcomes(opened) == {"patients": "erased"}
    assert people_in(tmp_path) == [BOB]


def test_a_person_named_only_by_a_hash_is_found(tmp_path):
    make_dataset(tmp_path)
    said = HashedIdentifier(namespace=PATIENT_ID, sha256=sha256(ALICE.encode()).hexdigest())
    opened = make_request(said, now=right_now())

    walk()

    assert outcomes(opened) == {"patients": "erased"}
    assert ALICE not in people_in(tmp_path)


def test_a_person_who_comes_back_is_erased_again_on_a_new_request(tmp_path):
    make_dataset(tmp_path)
    first = make_request(raw(ALICE), key="k1", now=right_now())
    walk()
    assert state(first) == "complete"
    write_people(tmp_path / "again.parquet", (ALICE, BOB))

    second = make_request(raw(ALICE), key="k2", now=right_now())
    walk()

    assert state(second) == "complete"
    assert outcomes(second) == {"patients": "erased"}
    assert ALICE not in people_in(tmp_path)
    with pytest.raises(IdempotencyKeyReused):
        make_request(raw(ALICE), key="k1")


def test_an_erased_person_who_asks_again_is_absent(tmp_path):
    make_dataset(tmp_path)
    make_request(raw(ALICE), key="k1", now=right_now())
    walk()

    again = make_request(raw(ALICE), key="k2", now=right_now())
    walk()

    assert state(again) == "complete"
    assert outcomes(again) == {"patients": "absent"}


def test_two_people_leave_in_one_run(tmp_path):
    make_dataset(tmp_path)
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    bob = make_request(raw(BOB), key="k2", now=right_now())

    walk()

    assert (state(alice), state(bob)) == ("complete", "complete")
    assert events().count("RunStarted") == 1
    assert set(people_in(tmp_path)) & {ALICE, BOB} == set()


def test_a_table_and_a_folder_are_both_searched(tmp_path):
    make_dataset(tmp_path)
    table = f"visits_{uuid4().hex}"
    outside = psycopg2.connect(os.environ["DATABASE_URL"])
    outside.autocommit = True
    with outside.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (patient text NOT NULL, note text)")
        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s), (%s, %s)", [ALICE, ALICE, BOB, "x"])  # noqa: S608  # a name made here
    try:
        make_store(
            f"env:DATABASE_URL?table={table}",
            name="visits",
            kind="postgres",
            columns={"patient": PATIENT_ID},
        )
        opened = make_request(raw(ALICE), now=right_now())

        walk()

        assert state(opened) == "complete"
        assert outcomes(opened) == {"patients": "erased", "visits": "erased"}
        with outside.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  # as above
            assert cursor.fetchall() == [(BOB, "x")]
    finally:
        with outside.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")
        outside.close()


def test_a_corrupt_file_keeps_the_obligation_open_and_visible_until_somebody_repairs_it(
    tmp_path, settings
):
    settings.ATTEMPTS = 2
    make_dataset(tmp_path)
    good = (tmp_path / "part-0.parquet").read_bytes()
    write_people(tmp_path / "part-1.parquet", (BOB,))
    opened = make_request(raw(ALICE), now=right_now())
    (tmp_path / "part-1.parquet").write_bytes(b"PAR1 this is no Parquet file PAR1")

    for _ in range(4):
        tasks.sweep()
        work_off()
        make_due()

    assert state(opened) == "in progress"
    assert outcomes(opened) == {"patients": "unreachable"}
    run = Run.objects.get()
    assert run.state == "stuck"
    assert "part-1.parquet" in run.last_error
    assert Alert.objects.filter(kind="run-stuck").exists()
    assert (tmp_path / "part-0.parquet").read_bytes() == good  # nothing half-done

    write_people(tmp_path / "part-1.parquet", (BOB,))
    actions.retry_run(run_id=run.pk, actor=OFFICER, now=right_now())
    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased"}
    assert events(f"run/{run.pk}").count("RunRetried") == 1


def test_somebody_written_back_during_the_run_is_caught_by_a_further_round(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    tasks.sweep()
    (run,) = work.waiting_runs(now=right_now(), limit=9)
    tasks.close_run(str(run))
    (part,) = work.waiting_parts(now=right_now(), limit=9)
    tasks.erase_part(part)
    assert ALICE not in people_in(tmp_path)
    write_people(tmp_path / "late.parquet", (ALICE, BOB))
    write_people(tmp_path / "part-0.parquet", (BOB, ALICE))

    walk()

    assert state(opened) == "complete"
    assert ALICE not in people_in(tmp_path)
    assert RunPart.objects.filter(round=2).count() == 2


def test_somebody_written_back_after_the_last_look_is_planned_once_more(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    while Run.objects.filter(state="succeeded").count() == 0:
        tasks.sweep()
        work_off()
    write_people(tmp_path / "late.parquet", (ALICE, BOB))
    make_version(DatasetFamily.objects.get())

    walk()

    assert state(opened) == "complete"
    assert ALICE not in people_in(tmp_path)
    assert "RequestReopened" in events(f"request/{opened.request.pk}")
    assert Alert.objects.filter(kind="person-still-somewhere").exists()
    assert events().count("RequestCompleted") == 1


def test_lineage_that_expects_somebody_who_is_not_there_raises_an_alert(tmp_path):
    make_dataset(tmp_path)
    write_people(tmp_path / "part-0.parquet", (BOB,))
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "absent"}
    assert Alert.objects.get().kind == "lineage-says-present"


def test_a_large_batch_waits_for_an_officer_and_is_planned_again_when_lineage_moves(
    tmp_path, settings
):
    settings.APPROVE_UP_TO = 1
    make_dataset(tmp_path)
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    bob = make_request(raw(BOB), key="k2", now=right_now())
    walk()
    assert (state(alice), state(bob)) == ("planned", "planned")
    (batch,) = plans.awaiting_approval(limit=9)
    seen = plans.batch_seen(batch)

    make_store(write_people(tmp_path.parent / f"{tmp_path.name}-b" / "x.parquet"), name="other")
    walk()

    (second,) = plans.awaiting_approval(limit=9)
    assert second != batch
    with pytest.raises(BatchUnknown):
        actions.approve_plan(
            batch_id=batch, seen_digest=seen.digest, actor=OFFICER, now=right_now()
        )
    actions.approve_plan(
        batch_id=second,
        seen_digest=plans.batch_seen(second).digest,
        actor=OFFICER,
        now=right_now(),
    )
    walk()

    assert outcomes(alice) == {"patients": "erased", "other": "erased"}
    assert (state(alice), state(bob)) == ("complete", "complete")


def test_while_a_stop_is_down_nothing_starts(tmp_path):
    make_trained_model(tmp_path)
    stop(scope="everything", reason="a doubt", actor=OFFICER, now=right_now())
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "in progress"
    assert not Run.objects.exists()
    seen = targets_of(DeletionRequest.objects.get(), now=right_now())
    assert [one.forecast and one.forecast.because for one in seen] == ["a stop is down"] * 2


def test_a_model_behind_a_shield_is_not_retrained_and_the_certificate_says_why(tmp_path):
    version = make_patients(tmp_path)
    make_account(version.family)
    recipe = register_recipe(
        declaration=make_declaration(
            keys={"column": "label", "values": ["ill", "well"], "provenance": "codebook"},
            values=[{"column": "size", "bounds": [0, 20], "step": 1, "provenance": "codebook"}],
        ),
        actor=OFFICER,
        now=MONDAY,
    )
    release = reserve(
        recipe_id=recipe.pk, dataset_version_id=version.pk, actor=OFFICER, now=right_now()
    )
    draw(str(release.pk))
    plain = make_model(version.family)
    shielded = make_model(version.family, name="anonymised", trainer="release-centroids")
    train(plain)
    train(shielded)
    make_policy(
        version.family,
        expires_at=right_now() + timedelta(days=30),
    )
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(opened) == "complete"
    assert outcomes(opened) == {
        "patients": "erased",
        "triage": "retrained",
        "anonymised": "shielded",
    }
    assert version_of(shielded, 1).state == "released"
    certificate = Certificate.objects.get()
    statement = statement_of(certificate)
    (target,) = [one for one in statement["predicate"]["targets"] if one["outcome"] == "shielded"]
    assert "influence bounded by" in target["note"]
    assert "retraining deferred under policy standard" in target["note"]


def test_the_bundle_of_a_finished_request_is_verified_and_names_nobody(tmp_path):
    make_dataset(tmp_path / "data")
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    seal(now=right_now())

    call_command("export_bundle", str(opened.request.pk), str(tmp_path / "bundle"))

    verdict = verify_bundle(tmp_path / "bundle")
    assert verdict.entry.event == "RequestCompleted"
    predicate = statement_of(Certificate.objects.get())["predicate"]
    assert verdict.statement["predicate"] == predicate
    assert predicate["outcomes"] == {"erased": 1}
    assert predicate["commitments"] == [text for _, text in opened.receipt.commitments]
    assert predicate["regime"]["articles"] == ["GDPR Art. 17(1)", "GDPR Art. 12(3)"]
    (target,) = predicate["targets"]
    assert target["evidence"]["rows_erased"] == 1
    assert target["evidence"]["readers"]
    assert files_naming(tmp_path / "bundle", ALICE) == set()
    assert files_naming(tmp_path / "bundle", str(pseudonym(ALICE))) == set()


def test_a_missed_date_is_an_alarm_before_it_is_missed(tmp_path):
    make_dataset(tmp_path)
    make_request(raw(ALICE), now=right_now() - timedelta(days=11))

    tasks.sweep()

    assert Alert.objects.get().kind == "deadline-cannot-be-met"
    assert Alert.objects.get().about == "store/patients"
