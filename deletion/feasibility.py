"""Whether a target can be kept in time at all: its shortest window against its lead. Pure.

The lead is how long a run may take until it has succeeded (the safe quantile, and the margin). A
window of two leads lets a run that serves the first of some people end before one must start that
serves the others: then waiting for company costs at most twice the fewest runs, and nobody is late.
With less no way to start runs is sure, however many slots there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from deletion.regimes import Regime
from deletion.states import ObligationKind
from deletion.workload import Estimate

_LEADS: Final = 2  # in a window
_HOUR: Final = timedelta(hours=1)
_MORE: Final = 1.5  # times the lead that people know of: then it is news again


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A target whose shortest window is too short for it, in hours."""

    target: str
    regime: str
    window_hours: int
    lead_hours: int  # rounded up
    runs_seen: int  # of this target; 0: the lead is that of its kind, with much doubt

    @property
    def detail(self) -> Mapping[str, object]:
        """Return what an alert says: the numbers, and which of them would do."""
        return {
            "why": f"{self.regime} leaves {self.window_hours} h from receipt, and a run may take"
            f" {self.lead_hours} h",
            "regime": self.regime,
            "window_hours": self.window_hours,
            "lead_hours": self.lead_hours,
            "window_that_would_do_hours": _LEADS * self.lead_hours,
            "lead_that_would_do_hours": self.window_hours // _LEADS,
            "runs_seen": self.runs_seen,
        }

    def is_news_to(self, told: Mapping[str, object]) -> bool:
        """Say whether things have become worse than an alert said that a person has answered."""
        window, lead = told.get("window_hours"), told.get("lead_hours")
        if not isinstance(window, int) or not isinstance(lead, int):
            return True
        return self.window_hours < window or self.lead_hours > _MORE * lead


def shortest_window(
    laws: Iterable[Regime], *, kind: ObligationKind
) -> tuple[timedelta, str] | None:
    """Return the shortest time that a regime leaves for a kind of target, and which one it is."""
    return min(
        (
            (law.shortest_erase if kind is ObligationKind.ERASE else law.shortest_models, law.name)
            for law in laws
        ),
        default=None,
    )


def shortfall_of(  # what is known of one target, each part under its name
    *,
    target: str,
    window: tuple[timedelta, str],
    estimate: Estimate,
    margin: timedelta,
    runs_seen: int,
) -> Shortfall | None:
    """Return by how much the window of a target is too short; None if it is long enough."""
    length, regime = window
    lead = estimate.safe + margin
    if length >= _LEADS * lead:
        return None
    return Shortfall(
        target=target,
        regime=regime,
        window_hours=length // _HOUR,
        lead_hours=-(-lead // _HOUR),
        runs_seen=runs_seen,
    )
