"""Asks every gate about what a run shall learn from, and plans its fits. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from lineage.stores.errors import ChangedMeanwhile, ColumnMissing
from training.errors import DataRefused
from training.filling import FillRule
from training.gates import USUAL, Gate, Rules, Verdict, judge_people, refused
from training.plans import Plan, Recipe, plan_of
from training.profiles import Profile, profile_of
from training.reading import Beside, Source, read_people
from training.releases import plan_of_release
from training.trainers.protocol import ReleaseData


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the gates say, and what will be fitted if all of them are content."""

    verdicts: tuple[Verdict, ...]
    plan: Plan | None


def check_people(  # noqa: PLR0913  # keyword-only: everything that some gate compares with
    source: Source,
    names: Sequence[str],
    *,
    recipe: Recipe,
    expected_parts: int,
    before: Profile | None,
    forced: bool,
    rules: Rules = USUAL,
    registered: date | None = None,
    imputes: Collection[FillRule] = (),
    whole: bool = False,
    aside: Collection[str] = (),
) -> Checked:
    """Read a dataset version once and ask every gate.

    In a forced run, files that are not as they were registered raise `ChangedMeanwhile`: an erasure
    is at work and will register what it leaves. Otherwise a person must answer the refusal.
    `whole`: an outside trainer gets everybody in one piece, and no column of those `aside`.
    """
    beside = Beside(
        day=rules.day.column if rules.day else "",
        source=rules.source.column if rules.source else "",
    )
    try:
        people = read_people(source, names, beside=beside)
    except ChangedMeanwhile:
        if forced:
            raise
        return refusal(
            Gate.SOURCE,
            "the files are not those that were registered: register the data set again",
        )
    except (ColumnMissing, DataRefused) as no:
        return refusal(Gate.UNEXPECTED, _unnamed(str(no), parts=source.digests))
    if naming := sorted({feature.name for feature in people.features} & {*aside}):
        reason = f"column {naming[0]} names people: declare the features without it"
        return refusal(Gate.UNEXPECTED, reason)
    profile = profile_of(people, source=beside.source)
    verdicts = judge_people(
        people,
        digests=source.digests,
        expected_parts=expected_parts,
        emptied=forced,
        before=before,
        now=profile,
        rules=rules,
        registered=registered,
        every_column=not names,
    )
    named = {feature.name for feature in people.features}
    fills = tuple(fill for fill in rules.fills if fill.column in named)
    if unable := sorted({fill.rule for fill in fills} - {*imputes}):
        cannot = f"the model's trainer cannot close gaps by {unable[0]}, as is declared"
        verdicts = [
            refused(Gate.MISSING_VALUES, cannot)
            if verdict.gate is Gate.MISSING_VALUES and verdict.passed
            else verdict
            for verdict in verdicts
        ]
    plan = plan_of(
        people, replace(recipe, fills=fills, once=rules.once), profile=profile, whole=whole
    )
    return Checked(verdicts=tuple(verdicts), plan=plan)


def check_release(data: ReleaseData, *, recipe: Recipe) -> Checked:
    """Accept a release that could be read: it has no rows that a gate could look at."""
    source = Verdict(
        gate=Gate.SOURCE,
        passed=True,
        reason="the release is committed, and what it was drawn from is clear",
    )
    columns = Verdict(
        gate=Gate.UNEXPECTED,
        passed=True,
        reason="the release has a mean of every feature for every class",
        measured={"columns": len(data.features), "classes": len(data.counts)},
    )
    return Checked(verdicts=(source, columns), plan=plan_of_release(data, recipe))


def _unnamed(reason: str, *, parts: Iterable[str]) -> str:
    """Return a reason without the names of files: some are named after people."""
    for part in sorted(parts, key=len, reverse=True):
        reason = reason.replace(part, "a part")
    return reason


def refusal(gate: Gate, reason: str) -> Checked:
    """Return what is known when a gate could not even measure."""
    return Checked(verdicts=(refused(gate, reason),), plan=None)
