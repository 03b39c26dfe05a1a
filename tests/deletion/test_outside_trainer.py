"""The whole road of a deletion, where the model is trained by a command of somebody else's."""

import pyarrow.parquet as pq
import pytest

from config.traces import files_naming, tables_naming
from lineage.queries import member_shards
from lineage.sharding import HOLD_OUT
from tests.cast import ALICE, BOB
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk
from tests.lineage.builders import PATIENT_ID, pseudonym
from tests.training.builders import (
    artefact_files,
    artefact_folder,
    make_model,
    make_patients,
    train,
    version_of,
)
from tests.training.outside.builders import command, jobs
from training.models import OutsideJob
from training.states import RunState

pytestmark = pytest.mark.django_db


def people_of(version):
    return member_shards(version_id=version.dataset_version_id or 0)


def rows_of(person, folder):
    return [row for row in pq.read_table(folder).to_pylist() if row[PATIENT_ID] == person]


def test_a_command_forgets_somebody_and_nobody_else(tmp_path, settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.TRAINERS = command()
    folder = tmp_path / "patients"
    model = make_model(make_patients(folder).family, trainer="nearest")

    first = train(model)

    before = version_of(model, 1)
    assert (first.state, first.shards_hit, first.shards_total) == (RunState.SUCCEEDED, 1, 1)
    assert jobs() == [("train", "succeeded"), ("predict", "succeeded")]
    seen = sum(shard != HOLD_OUT for shard in people_of(before).values())
    said = before.manifest["outside"]
    assert people_of(before)[pseudonym(ALICE)] != HOLD_OUT
    assert said["given"]["rows"] == said["said"]["metrics"]["rows seen"] == seen
    assert said["watermark"] | {"excluded by": ""} == {
        "version": 1,
        "forgotten": 0,
        "excluded by": "",
    }
    # What it was given and what it printed went with its run; only the artefact is kept.
    assert len(artefact_files(model)) == 2
    assert not OutsideJob.objects.filter(cleared_at=None).exists()
    assert rows_of(ALICE, folder)
    bobs = rows_of(BOB, folder)
    opened = make_request(raw(ALICE), now=right_now())

    walk()

    after = version_of(model, 2)
    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "triage": "retrained"}
    assert after.manifest["outside"]["given"]["rows"] == seen - 1
    assert after.manifest["outside"]["watermark"]["version"] == 2
    assert after.manifest["evidence"] == "retrained"
    assert version_of(model, 1).state == "destroyed"
    assert not (artefact_folder() / before.artefact).exists()
    assert pseudonym(ALICE) not in people_of(after)
    assert files_naming(tmp_path, ALICE) | files_naming(artefact_folder(), ALICE) == set()
    assert tables_naming(ALICE) == set()
    assert pseudonym(BOB) in people_of(after)
    assert rows_of(BOB, folder) == bobs != []
    assert after.qualification.champion == before
    assert jobs()[2:] == [("train", "succeeded"), *[("predict", "succeeded")] * 2]
