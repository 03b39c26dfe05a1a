import pytest
from django.db import connection
from environs import EnvValidationError, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from config.environment import POSITIVE, Environment, base, database, key, slots
from lineage.liveness import ASKED, ASKING

CANARY = "canary-in-a-secret"


@pytest.fixture
def setting(monkeypatch):
    return monkeypatch.setenv


def test_a_key_is_64_hexadecimal_digits():
    assert key("ab" * 32) == b"\xab" * 32


@given(st.text().filter(lambda text: len(text) < 64))
def test_anything_else_is_refused_without_being_repeated(written):
    with pytest.raises(ValidationError) as refused:
        key(written)

    assert refused.value.messages == ["Not 64 hexadecimal digits."]


def test_all_mistakes_are_told_at_once_and_no_value_is(setting, tmp_path):
    setting("LETHE_KEY", CANARY)
    setting("LETHE_URL", f"mysql://{CANARY}@host/x")
    setting("LETHE_PORT", f"postgres://u:{CANARY}@host:{CANARY}/x")
    setting("LETHE_NUMBER", CANARY)
    setting("LETHE_SECRET_FILE", str(tmp_path / CANARY))
    env = Environment()

    env.key("LETHE_KEY")
    env.database("LETHE_URL")
    env.database("LETHE_PORT")
    env.int("LETHE_NUMBER", default=1, validate=POSITIVE)
    env.str("LETHE_SECRET")
    env.str("LETHE_ABSENT")
    with pytest.raises(EnvValidationError) as told:
        env.seal()

    assert set(told.value.error_messages) == {
        "LETHE_KEY",
        "LETHE_URL",
        "LETHE_PORT",
        "LETHE_NUMBER",
        "LETHE_SECRET",
        "LETHE_ABSENT",
    }
    assert CANARY not in str(told.value)


def test_a_secret_can_be_a_mounted_file_whose_last_newline_does_not_count(setting, tmp_path):
    (tmp_path / "key").write_text("0f" * 32 + "\n")
    setting("LETHE_KEY_FILE", str(tmp_path / "key"))
    env = Environment()

    read = env.key("LETHE_KEY")
    env.seal()

    assert read == b"\x0f" * 32


def test_a_file_that_is_no_text_is_a_mistake_and_not_a_crash(setting, tmp_path):
    (tmp_path / "key").write_bytes(b"\xff\xfe" + CANARY.encode())
    setting("LETHE_KEY_FILE", str(tmp_path / "key"))
    env = Environment()

    env.key("LETHE_KEY")
    with pytest.raises(EnvValidationError, match="LETHE_KEY_FILE") as told:
        env.seal()

    assert CANARY not in str(told.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p%40ss@DB.example:5433/n", ("DB.example", "5433", "u", "p@ss", "n")),
        ("postgresql:///n", ("", "", "", "", "n")),
        ("postgres://u@%2Frun%2FUpper-Case/n", ("/run/Upper-Case", "", "u", "", "n")),
        ("postgres://u:p@[::1]:5432/n", ("::1", "5432", "u", "p", "n")),
    ],
)
def test_a_database_url_keeps_the_letter_case_of_its_folder(url, expected):
    read = database(url)

    assert tuple(read[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")) == expected


def test_both_ends_of_a_connection_notice_when_the_other_is_gone(db):
    names = [one.partition("=")[0] for one in ASKED]
    parameters = connection.get_connection_params()

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, source FROM pg_settings WHERE name = ANY(%s)", [names])
        chosen = dict(cursor.fetchall())

    assert chosen == dict.fromkeys(names, "client")
    assert {name: parameters[name] for name in ASKING} == ASKING


def test_slots_are_given_to_pools_by_name():
    assert slots("erasure=4, training/gpu=2") == {"erasure": 4, "training/gpu": 2}
    assert slots("") == {}


@pytest.mark.parametrize(
    "written",
    ["erasure", "erasure=", "erasure=0", "erasure=-1", "erasure=1.5", "=4", "a=1,,b=2", "a=1;b=2"],
)
def test_slots_that_are_written_otherwise_are_refused(written):
    with pytest.raises(ValidationError, match="POOL=SLOTS"):
        slots(written)


def test_a_pool_has_its_slots_once():
    with pytest.raises(ValidationError, match="twice"):
        slots("erasure=1,erasure=2")


def test_a_public_address_has_a_scheme_and_no_slash_at_its_end():
    assert base("") == ""
    assert base("https://lethe.example") == "https://lethe.example"
    assert base("https://lethe.example:8443/privacy/") == "https://lethe.example:8443/privacy"
    assert base("http://[::1]:8000") == "http://[::1]:8000"


@pytest.mark.parametrize(
    "written",
    ["lethe.example", "ftp://x", "https://", "https://u:p@x", "https://x/?a", "https://x y", "//x"],
)
def test_what_is_no_public_address_is_refused_without_being_repeated(written):
    with pytest.raises(ValidationError) as refused:
        base(written)

    assert refused.value.messages == ["Not an address such as https://lethe.example."]
