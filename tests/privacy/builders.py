"""Declarations, tables and registered releases for tests of every app."""

import json
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lineage.identifiers import IdentifierKind
from lineage.leases import Token
from lineage.models import DatasetFamily, DatasetVersion
from privacy import actions, mechanisms, recipes
from privacy.ledger import NANO, NanoRho
from privacy.models import Account, Recipe, Release, ShieldPolicy
from privacy.results import Result
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import PATIENT_ID

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "recipes" / "breast-cancer.json"
CAP: Final = NanoRho(NANO)
COST: Final = 100_000_000
_SIZES: Final[dict[str, Any]] = {
    "schema": "recipe-1",
    "library": "opendp==0.16.0",
    "name": "sizes-by-ward",
    "source": {"family": "patients"},
    "unit": {"namespace": PATIENT_ID, "column": PATIENT_ID},
    "contribution": {"rows_per_person": 1, "keep": "first"},
    "keys": {"column": "ward", "values": ["ward 0", "ward 1"], "provenance": "codebook"},
    "values": [{"column": "size", "bounds": [0, 10], "step": 1, "provenance": "codebook"}],
    "operations": [{"kind": "count"}, {"kind": "mean", "column": "size"}],
    "budget": {"nano_rho": COST, "delta": 0.000001},
}


def make_declaration(**changes: Any) -> dict[str, Any]:
    """Return a declaration that fits `tests.lineage.builders.make_dataset`, fields replaced."""
    return {**deepcopy(_SIZES), **deepcopy(changes)}


def example_declaration() -> dict[str, Any]:
    declaration: dict[str, Any] = json.loads(EXAMPLE.read_text())
    return declaration


def parsed(**changes: Any) -> recipes.Recipe:
    return recipes.parse(make_declaration(**changes))


def make_visits(*visits: tuple[str | None, str | None, float | None]) -> pa.Table:
    """Return a table of person, ward and size, a row a visit."""
    return pa.table(
        {
            PATIENT_ID: pa.array([person for person, _, _ in visits], pa.string()),
            "ward": pa.array([ward for _, ward, _ in visits], pa.string()),
            "size": pa.array([size for _, _, size in visits], pa.float64()),
        }
    )


def draw(recipe: recipes.Recipe, *tables: pa.Table) -> Result:
    """Draw with everybody included, for exactly what it costs."""
    return mechanisms.draw(
        recipe,
        tables,
        unit=IdentifierKind.TEXT,
        included=lambda _: True,
        charged=mechanisms.plan(recipe).nano_rho,
    )


def make_account(family: DatasetFamily, *, cap: int = CAP) -> Account:
    return actions.open_account(
        family_id=family.pk, unit=PATIENT_ID, cap_nano_rho=NanoRho(cap), actor=OFFICER, now=MONDAY
    )


def make_recipe(**changes: Any) -> Recipe:
    return actions.register_recipe(
        declaration=make_declaration(**changes), actor=OFFICER, now=MONDAY
    )


def make_reservation(version: DatasetVersion, **changes: Any) -> Release:
    """Register a recipe and pay for one draw of it."""
    return actions.reserve(
        recipe_id=make_recipe(**changes).pk,
        dataset_version_id=version.pk,
        actor=OFFICER,
        now=MONDAY,
    )


def make_drawing(version: DatasetVersion, **changes: Any) -> tuple[Release, Token]:
    """Bring a release to where the library is called."""
    release = make_reservation(version, **changes)
    lease = actions.claim(
        release_id=release.pk,
        owner="a worker",
        length=timedelta(minutes=2),
        actor=OFFICER,
        now=MONDAY,
    )
    assert lease is not None
    actions.begin_drawing(
        release_id=release.pk,
        token=lease.token,
        length=timedelta(minutes=2),
        actor=OFFICER,
        now=MONDAY,
    )
    return release, lease.token


def make_release(version: DatasetVersion, **changes: Any) -> Release:
    """Commit a release whose result is made up: `counts` of a hundred for every key."""
    release, token = make_drawing(version, **changes)
    return actions.commit_release(
        release_id=release.pk,
        token=token,
        result={"keys": ["ward 0", "ward 1"], "counts": {"ward 0": 100, "ward 1": 100}},
        actor=OFFICER,
        now=MONDAY,
    )


def make_policy(family: DatasetFamily, **changes: Any) -> ShieldPolicy:
    """Approve a policy that any release of `make_declaration` meets, for thirty days."""
    terms: dict[str, Any] = {
        "name": "standard",
        "max_epsilon": Decimal(3),
        "max_delta": Decimal("0.000001"),
        "max_deletions": 10,
        "reason": "retrained each quarter",
        "expires_at": MONDAY + timedelta(days=30),
        **changes,
    }
    return actions.approve_shield_policy(family_id=family.pk, actor=OFFICER, now=MONDAY, **terms)
