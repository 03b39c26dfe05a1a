"""Real patients with a fault put into their data: nothing is trained, and the page says why."""

from datetime import date, timedelta
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from audits.permissions import Role
from config.demo.patients import patients_table
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_family, make_store, make_version, recorded
from tests.training.builders import make_model, start, train
from training import actions, queries, tasks
from training.gates import Gate
from training.models import GateDeclaration, ModelVersion, ShardFit
from training.states import RunState

pytestmark = pytest.mark.django_db

FILES = 4
DAYS = 30
CLINICS = ("east", "north", "south", "west")
RULES = {
    "day": {"column": "seen_on", "days_old": 3},
    "source": {
        "column": "clinic",
        "expected": list(CLINICS),
        "most_permille": 400,
        "change_permille": 200,
    },
    "near_duplicates": {"digits": 4},
    "drift": {"most": 0.25},
    "columns": {
        "mean_radius": {"holds": "number", "least": 0, "most": 60, "fill": "median"},
        "mean_area": {"holds": "number"},
        "diagnosis": {"allowed": ["benign", "malignant"]},
        "worst_area": {"fill": "refuse"},
        "age": {"back_filled_permille": 950},
    },
}


def study():
    """Return the patients as they came, with a day of the last month and one of four clinics."""
    table = patients_table()
    rows = range(table.num_rows)
    last = MONDAY.date()
    return table.append_column(
        "seen_on", pa.array([last - timedelta(days=row % DAYS) for row in rows])
    ).append_column("clinic", pa.array([CLINICS[row % 4] for row in rows]))


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def numbers(table, name):
    return table[name].to_numpy().copy()


def with_gaps(table, name, rows):
    values = table[name].to_pylist()
    return with_column(table, name, [None] * rows + values[rows:])


def on_days(table, change):
    """Return the rows whose day passes, as often as is said for the day."""
    days = table["seen_on"].to_pylist()
    kept = [row for row, day in enumerate(days) for _ in range(change(day))]
    return table.take(kept)


def others(table, rows):
    """Return the measurements of some patients again, under the names of nobody else."""
    return with_column(table.slice(0, rows), "patient_id", [f"NEW-{row:04}" for row in range(rows)])


def slightly(table, rows):
    """Return rows again, with one measurement a millionth larger."""
    some = table.slice(0, rows)
    return with_column(some, "mean_area", numbers(some, "mean_area") * 1.000001)


GOOD = study()
GONE_DAY = date(2025, 12, 20)
AGES = pa.array([40.0 + row % 30 for row in range(GOOD.num_rows)])

