"""Pages that repeat what the code says are compared with it; none of these tests needs a server."""

import ast
import re
import subprocess

from config.settings import BASE_DIR
from scripts.settings_page import EXAMPLE, page_of, settings_in
from tests.config.production import example_settings


def test_the_page_of_settings_is_what_the_example_says():
    page = (BASE_DIR / "docs" / "reference" / "settings.md").read_text()

    assert page == page_of([*settings_in(EXAMPLE.read_text())])


def test_every_setting_is_in_the_example_and_the_other_way_round():
    read = re.findall(
        r'env\.\w+\(\s*"([A-Z_]+)"', (BASE_DIR / "config" / "settings.py").read_text()
    )

    assert sorted(read) == sorted(setting.name for setting in example_settings())


def test_the_defaults_in_the_example_are_the_defaults():
    source = (BASE_DIR / "config" / "settings.py").read_text()
    defaults = {
        ast.literal_eval(call.args[0]): ast.unparse(word.value)
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("env.")
        for word in call.keywords
        if word.arg == "default"
    }
    plain = {
        "timedelta(seconds=120)": "120",
        "timedelta(seconds=60)": "60",
        "timedelta(days=1)": "86400",
        "[]": "",
    }

    for setting in example_settings():
        if setting.optional:
            default = defaults[setting.name].strip("'")
            shown = plain.get(default, default)
            assert shown in {setting.value, setting.value.capitalize()}, setting.name


def test_every_setting_says_what_it_is_for():
    assert all(setting.about.endswith((".", ".sock")) for setting in example_settings())


def test_every_page_of_a_decision_is_listed():
    listed = re.findall(r"\]\((0\d+-[\w-]+\.md)\)", _decision("README.md"))

    assert listed == sorted(page.name for page in (BASE_DIR / "docs/decisions").glob("0*.md"))


def _decision(name):
    return (BASE_DIR / "docs" / "decisions" / name).read_text()


def test_links_between_pages_lead_somewhere():
    pages = [*BASE_DIR.glob("*.md"), *(BASE_DIR / "docs").rglob("*.md")]
    broken = {
        (str(page.relative_to(BASE_DIR)), link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
        if not (page.parent / link).exists()
    }

    assert len(pages) > 10
    assert broken == set()


def test_make_help_names_every_target():
    helped = subprocess.run(
        ["make", "help"], cwd=BASE_DIR, check=True, capture_output=True, text=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (BASE_DIR / "Makefile").read_text(), re.MULTILINE)

    assert phony
    assert set(re.findall(r"^make (\w+)", helped, re.MULTILINE)) == set(phony[1].split())
