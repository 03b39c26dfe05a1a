"""`manage.py link_identifiers FILE --namespaces email customer`: whose identifiers are whose."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from audits import errors as audit_errors
from audits.problems import detail_of
from audits.trail import Actor
from deletion import errors
from deletion.actions import declare_links, take_links_back
from deletion.bulk import BLOCK, CHUNK, Limits, cells_in, texts_in
from deletion.errors import LineMalformed, LinkOfOne, UploadUnreadable
from deletion.intake import RawIdentifier
from deletion.links import Pair, pair_of
from lineage.errors import IdentifierMalformed
from lineage.identifiers import IdentifierKind
from lineage.management.arguments import name
from lineage.management.refusals import in_one_line
from lineage.queries import kind_of_namespace

ACTOR: Final = Actor("command:link_identifiers")
_REFUSED: Final = 3
_BROKEN: Final = 4
_NO_END: Final = Limits(lines=sys.maxsize)  # a customer base, a chunk at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A line that says no link, and why; the reason never holds what stands there."""

    line: int
    because: str


class Command(BaseCommand):
    help = (
        "Say which identifiers are one person's, so that a demand that names one looks for all."
        " The file is CSV in UTF-8, a link a line: two values, in the order of the namespaces."
        " Killed at any point, it goes on when it is called with the same file again. Exit code 0:"
        " every line is read; 1: nothing was begun; 3: some lines were refused, by number on"
        " standard error; 4: the file was not read to its end."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="or - for standard input")
        parser.add_argument(
            "--namespaces", required=True, nargs=2, type=name, help="of the two columns"
        )
        parser.add_argument(
            "--take-back", action="store_true", help="forget these links instead of keeping them"
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(audit_errors, errors), ExitStack() as stack:
            kinds = {one: kind_of_namespace(one) for one in options["namespaces"]}
            lines = _lines(_source(options["file"], stack))
            said = (_said(*line, namespaces=options["namespaces"], kinds=kinds) for line in lines)
            tally: Counter[str] = Counter()
            broken = None
            while True:
                chunk, broken = _next_chunk(said)
                tally += self._refused(chunk)
                pairs = [one for one in chunk if not isinstance(one, Refusal)]
                if pairs:
                    tally += _done(pairs, take_back=options["take_back"])
                if broken is not None or not chunk:
                    break
        self._tell(tally, broken, take_back=options["take_back"])

    def _refused(self, chunk: Iterable["Pair | Refusal"]) -> "Counter[str]":
        refusals = [one for one in chunk if isinstance(one, Refusal)]
        for one in refusals:
            self.stderr.write(f"line {one.line}: {one.because}")
        return Counter(refused=len(refusals))

    def _tell(
        self, tally: "Counter[str]", broken: UploadUnreadable | None, *, take_back: bool
    ) -> None:
        words = ("removed", "unknown") if take_back else ("added", "known", "forgotten")
        said = ", ".join(f"{tally[word]} {word}" for word in (*words, "refused"))
        self.stdout.write(f"{tally.total()} lines: {said}")
        if broken is not None:
            raise CommandError(f"broken off: {detail_of(broken)}", returncode=_BROKEN)
        if tally["refused"]:
            raise CommandError("some lines were refused", returncode=_REFUSED)


def _source(file: str, stack: ExitStack) -> IO[bytes]:
    try:
        return sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))
    except OSError as problem:
        raise CommandError(f"{problem.filename}: {problem.strerror}") from None


def _lines(source: IO[bytes]) -> Iterator[tuple[int, str]]:
    return texts_in(iter(lambda: source.read(BLOCK), b""), limits=_NO_END, header=0)


def _next_chunk(
    said: Iterator[Pair | Refusal],
) -> tuple[list[Pair | Refusal], UploadUnreadable | None]:
    """Return the next lines, and why there are no more if the file cannot be read further."""
    chunk: list[Pair | Refusal] = []
    try:
        for one in islice(said, CHUNK):
            chunk.append(one)  # noqa: PERF402  # kept when the next one cannot be read
    except UploadUnreadable as exc:
        return chunk, exc
    return chunk, None


def _said(
    line: int, text: str, *, namespaces: Sequence[str], kinds: Mapping[str, IdentifierKind]
) -> Pair | Refusal:
    try:
        one, other = (
            RawIdentifier(namespace=namespace, value=value)
            for namespace, value in zip(namespaces, _two_in(text), strict=True)
        )
        return pair_of(one, other, kinds=kinds)
    except (LineMalformed, LinkOfOne, IdentifierMalformed) as refusal:
        return Refusal(line=line, because=detail_of(refusal))


def _two_in(text: str) -> list[str]:
    cells = cells_in(text)
    if len(cells) != 2:  # noqa: PLR2004  # a link has two ends
        raise LineMalformed(f"{len(cells)} fields where two are needed")
    return cells


def _done(pairs: Sequence[Pair], *, take_back: bool) -> "Counter[str]":
    now = timezone.now()
    if take_back:
        removed = take_links_back(pairs=pairs, actor=ACTOR, now=now)
        return Counter(removed=removed, unknown=len(pairs) - removed)
    return Counter(asdict(declare_links(pairs=pairs, actor=ACTOR, now=now)))
