from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage.identifiers import IdentifierKind
from lineage.intake import Address, address_of, kind_in, require_column
from lineage.stores.errors import ColumnMissing, StoreUnreadable
from tests.lineage.builders import PATIENT_ID, write_people


def test_a_folder_is_known_by_the_files_that_it_shows(tmp_path):
    write_people(tmp_path / "a.parquet")
    (tmp_path / "_staging.csv").write_text("x")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.csv").write_text("x")

    assert address_of(str(tmp_path)) == Address(kind="parquet", uri=str(tmp_path))


def test_a_folder_of_two_kinds_of_files_is_refused(tmp_path):
    write_people(tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("x")

    with pytest.raises(StoreUnreadable):
        address_of(str(tmp_path))


def test_the_address_of_a_table_stays_as_it_is():
    uri = "env:SHOP_URL?table=people"

    assert address_of(uri) == Address(kind="postgres", uri=uri)


def test_an_address_on_another_machine_is_refused():
    with pytest.raises(StoreUnreadable):
        address_of("s3://bucket/people.parquet")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([7, 8], pa.int32()), IdentifierKind.INTEGER),
        (pa.array(["a@b.org", None]), IdentifierKind.EMAIL),
        (pa.array(["p-7", "p-8"]).dictionary_encode(), IdentifierKind.TEXT),
        (pa.array([UUID(int=7).bytes], pa.binary(16)), IdentifierKind.UUID),
        (pa.array([], pa.string()), IdentifierKind.TEXT),
    ],
)
def test_the_kind_of_a_column_is_guessed_from_its_type_and_values(tmp_path, values, kind):
    pq.write_table(pa.table({"id": values}), tmp_path / "a.parquet")

    assert kind_in(Address(kind="parquet", uri=str(tmp_path)), column="id") is kind


def test_a_column_that_is_not_there_is_missed(tmp_path):
    address = Address(kind="parquet", uri=str(write_people(tmp_path / "a.parquet")))

    require_column(address, PATIENT_ID)
    with pytest.raises(ColumnMissing):
        require_column(address, "outcome")
    with pytest.raises(ColumnMissing):
        kind_in(address, column="outcome")
