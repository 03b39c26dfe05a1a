"""Asks every gate that has something to look at. Pure."""

from collections.abc import Mapping
from datetime import date

from training.gates.days import days
from training.gates.drift import drift
from training.gates.form import features, source, source_missing, unexpected
from training.gates.repeats import duplicates, near_duplicates
from training.gates.rules import USUAL, Rules
from training.gates.sources import sources
from training.gates.values import missing_values, values
from training.gates.verdicts import Verdict
from training.profiles import Profile
from training.reading import People


def judge_people(  # noqa: PLR0913  # keyword-only: everything that some gate compares with
    people: People,
    *,
    digests: Mapping[str, str],
    expected_parts: int,
    emptied: bool,
    before: Profile | None,
    now: Profile,
    rules: Rules = USUAL,
    registered: date | None = None,
    every_column: bool = True,
) -> list[Verdict]:
    """Ask every gate.

    `emptied`: after a deletion a part, a day or a source may have lost everybody.
    `registered` is the day on which the version was; `every_column` says that the model learns
    from all columns there are.
    """
    asked = [
        source(people),
        source_missing(people.part_rows, expected_parts=expected_parts, emptied=emptied),
        features(people, before=before, rules=rules),
        unexpected(people, before=before, now=now, limits=rules.limits),
        duplicates(people, digests=digests, rules=rules),
        missing_values(people, rules=rules),
        near_duplicates(people, rules=rules),
        values(people, rules=rules, every_column=every_column),
        days(people, rules=rules, emptied=emptied, registered=registered),
        sources(people, rules=rules, emptied=emptied, before=before),
        drift(people, rules=rules, before=before),
    ]
    return [verdict for verdict in asked if verdict is not None]
