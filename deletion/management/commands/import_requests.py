"""`manage.py import_requests FILE --key KEY`: a request for each line of CSV or NDJSON."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits.problems import detail_of
from audits.trail import Actor
from deletion.actions import Upload, check_requests, import_requests, start_import
from deletion.answers import Ended, as_json
from deletion.bulk import BLOCK, Form, lines_in
from deletion.intake import KEY

ACTOR: Final = Actor("command:import_requests")
_REFUSED: Final = 3
_BROKEN: Final = 4
_PACKED: Final = b"\x1f\x8b"  # how gzip begins (RFC 1952), and no UTF-8 text
_FORMS: Final = {".csv": Form.CSV, ".ndjson": Form.NDJSON, ".jsonl": Form.NDJSON}


def key(text: str) -> str:
    """Return an idempotency key."""
    if not KEY.fullmatch(text):
        raise ArgumentTypeError("1 to 200 visible ASCII characters are needed")
    return text


class Command(BaseCommand):
    help = (
        "Open a deletion request for each line of a file, packed with gzip or not. Answers are"
        " NDJSON, a line each, with the receipts of the people: keep them private. Killed at any"
        " point, it goes on when it is called with the same file and key again. Exit code 0: all"
        " lines are accepted or known; 1: nothing was begun; 3: some lines were refused; 4: the"
        " file was not read to its end."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("file", help="or - for standard input")
        add("--key", required=True, type=key, help="idempotency key of this file")
        add("--format", choices=[form.value for form in Form], help="if the name does not say it")
        add("--results", default="-", help="a file for the answers; default: standard output")
        add("--dry-run", action="store_true", help="check every line and open nothing")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        form = _form_of(options["file"], options["format"])
        upload = Upload(caller=ACTOR, key=options["key"])
        with ExitStack() as stack:
            try:
                source = _source(options["file"], stack)
                results = _results(options["results"], stack)
            except OSError as problem:
                raise CommandError(f"{problem.filename}: {problem.strerror}") from None
            first = source.read(BLOCK)
            lines = lines_in(
                chain([first] if first else [], _blocks(source)),
                form=form,
                gzipped=first.startswith(_PACKED),
            )
            if options["dry_run"]:
                answers = check_requests(lines=lines, upload=upload, clock=timezone.now)
            else:
                started = start_import(
                    upload=upload, source="command", actor=ACTOR, now=timezone.now()
                )
                answers = stack.enter_context(
                    closing(
                        import_requests(
                            import_id=started,
                            lines=lines,
                            upload=upload,
                            actor=ACTOR,
                            clock=timezone.now,
                        )
                    )
                )
            end = _write(chain.from_iterable(answers), results)
        self._tell(end)

    def _tell(self, end: Ended) -> None:
        count = end.count
        self.stderr.write(
            f"{count.lines} lines: {count.accepted} accepted, {count.known} known,"
            f" {count.refused} refused"
            + ("" if end.import_id else "; nothing was opened: this was a check")
        )
        if end.broken is not None:
            raise CommandError(f"broken off: {detail_of(end.broken)}", returncode=_BROKEN)
        if count.refused:
            raise CommandError("some lines were refused", returncode=_REFUSED)


def _form_of(file: str, said: str | None) -> Form:
    name = Path(file.removesuffix(".gz"))
    form = Form(said) if said else _FORMS.get(name.suffix)
    if form is None:
        raise CommandError("say --format csv or --format ndjson: the name does not tell")
    return form


def _source(file: str, stack: ExitStack) -> IO[bytes]:
    return sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))


def _results(file: str, stack: ExitStack) -> IO[bytes]:
    if file == "-":
        return sys.stdout.buffer
    # Receipts open what the trail says of their people: nobody else on this machine may read them.
    private = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return stack.enter_context(os.fdopen(private, "wb"))


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(BLOCK):
        yield block


def _write(answers: Iterable[Any], results: IO[bytes]) -> Ended:
    answer: Any = None
    for answer in answers:
        results.write(as_json(answer))
    results.flush()
    if not isinstance(answer, Ended):
        raise TypeError("the last answer is the end's")
    return answer
