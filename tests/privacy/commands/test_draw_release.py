import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lineage.models import DatasetVersion
from privacy.models import Account, Recipe, Release
from privacy.states import ReleaseState
from tests.lineage.builders import make_dataset
from tests.privacy.builders import COST, make_account, make_declaration, make_drawing

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path) -> DatasetVersion:
    version = make_dataset(tmp_path / "data")
    make_account(version.family)
    return version


def written(folder: Path, declaration: object = None) -> Path:
    file = folder / "recipe.json"
    file.write_text(json.dumps(make_declaration() if declaration is None else declaration))
    return file


def test_a_release_is_registered_paid_drawn_and_shown(version, tmp_path, capsys):
    call_command("draw_release", written(tmp_path))

    release = Release.objects.get()
    assert release.state == ReleaseState.COMMITTED
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == (
        f"release {release.pk} of sizes-by-ward r1 on version 1: "
        "ε=2.141939 at δ=0.000001, 0.1 rho charged"
    )
    assert [bool(re.fullmatch(r"  ward [01]: -?\d+", line)) for line in shown[1:]] == [True, True]


def test_drawing_the_same_again_shows_the_first_draw_and_costs_nothing(version, tmp_path, capsys):
    call_command("draw_release", written(tmp_path))
    first = capsys.readouterr().out

    call_command("draw_release", written(tmp_path))

    assert capsys.readouterr().out == first
    assert Account.objects.get().spent_nano_rho == COST


def test_a_recipe_can_be_drawn_from_a_family_of_another_name(version, tmp_path):
    elsewhere = make_declaration(source={"family": "somewhere-else"})

    call_command("draw_release", written(tmp_path, elsewhere), "--family", "patients")

    assert Recipe.objects.get().declaration["source"] == {"family": "patients"}


def test_a_release_that_somebody_else_draws_is_not_drawn_here(version, tmp_path):
    make_drawing(version)

    with pytest.raises(CommandError, match="is still drawing: a worker has it"):
        call_command("draw_release", written(tmp_path), "--patience=0")


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"{", "is not JSON: line 1"),
        (b"[]", "is not a JSON object"),
        (b"\xff", "cannot be read"),
        (b"{}", "RecipeInvalid: .*schema: missing"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_in_one_line(version, tmp_path, content, refusal):
    file = tmp_path / "recipe.json"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=refusal) as refused:
        call_command("draw_release", file)
    assert "\n" not in str(refused.value)
    assert not Recipe.objects.exists()


def test_a_file_that_is_not_there_is_refused(version, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("draw_release", tmp_path / "nothing.json")


def test_a_source_that_changed_meanwhile_is_refused_and_paid_back(version, tmp_path):
    (tmp_path / "data" / "part-0.parquet").unlink()

    with pytest.raises(CommandError):
        call_command("draw_release", written(tmp_path))
    assert Release.objects.get().result is None
