import pyarrow.parquet as pq
import pytest

from deletion.models import RunPart
from tests.cast import ALICE, BOB
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk
from tests.lineage.builders import PATIENT_ID, make_store, write_people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def test_a_file_deep_below_long_folder_names_is_erased_from(tmp_path):
    deep = tmp_path.joinpath(*(f"key{level}={'v' * 90}" for level in range(4)))
    write_people(deep / "a.parquet", (ALICE, BOB))
    make_store(tmp_path, name="crm")
    alice = make_request(raw(ALICE), now=right_now())

    walk()

    assert state(alice) == "complete"
    assert outcomes(alice) == {"crm": "erased"}
    assert len(RunPart.objects.get().name) > 300
    assert pq.read_table(deep / "a.parquet", partitioning=None)[PATIENT_ID].to_pylist() == [BOB]
