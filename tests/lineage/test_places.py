import pytest

from lineage.places import NAME, kind_of, name_after, without_password
from lineage.stores.errors import StoreUnreadable


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Patient ID", "patient_id"),
        ("e-mail", "e-mail"),
        ("__x__", "x"),
        ("größe", "gr_e"),
        ("?", "unnamed"),
    ],
)
def test_a_column_suggests_a_permitted_name(text, name):
    assert name_after(text) == name
    assert NAME.fullmatch(name)


def test_a_very_long_column_suggests_a_short_name():
    assert NAME.fullmatch(name_after("x" * 300))


@pytest.mark.parametrize("name", ["", "a/b", " a", "a\n", "-a", "a" * 65, "ä"])
def test_what_would_break_an_address_is_no_name(name):
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("uri", "endings", "kind"),
    [
        ("/data/people.parquet", frozenset(), "parquet"),
        ("/data/people.CSV", frozenset(), "csv"),
        ("/data/people", frozenset({".parquet", ".txt"}), "parquet"),
        ("postgres://db/shop?table=people", frozenset(), "postgres"),
        ("postgresql://db/shop?table=people", frozenset(), "postgres"),
        ("env:SHOP_URL?table=people", frozenset(), "postgres"),
    ],
)
def test_an_address_tells_its_adapter(uri, endings, kind):
    assert kind_of(uri, endings=endings) == kind


@pytest.mark.parametrize(
    ("uri", "endings"),
    [("/data/people.xls", frozenset()), ("/data", frozenset({".csv", ".parquet"}))],
)
def test_an_address_of_no_or_of_two_kinds_is_refused(uri, endings):
    with pytest.raises(StoreUnreadable):
        kind_of(uri, endings=endings)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (
            "postgres://clara:secret@db:5432/shop?table=t",
            "postgres://clara:***@db:5432/shop?table=t",
        ),
        ("postgres://clara@db/shop", "postgres://clara@db/shop"),
        ("/data/people.parquet", "/data/people.parquet"),
    ],
)
def test_a_password_is_not_shown(uri, shown):
    assert without_password(uri) == shown
