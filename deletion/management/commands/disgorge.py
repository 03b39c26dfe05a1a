"""`manage.py disgorge`: list what goes with some data, propose to give it up, state that it is."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits import errors as audit_errors
from audits.bundle import write_bundle
from audits.permissions import Role, has_role
from audits.queries import proof_of, trail_signer
from audits.trail import Actor
from deletion import errors
from deletion.actions import note_places_gone, propose_disgorgement
from deletion.disgorgement import DAYS, Closure, NamedBy
from deletion.queries import disgorgement as queries
from deletion.sworn import document_of
from lineage.management.arguments import whole_number
from lineage.management.refusals import in_one_line

ACTOR: Final = Actor("command:disgorge")


def _text(longest: int) -> Any:
    def parse(text: str) -> str:
        if not text.strip() or len(text) > longest or "\x00" in text:
            raise ValueError
        return text

    return parse


class Command(BaseCommand):
    help = (
        "List everything that was made of some data in whole or in part. Nothing is changed unless"
        " --propose is given, and then nothing is touched before somebody else approves it."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--family", metavar="NAME", help="a training set")
        what.add_argument("--store", metavar="NAME", help="a place, and every training set in it")
        what.add_argument(
            "--source", metavar="NAME", help="every version of what has the name in the graph"
        )
        what.add_argument("--look", type=int, metavar="ID", help="look whether its places are gone")
        what.add_argument("--statement", type=int, metavar="ID", help="print the statement to sign")
        parser.add_argument(
            "--propose", action="store_true", help="needs --reason, --order and --officer"
        )
        parser.add_argument("--reason", type=_text(300), metavar="TEXT", help="name nobody in it")
        parser.add_argument("--order", type=_text(100), metavar="REF", help="the order's reference")
        parser.add_argument(
            "--officer",
            metavar="NAME",
            help="user name of the compliance officer who proposes; somebody else approves",
        )
        parser.add_argument(
            "--days",
            type=whole_number(1, 3650),
            default=DAYS,
            help="how long the order gives (default: %(default)s)",
        )
        parser.add_argument(
            "--bundle",
            type=Path,
            metavar="DIR",
            help="also write the signed statement there, for verify_bundle",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(audit_errors, errors):
            if options["look"] is not None:
                self._look(options["look"])
            elif options["statement"] is not None:
                self._state(options["statement"], options["bundle"])
            else:
                named_by = next(one for one in NamedBy if options[one.value] is not None)
                self._list(named_by, options[named_by.value], options)

    def _list(self, named_by: NamedBy, name: str, options: dict[str, Any]) -> None:
        if not options["propose"]:
            for line in _lines(queries.reached(named_by, name)):
                self.stdout.write(line)
            return
        if not all(options[needed] for needed in ("reason", "order", "officer")):
            raise CommandError("--propose needs --reason, --order and --officer")
        officer = get_user_model().objects.filter(username=options["officer"]).first()
        if officer is None or not has_role(officer, Role.OFFICER):
            raise CommandError("--officer does not name an active compliance officer")
        row = propose_disgorgement(
            named_by=named_by,
            name=name,
            order=options["order"],
            reason=options["reason"],
            days=options["days"],
            actor=Actor(f"user:{officer.pk}"),
            now=timezone.now(),
        )
        self.stdout.write(f"disgorgement {row.pk} is proposed, due {row.due_at:%Y-%m-%d}")
        self.stdout.write(f"digest {row.digest}")
        self.stdout.write("nothing is touched before somebody else approves exactly this digest")

    def _look(self, disgorgement_id: int) -> None:
        row = queries.disgorgement_numbered(disgorgement_id)
        gone = queries.places_seen_gone(row)
        note_places_gone(disgorgement_id=row.pk, store_ids=gone, actor=ACTOR, now=timezone.now())
        for one in queries.standings(row):
            word = "done " if one.became.is_settled else "LEFT "
            self.stdout.write(f"{word} {one.item.key}: {one.became.what}")

    def _state(self, disgorgement_id: int, folder: Path | None) -> None:
        row = queries.disgorgement_numbered(disgorgement_id)
        self.stdout.write(
            document_of(queries.stated(row), signed_digest=row.statement_digest), ending=""
        )
        if folder is None:
            return
        if row.envelope is None:
            raise errors.NotComplete
        key = trail_signer().verifier_key
        proof = proof_of(about=f"disgorgement/{row.pk}", event="DisgorgementCarriedOut")
        try:
            write_bundle(
                folder,
                certificate=row.envelope,
                proof=proof,
                trail_key=key,
                certificate_key=key,
            )
        except OSError as exc:
            raise CommandError(f"{folder} cannot be written: {exc.strerror}") from exc


def _lines(closure: Closure) -> Iterator[str]:
    for item in closure.items:
        yield item.key
        for step in item.way:
            yield f"    {step}"
        for file in item.files:
            yield f"    with {file}"
    for measured in closure.measured:
        yield f"only measured on it: {measured}"
    yield f"{len(closure.items)} things, digest {closure.digest}"
