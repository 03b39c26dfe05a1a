"""Looks at where rows came from: is a source missing, unknown, or too large a part. Pure."""

from collections import Counter
from collections.abc import Mapping

from training.gates.rules import Rules, SourceRule
from training.gates.verdicts import (
    WHOLE,
    Gate,
    Verdict,
    is_beyond,
    percent,
    permille,
    refused,
    verdict,
)
from training.profiles import Profile
from training.reading import People


def sources(
    people: People, *, rules: Rules, emptied: bool, before: Profile | None
) -> Verdict | None:
    """Refuse data in which a source is missing or unknown, or has too large a share.

    None: not declared. `emptied`: people have left, so a source that few had may have lost them.
    """
    rule = rules.source
    if rule is None:
        return None
    if people.origins is None:
        return refused(Gate.SOURCES, f"column {rule.column} names no sources")
    unnamed = sum(one is None for one in people.origins)
    if is_beyond(unnamed, len(people.origins), rules.missing_limit(rule.column)):
        return refused(Gate.SOURCES, f"{unnamed} rows name no source in column {rule.column}")
    rows = Counter(one for one in people.origins if one is not None)
    usual = before.common.get(rule.column, ()) if before else ()
    expected = rule.expected or usual
    missing = [
        name
        for name in expected
        if not rows[name] and not (emptied and before is not None and name not in usual)
    ]
    strange = sum(count for name, count in rows.items() if name not in expected)
    largest = max(rows.values(), default=0)
    reason = ""
    if missing:
        reason = f"{missing[0]} is missing" + (
            f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        )
    elif rule.expected and strange:
        reason = f"{strange} rows name a source that is not among the {len(expected)} expected"
    elif is_beyond(largest, sum(rows.values()), rule.most_permille):
        reason = (
            f"one source has {percent(permille(largest, sum(rows.values())))} of the rows, "
            f"at most {percent(rule.most_permille)} are borne"
        )
    else:
        reason = _changed(rule, rows, before)
    return verdict(
        Gate.SOURCES,
        refusal=reason,
        content=f"{len(rows)} sources, as expected",
        measured={
            "sources": len(rows),
            "missing": len(missing),
            "largest share, permille": permille(largest, sum(rows.values())),
            "limit": rule.most_permille,
            "rows without one": unnamed,
        },
    )


def _changed(rule: SourceRule, rows: Mapping[str, int], before: Profile | None) -> str:
    """Say which source's share is another than it was; what is kept of it is coarse already."""
    spread = before.spread.get(rule.column) if before else None
    if rule.change_permille is None or spread is None or before is None:
        return ""
    total = sum(rows.values())
    for name, share in zip(before.common[rule.column], spread.shares, strict=False):
        now = WHOLE * rows.get(name, 0) / max(total, 1)
        if abs(now - share) > rule.change_permille:
            return (
                f"{name} has {percent(now)} of the rows and had {percent(share)}, "
                f"a change of {percent(rule.change_permille)} is borne"
            )
    return ""
