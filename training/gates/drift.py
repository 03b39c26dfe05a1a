"""Measures how far columns have drifted from the last good version. Pure.

By the population stability index over the bins that a profile keeps: the sum over bins of
(now - before) x ln(now / before). Usage in credit scoring, where it comes from, speaks of no shift
below 0.1 and of a major one above 0.25 (Siddiqi, Credit Risk Scorecards, 2006). What a profile
keeps is rounded to a hundredth, and an empty bin counts as half of one.
"""

import math
from collections.abc import Sequence
from typing import Final

from training.gates.rules import Rules
from training.gates.verdicts import Gate, Verdict, verdict
from training.profiles import Profile, shares_in
from training.reading import People

_LEAST: Final = 0.005


def drift(people: People, *, rules: Rules, before: Profile | None) -> Verdict | None:
    """Refuse data in which a column has drifted further than declared; None: not declared."""
    rule = rules.drift
    if rule is None:
        return None
    found: dict[str, float] = {}
    for name, spread in (before.spread if before else {}).items():
        now = shares_in(people, name, like=before, source=_source(rules)) if before else None
        if now is not None:
            found[name] = round(stability_index(spread.shares, now), 3)
    beyond = sorted((name for name in found if found[name] > rule.most), key=lambda n: -found[n])
    reason = ""
    if beyond:
        reason = (
            f"column {beyond[0]} has drifted from the last good version by {found[beyond[0]]:g}, "
            f"at most {rule.most:g} is borne (population stability index)"
        ) + (f"; so have {len(beyond) - 1} more columns" if len(beyond) > 1 else "")
    largest = max(found.values(), default=0.0)
    return verdict(
        Gate.DRIFT,
        refusal=reason,
        content=f"no column has drifted by more than {largest:g}"
        if found
        else "there is no good version to compare with",
        measured={"by column": found, "limit": rule.most},
    )


def stability_index(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index of two distributions over the same bins."""
    then, since = _shares(before), _shares(now)
    return sum((b - a) * math.log(b / a) for a, b in zip(then, since, strict=True))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [max(count / total, _LEAST) if total else _LEAST for count in counts]


def _source(rules: Rules) -> str:
    return rules.source.column if rules.source else ""
