"""People of whom it is known when and where their rows came about."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pyarrow as pa

from tests.training.memory import patients, source
from training.gates import Rules, parse
from training.reading import Beside, People, read_people

FIRST = date(2026, 1, 1)


def told(
    days: Sequence[object] | None = None,
    clinics: Sequence[object] | None = None,
) -> People:
    """Return people with a row each, and a day or a clinic for each."""
    table = patients(len(days or clinics or ()))
    if days is not None:
        table = table.append_column("seen_on", pa.array(days))
    if clinics is not None:
        table = table.append_column("clinic", pa.array(clinics))
    beside = Beside(day="seen_on" if days is not None else "", source="clinic" if clinics else "")
    return read_people(source(table), [], beside=beside)


def each_day(rows: Sequence[int]) -> list[date]:
    """Return a day for each row, so many rows on each day."""
    return [FIRST + timedelta(days=day) for day, count in enumerate(rows) for _ in range(count)]


def rules_of(**said: Mapping[str, object]) -> Rules:
    return parse(said)