# What is wrong → which gate says so, what it says, and the data.
FAULTS = {
    "rows are there twice": (
        Gate.DUPLICATES,
        "20 rows repeat a row of the same person: 3.4 %",
        pa.concat_tables([GOOD, GOOD.slice(0, 20)]),
    ),
    "rows are nearly there twice": (
        Gate.NEAR_DUPLICATES,
        "20 rows nearly repeat a row of the same person: 3.4 %",
        pa.concat_tables([GOOD, slightly(GOOD, 20)]),
    ),
    "other people have the same measurements": (
        Gate.NEAR_DUPLICATES,
        "20 rows nearly repeat a row of somebody else",
        pa.concat_tables([GOOD, others(slightly(GOOD, 20), 20)]),
    ),
    "a third of a column is empty": (
        Gate.MISSING_VALUES,
        "column mean_radius is empty in 35.1 % of the rows, at most 20.0 % are borne",
        with_gaps(GOOD, "mean_radius", 200),
    ),
    "a column without a rule for gaps has one": (
        Gate.MISSING_VALUES,
        "column worst_area is empty in 0.2 % of the rows, at most 0.0 % are borne",
        with_gaps(GOOD, "worst_area", 1),
    ),
    "a diagnosis is missing": (
        Gate.MISSING_VALUES,
        "3 rows have no diagnosis, which is the label",
        with_gaps(GOOD, "diagnosis", 3),
    ),
    "a size is less than nothing": (
        Gate.VALUES,
        "column mean_radius is not as declared in 5 rows (0.9 %)",
        with_column(GOOD, "mean_radius", [-1.0] * 5 + GOOD["mean_radius"].to_pylist()[5:]),
    ),
    "a number is written as a text": (
        Gate.VALUES,
        "column mean_area holds texts, which is not as declared",
        with_column(GOOD, "mean_area", [f"{one:.0f}" for one in GOOD["mean_area"].to_pylist()]),
    ),
    "there is a diagnosis that nobody declared": (
        Gate.VALUES,
        "column diagnosis is not as declared in 4 rows",
        with_column(GOOD, "diagnosis", ["?"] * 4 + GOOD["diagnosis"].to_pylist()[4:]),
    ),
    "a unit is another one": (
        Gate.UNEXPECTED,
        "column worst_perimeter is about 1024 times larger than before: another unit?",
        with_column(GOOD, "worst_perimeter", numbers(GOOD, "worst_perimeter") * 1000),
    ),
    "a day is missing": (
        Gate.DAYS,
        "1 day (2025-12-20) has no row, and 0 may have none",
        on_days(GOOD, lambda day: int(day != GONE_DAY)),
    ),
    "a day has six times the rows": (
        Gate.DAYS,
        "1 day (2025-12-20) has more or fewer rows than the other days",
        on_days(GOOD, lambda day: 6 if day == GONE_DAY else 1),
    ),
    "the newest days have not come": (
        Gate.DAYS,
        "the newest day is 5 days old, at most 3 are borne",
        on_days(GOOD, lambda day: int(day <= date(2025, 12, 31))),
    ),
    "a source is missing": (
        Gate.SOURCES,
        "west is missing",
        GOOD.filter(pa.array([one != "west" for one in GOOD["clinic"].to_pylist()])),
    ),
    "a source is not known": (
        Gate.SOURCES,
        "12 rows name a source that is not among the 4 expected",
        with_column(GOOD, "clinic", ["moon"] * 12 + GOOD["clinic"].to_pylist()[12:]),
    ),
    "one source has most of the rows": (
        Gate.SOURCES,
        "one source has 62.4 % of the rows, at most 40.0 % are borne",
        with_column(GOOD, "clinic", ["east"] * 283 + GOOD["clinic"].to_pylist()[283:]),
    ),
    "a column has drifted": (
        Gate.DRIFT,
        "column mean_texture has drifted from the last good version by",
        with_column(GOOD, "mean_texture", numbers(GOOD, "mean_texture") * 1.3),
    ),
    "a feature is new and nobody declared it": (
        Gate.FEATURES,
        "column weight is new: a new feature needs to be filled in for older rows",
        GOOD.append_column("weight", AGES),
    ),
    "a new feature is not filled in": (
        Gate.FEATURES,
        "column age is new and filled in for 82.4 % of the rows, and 95.0 % are declared",
        with_gaps(GOOD.append_column("age", AGES), "age", 100),
    ),
    "a feature is gone": (
        Gate.FEATURES,
        "column mean_symmetry is gone, and is not declared to go",
        GOOD.drop(["mean_symmetry"]),
    ),
}


