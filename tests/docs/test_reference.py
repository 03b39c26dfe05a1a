"""Pages of the reference say what the code says; none of these tests needs a server."""

from collections.abc import Callable, Mapping

from django.core.management import get_commands

from scripts.reference import FOLDER, PAGES


def outdated(pages: Mapping[str, Callable[[], str]]) -> set[str]:
    """Return the pages that scripts/reference.py would write differently."""
    return {name for name, page in pages.items() if (FOLDER / name).read_text() != page()}


def test_every_made_page_is_as_the_script_makes_it():
    assert outdated(PAGES) == set(), "run: .venv/bin/python scripts/reference.py"


def test_a_page_that_says_something_else_is_noticed():
    changed = {"errors.md": lambda: PAGES["errors.md"]().replace("409", "500")}

    assert outdated(changed) == {"errors.md"}


def test_each_page_holds_what_it_must_not_lose():
    commands, api = PAGES["commands.md"](), PAGES["http-api.md"]()

    assert "## verify_bundle\n" in commands
    assert "## migrate\n" not in commands, "that is Django's own"
    assert "migrate" in get_commands()
    assert "--skip-checks" not in commands
    assert "| POST | `/api/v1/deletion-requests` | intake service, compliance officer |" in api
    assert "| `RequestAlreadyOpen` | 409 Conflict |" in PAGES["errors.md"]()
    assert "| `RequestCompleted` |" in PAGES["events.md"]()


def test_no_address_is_left_without_a_word_about_it():
    lines = PAGES["http-api.md"]().splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and "`/api/" in line]

    assert len(rows) > 20
    assert [row for row in rows if not row[2].strip() or not row[3].strip(" |")] == []
