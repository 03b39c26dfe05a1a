"""What every benchmark shares: figures with goals, how they are printed, and the machine's name."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number, held against a goal when it has one."""

    name: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None
    against: str = ""


def at_least(goal: float, *, name: str, value: float, unit: str = "×", against: str = "") -> Figure:
    """Return a figure that should not be smaller than its goal."""
    return Figure(
        name=name, value=value, unit=unit, goal=f"≥ {goal:g}", met=value >= goal, against=against
    )


def at_most(goal: float, *, name: str, value: float, unit: str = "×", against: str = "") -> Figure:
    """Return a figure that should not be larger than its goal."""
    return Figure(
        name=name, value=value, unit=unit, goal=f"≤ {goal:g}", met=value <= goal, against=against
    )


def run(
    measure: Callable[..., Sequence[Figure]],
    *,
    about: str,
    sizes: Mapping[str, int] | None = None,
    strict: bool = False,
) -> None:
    """Parse the options that every benchmark takes, measure, and print the figures.

    `sizes` are further options with a number each; `measure` gets them by name. A strict one ends
    with exit code 1 if a figure misses its goal.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--small", action="store_true", help="a size that ends within a minute")
    parser.add_argument("--json", action="store_true", help="one object a figure")
    for name, default in (sizes or {}).items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    options = parser.parse_args()

    figures = measure(options.small, **{name: getattr(options, name) for name in sizes or {}})

    _print(figures, options, about=about)
    if strict and any(figure.met is False for figure in figures):
        sys.exit(1)


def _print(figures: Sequence[Figure], options: argparse.Namespace, *, about: str) -> None:
    if options.json:
        for figure in figures:
            sys.stdout.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")
        return
    print(f"{about}\non {machine()}{', small size' if options.small else ''}\n")
    for figure in figures:
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        goal = f"goal {figure.goal}: {verdict}" if figure.goal else ""
        against = f"(against {figure.against})" if figure.against else ""
        print(
            f"{figure.name:<44} {figure.value:>12,.3g} {figure.unit:<10} {goal} {against}".rstrip()
        )


def machine() -> str:
    """Return what the figures were measured on."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {gigabytes:.0f} GB, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
