"""Small real training sets that can be learned from, and real models of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone

from config.traces import files_naming
from lineage.models import DatasetFamily, DatasetVersion
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.lineage.builders import PATIENT_ID, make_family, make_store, make_version
from training import actions, queries, tasks
from training.descent import Descent
from training.driving import Step
from training.models import Model, ModelVersion
from training.states import RunState
from training.summaries import RunSummary
from training.tasks import steps

MANY = (ALICE, BOB, *(f"patient-{number:03}" for number in range(158)))
"""People enough for four shards and a hold-out that can show something."""


def symptoms(people: Sequence[str], changes: Mapping[str, Sequence[object]]) -> pa.Table:
    """Return a row a person, some columns changed. Who is ill shows in `size` and in `ward`."""
    ill = [number % 3 == 0 for number in range(len(people))]
    columns: dict[str, Sequence[object]] = {
        PATIENT_ID: people,
        "ward": ["north" if one else "south" for one in ill],
        "size": [10.0 + 5.0 * one + (number % 7) / 10 for number, one in enumerate(ill)],
        "age": [30 + number % 40 for number in range(len(people))],
        "label": ["ill" if one else "well" for one in ill],
    }
    return pa.table({**columns, **changes})


def write_symptoms(
    folder: Path,
    people: Sequence[str] = MANY,
    *,
    files: int = 2,
    changes: Mapping[str, Sequence[object]] | None = None,
) -> Path:
    """Write the rows as Parquet files of a few row groups each."""
    folder.mkdir(parents=True, exist_ok=True)
    table = symptoms(people, changes or {})
    each = -(-table.num_rows // files)
    for number in range(files):
        path = folder / f"part-{number}.parquet"
        pq.write_table(table.slice(number * each, each), path, row_group_size=16)
    return folder


def remove(person: str, place: Path) -> None:
    """Rewrite a file, or all of a folder, without a person's rows, as an erasure leaves them."""
    for path in [place] if place.is_file() else sorted(place.glob("*.parquet")):
        table = pq.read_table(path)
        stays = [who != person for who in table[PATIENT_ID].to_pylist()]
        pq.write_table(table.filter(pa.array(stays)), path, row_group_size=16)


def make_patients(  # noqa: PLR0913  # keyword-only, one a column
    folder: Path,
    people: Sequence[str] = MANY,
    *,
    name: str = "patients",
    shards: int = 4,
    hold_out_permille: int = 250,
    changes: Mapping[str, Sequence[object]] | None = None,
) -> DatasetVersion:
    """Write people whose illness can be learned; return the first version of their family."""
    write_symptoms(folder, people, changes=changes)
    family = make_family(
        make_store(folder, name=name),
        name=name,
        shards=shards,
        hold_out_permille=hold_out_permille,
    )
    return make_version(family)


def make_model(  # noqa: PLR0913  # keyword-only, one a column
    family: DatasetFamily,
    *,
    name: str = "triage",
    trainer: str = "sharded-sklearn",
    parameters: Mapping[str, object] | None = None,
    features: Sequence[str] = (),
    margin_permille: int = 200,
    fallback: Mapping[str, object] | None = None,
    uses: Sequence[str] = (),
    qualified_days: int | None = None,
    parent: tuple[Descent, str] | None = None,
) -> Model:
    return actions.register_model(
        name=name,
        purpose="to see who needs a bed",
        trainer=trainer,
        parameters=parameters or {},
        features=features,
        family_id=family.pk,
        margin_permille=margin_permille,
        fallback=fallback or {"label": "well"},
        uses=uses,
        qualified_days=qualified_days,
        parent=parent,
        actor=OFFICER,
        now=MONDAY,
    )


def train(model: Model, *, forced: bool = False) -> RunSummary:
    """Train on the newest source to the end, in this process; return how it ended."""
    run_id = start(model, forced=forced)
    tasks.drive(run_id)
    return queries.run_summary(run_id)


def make_trained_model(folder: Path, people: Sequence[str] = MANY, **changes: Any) -> Model:
    """Return a model whose first version is released."""
    model = make_model(make_patients(folder, people).family, **changes)
    assert train(model).state is RunState.SUCCEEDED
    return model


def version_of(model: Model, number: int) -> ModelVersion:
    return ModelVersion.objects.get(model=model, number=number)


def artefact_folder() -> Path:
    return Path(settings.ARTEFACT_DIR)


def artefact_files(model: Model) -> set[Path]:
    """Return every file that there is of a model."""
    folder = artefact_folder() / str(model.pk)
    return {path for path in folder.rglob("*") if path.is_file()}


def start(model: Model, *, forced: bool = False, source: int | None = None) -> UUID:
    """Begin a run, by default on the newest source; nothing is done yet."""
    return actions.start_run(
        model_id=model.pk,
        source_node_id=source or queries.newest_source(model.pk),
        reason="a test",
        forced=forced,
        actor=OFFICER,
        now=MONDAY,
    )


def files_holding(text: str) -> set[Path]:
    """Return the artefacts and snapshots, of all models, in which a text stands."""
    return files_naming(artefact_folder(), text)


def right_now() -> datetime:
    """Return the moment that the workers' clocks show."""
    return timezone.now()  # noqa: TID251  # what a worker claims is compared with its own clock


def drive_until(run_id: UUID, state: RunState) -> None:
    """Take a run to a state and no further."""
    while queries.run_numbered(run_id).state != state:
        due = queries.steps_due(most_attempts=9, now=right_now(), run_ids=[run_id])[0]
        match due.step:
            case Step.CHECK:
                steps.check(run_id)
            case Step.FIT:
                steps.fit(due.fit_id)
            case Step.ASSEMBLE:
                steps.assemble(run_id)
            case Step.JUDGE:
                steps.judge(run_id)
            case Step.DESTROY | Step.GIVE_UP:
                raise AssertionError(f"the run never comes to {state}")
