"""Registers a recipe, pays for one draw on the newest dataset version, draws and keeps it."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.trail import Actor
from lineage.management.refusals import in_one_line
from privacy import actions, errors, queries, tasks
from privacy.ledger import NanoRho, rho_of
from privacy.models import Release
from privacy.states import ReleaseState

DRAWER: Final = Actor("command:draw_release")
PATIENCE_SECONDS: Final = 300


class Command(BaseCommand):
    help = "Draw an anonymised release by a recipe. The same recipe on the same data is drawn once."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("recipe", type=Path, help="a file in the form of recipe-1.json")
        parser.add_argument("--family", help="draw from this dataset family instead")
        parser.add_argument(
            "--patience",
            type=int,
            default=PATIENCE_SECONDS,
            metavar="SECONDS",
            help=f"how long to wait when a worker draws it; default: {PATIENCE_SECONDS}",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        declaration = _declaration(options["recipe"])
        if options["family"]:
            declaration["source"] = {"family": options["family"]}
        with in_one_line(errors):
            recipe = actions.register_recipe(
                declaration=declaration, actor=DRAWER, now=timezone.now()
            )
            release = actions.reserve(
                recipe_id=recipe.pk,
                dataset_version_id=queries.newest_source(recipe.family_id),
                actor=DRAWER,
                now=timezone.now(),
            )
            tasks.draw(str(release.pk))
            self._show(_ended(release.pk, patience_seconds=options["patience"]))

    def _show(self, release: Release) -> None:
        if release.state != ReleaseState.COMMITTED:
            raise CommandError(f"release {release.pk} is {release.state}")
        self.stdout.write(
            f"release {release.pk} of {release.recipe} on version {release.dataset_version.seq}: "
            f"ε={release.epsilon.normalize():f} at δ={release.delta.normalize():f}, "
            f"{rho_of(NanoRho(release.cost_nano_rho)).normalize():f} rho charged"
        )
        for key, count in (release.result or {}).get("counts", {}).items():
            self.stdout.write(f"  {key}: {count}")


def _ended(release_id: UUID, *, patience_seconds: int) -> Release:
    """Wait until the release is drawn: a worker may have taken it first."""
    deadline = time.monotonic() + patience_seconds
    while True:
        release = queries.release_numbered(release_id)
        if release.state not in {ReleaseState.RESERVED, ReleaseState.DRAWING}:
            return release
        if time.monotonic() > deadline:
            raise CommandError(f"release {release_id} is still {release.state}: a worker has it")
        time.sleep(0.2)


def _declaration(file: Path) -> dict[str, Any]:
    try:
        declaration = json.loads(file.read_text())
    except (OSError, UnicodeDecodeError) as unread:
        raise CommandError(f"{file} cannot be read") from unread
    except json.JSONDecodeError as malformed:
        raise CommandError(f"{file} is not JSON: line {malformed.lineno}") from malformed
    if not isinstance(declaration, dict):
        raise CommandError(f"{file} is not a JSON object")
    return declaration