def write(folder, table, *, files=FILES):
    """Replace the files of the study."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.parquet"):
        path.unlink()
    each = -(-table.num_rows // files)
    for number in range(files):
        pq.write_table(table.slice(number * each, each), folder / f"patients-{number}.parquet")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "study"


@pytest.fixture
def model(folder):
    """Return a model that learned from the study as it came, by declared gates."""
    write(folder, GOOD)
    family = make_family(
        make_store(folder, name="breast-cancer"),
        name="breast-cancer",
        label="diagnosis",
        shards=4,
        hold_out_permille=200,
    )
    make_version(family)
    declare(family)
    model = make_model(family, parameters={"estimator": "naive-bayes"}, margin_permille=100)
    summary = train(model)
    assert summary.state is RunState.SUCCEEDED, summary.reason
    return model


def declare(family, rules=RULES):
    return actions.declare_gates(family_id=family.pk, rules=rules, actor=OFFICER, now=MONDAY)


def engineer_of():
    user = User.objects.create_user("an engineer", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=Role.ENGINEER.value)[0])
    api, pages = APIClient(), Client()
    api.force_authenticate(user)
    pages.force_login(user)
    return api, pages


def words(client, page):
    return " ".join(client.get(page).content.decode().split())


def test_a_fault_in_real_data_stops_the_training_and_the_page_says_why(model, folder):
    api, pages = engineer_of()
    fitted, runs, wrong = ShardFit.objects.count(), {}, {}

    for fault, (_, _, table) in FAULTS.items():
        write(folder, table)
        make_version(model.family)
        runs[fault] = str(start(model))
        tasks.drive(UUID(runs[fault]))
    told = {one["run_id"]: one for one in api.get("/api/v1/models/triage/runs").json()}
    for fault, (gate, reason, _) in FAULTS.items():
        run = told[runs[fault]]
        page = words(pages, reverse("admin:training_trainingrun_change", args=[run["run_id"]]))
        refusals = {one["gate"]: one["reason"] for one in run["gates"] if not one["passed"]}
        said = refusals.get(gate.value, "")
        on_page = said.replace("'", "&#x27;") in page
        if run["state"] != "refused" or reason not in said or not on_page:
            wrong[fault] = (run["state"], refusals)

    assert wrong == {}, wrong
    assert ShardFit.objects.count() == fitted
    assert [one.state for one in ModelVersion.objects.all()] == ["released"]
    kept = str([fact["facts"] for fact in recorded("DataChecked")]) + str(told)
    assert "PAT-" not in kept
    # Of many digits: nothing else is written so by accident.
    values = [
        text for one in GOOD["fractal_dimension_error"].to_pylist() if len(text := str(one)) > 7
    ]
    assert len(values) > 400
    assert not [text for text in values if text in kept]


def test_a_file_that_is_missing_or_there_twice_stops_the_training(model, folder):
    (folder / "patients-3.parquet").rename(folder.parent / "patients-3.parquet")
    make_version(model.family)
    missing = train(model)
    (folder.parent / "patients-3.parquet").rename(folder / "patients-3.parquet")
    again = folder / "patients-4.parquet"
    again.write_bytes((folder / "patients-0.parquet").read_bytes())
    make_version(model.family)
    twice = train(model)

    assert (missing.state, twice.state) == (RunState.REFUSED, RunState.REFUSED)
    assert "source missing: 3 parts are there, but 4 were there before" in missing.reason
    assert "duplicates: 1 parts are copies of another part, byte for byte" in twice.reason


def test_what_gates_said_stays_with_the_version_the_run_and_the_manifest(model):
    api, pages = engineer_of()
    version = ModelVersion.objects.get()

    shown = api.get("/api/v1/models/triage").json()["versions"][0]
    page = words(pages, reverse("admin:training_modelversion_change", args=[version.pk]))

    assert [one["gate"] for one in shown["gates"]] == [gate.value for gate in Gate]
    assert all(one["passed"] and one["measured"] for one in shown["gates"])
    assert "30 days, none missing, and none unlike the others" in page
    assert "4 sources, as expected" in page
    assert "by declaration 1 of the training set" in page
    declared = GateDeclaration.objects.get()
    assert version.manifest["gates"]["declaration"] == {"number": 1, "digest": declared.digest}
    assert version.manifest["gates"]["verdicts"]["sources"] == "4 sources, as expected"
    assert version.manifest["imputation"]["rules"] == {"mean_radius": "median"}


def test_a_new_feature_that_is_filled_in_has_everybody_fitted_anew(model, folder):
    write(folder, GOOD.append_column("age", AGES))
    make_version(model.family)

    summary = train(model)

    assert summary.state is RunState.SUCCEEDED, summary.reason
    assert (summary.shards_hit, summary.shards_total) == (4, 4)
    before, now = ModelVersion.objects.order_by("number")
    assert now.manifest["schema"] != before.manifest["schema"]
    assert before.snapshots.filter(pk__in=now.snapshots.all()).count() == 0


def test_a_profile_that_is_kept_names_no_value_of_anybody(model):
    profile = ModelVersion.objects.get().manifest["profile"]
    spread = profile["spread"]["mean_radius"]
    values = set(GOOD["mean_radius"].to_pylist())

    assert spread["edges"] == [10.0, 12.0, 14.0, 16.0, 18.0, 20.0]
    assert all(share % 10 == 0 for share in spread["shares"])
    inside = np.histogram(list(values), [-np.inf, *spread["edges"], np.inf])[0]
    assert min(inside) >= 10
    assert queries.profile_before(model.pk) is not None
