import pytest

from lineage.stores import KINDS, open_store
from lineage.stores.errors import KindUnknown
from tests.lineage.stores.builders import people, write
from tests.lineage.stores.marks import USER


def test_each_kind_is_opened_without_touching_the_place():
    stores = {
        kind: open_store(kind, uri, [USER])
        for kind, uri in [
            ("csv", "/absent"),
            ("parquet", "file:///absent%20too"),
            ("postgres", "postgres://nobody@absent/db?table=people"),
        ]
    }

    assert stores.keys() == KINDS.keys()
    assert all(list(store.columns) == [USER] for store in stores.values())


def test_an_unknown_kind_is_refused_with_those_that_are_known():
    with pytest.raises(KindUnknown, match="csv, parquet, postgres"):
        open_store("excel", "/absent", [USER])


def test_a_file_uri_leads_to_the_file(tmp_path):
    path = write(tmp_path / "ä b.parquet", people())

    assert open_store("parquet", path.as_uri(), [USER]).parts()[0].rows == 5
