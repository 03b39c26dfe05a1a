"""`python -m training.verifier --model NAME --statement FILE --artefact FILE --key KEY ...`.

Exits with 0 if the artefact may be loaded, with 1 and the reason if not, with 2 if it was called in
a wrong way.
"""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audits.canonical import from_json
from audits.errors import BundleInvalid
from audits.notes import read_key
from training.verifier.checking import (
    Memory,
    Statement,
    admit,
    read_statement,
    read_withdrawals,
    remember,
)
from training.verifier.refusals import Refused, StatementTampered, Unconfirmed


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m training.verifier",
        description="Say whether an artefact may be loaded; exits with 1 and the reason if not.",
    )
    parser.add_argument("--model", required=True, metavar="NAME")
    parser.add_argument("--use", required=True, help="what the model will be used for")
    parser.add_argument(
        "--statement", required=True, type=Path, metavar="FILE", help="the answer of …/release"
    )
    parser.add_argument("--artefact", required=True, type=Path, metavar="FILE")
    parser.add_argument(
        "--inputs",
        required=True,
        type=Path,
        metavar="FILE",
        help='what it will be given, as a JSON object such as {"size": "number"}',
    )
    parser.add_argument(
        "--key",
        required=True,
        action="append",
        help="a verifier key that is trusted, published by `manage.py verifier_keys`",
    )
    parser.add_argument(
        "--state",
        required=True,
        type=Path,
        metavar="FILE",
        help="where to remember the newest statement; written by this command",
    )
    parser.add_argument(
        "--withdrawals", type=Path, metavar="FILE", help="the answer of …/withdrawals"
    )
    parser.add_argument(
        "--unreachable",
        action="store_true",
        help="Lethe could not be asked: the statement is one that was kept",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Decide, say so in one line, and return the exit code."""
    parser = _parser()
    said = parser.parse_args(arguments)
    now = datetime.now(UTC)  # noqa: TID251  # a command reads the clock
    statement: Statement | None = None
    try:
        keys = [read_key(text) for text in said.key]
        inputs = json.loads(said.inputs.read_text())
        artefact = said.artefact.read_bytes()
        known = _known(said.state)
    except (BundleInvalid, OSError, ValueError) as trouble:
        parser.error(str(trouble))
    try:
        statement = read_statement(_envelope(said.statement), keys=keys, model=said.model)
        memory = _memory(said, known, statement, now=now)
        gone = frozenset[str]()
        if said.withdrawals:
            gone = read_withdrawals(_envelope(said.withdrawals), keys=keys, model=said.model)
        admit(
            statement,
            artefact,
            memory=memory,
            use=said.use,
            inputs=inputs,
            withdrawn=gone,
            now=now,
        )
    except Refused as refused:
        print(f"refused, {refused.name}: {refused}")  # noqa: T201  # the command's answer
        if statement is not None:
            print(f"fallback: {json.dumps(statement.fallback)}")  # noqa: T201  # as above
        return 1
    print(  # noqa: T201  # as above
        f"allowed: {statement.model} version {statement.version}, until {statement.qualified_until}"
    )
    return 0


def _envelope(path: Path) -> dict[str, object]:
    try:
        return from_json(path.read_bytes(), what="the statement")
    except (BundleInvalid, OSError) as unreadable:
        raise StatementTampered(f"{path.name} cannot be read") from unreadable


def _memory(
    said: Namespace, known: dict[str, Any], statement: Statement, *, now: datetime
) -> Memory:
    """Remember a statement that Lethe has just given; look up one that was kept."""
    row = known.get(said.model)
    before = (
        Memory(sequence=row["sequence"], confirmed_at=datetime.fromisoformat(row["confirmed_at"]))
        if row
        else None
    )
    if not said.unreachable:
        memory = remember(before, statement, confirmed_at=now)
        known[said.model] = {"sequence": memory.sequence, "confirmed_at": now.isoformat()}
        _write(said.state, known)
        return memory
    if before is None:
        raise Unconfirmed("no statement about the model was ever confirmed here")
    return remember(before, statement, confirmed_at=before.confirmed_at)


def _known(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _write(path: Path, known: dict[str, Any]) -> None:
    """Replace the file in one step: whoever is killed here leaves the old one whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(known))
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
