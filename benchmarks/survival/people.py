"""Invented people in three kinds of store, and what is left of them. Their names are canaries."""

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, Self

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg2.extras import execute_values

from lineage.stores.pages import open_pages

CANARY: Final = "CANARY-"  # every identifier begins so, and nothing else does
NAMED: Final = re.compile(rb"CANARY-[0-9A-F]{8}-\d{5}")
TABLE: Final = "soak.visits"
ROW_GROUP_ROWS: Final = 200

Rows = dict[str, list[tuple[object, ...]]]
"""The rows of each store; each begins with a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A training set of Parquet files; half of the people also get letters, a third visits."""

    folder: Path
    names: tuple[str, ...]

    @classmethod
    def settle(cls, folder: Path, *, count: int, files: int, seed: int, url: str) -> Self:
        """Write everybody into the stores."""
        rng = Random(seed)  # noqa: S311  # invented people
        names = tuple(
            f"{CANARY}{sha256(f'{seed}/{n}'.encode()).hexdigest()[:8].upper()}-{n:05d}"
            for n in range(count)
        )
        people = cls(folder=folder, names=names)
        x = [[rng.gauss(0, 1) for _ in names] for _ in range(4)]
        label = ["yes" if a + b > 0 else "no" for a, b in zip(x[0], x[1], strict=True)]
        table = pa.table(
            {"person": names, "label": label, **{f"x{n}": column for n, column in enumerate(x)}}
        )
        people.training.mkdir(parents=True)
        each = -(-count // files)
        for number in range(files):
            pq.write_table(
                table.slice(number * each, each),
                people.training / f"people-{number}.parquet",
                row_group_size=ROW_GROUP_ROWS,
                compression="zstd",
            )
        people.letters.mkdir()
        for number in range(2):
            with (people.letters / f"letters-{number}.csv").open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["person", "subject"])
                rows.writerows((name, f"about {n}") for n, name in people._with_letters(number))
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA soak")
            cursor.execute(f"CREATE TABLE {TABLE} (person text NOT NULL, minutes integer)")
            execute_values(
                cursor,
                f"INSERT INTO {TABLE} VALUES %s",  # noqa: S608  # our own name
                [(name, n) for n, name in enumerate(names) if n % 3 == 0],
            )
        connection.close()
        return people

    def _with_letters(self, number: int) -> Iterable[tuple[int, str]]:
        return ((n, name) for n, name in enumerate(self.names) if n % 4 == 2 * number)

    @property
    def training(self) -> Path:
        """Where the training set lies."""
        return self.folder / "training"

    @property
    def letters(self) -> Path:
        """Where the CSV files lie."""
        return self.folder / "letters"

    def rows(self, url: str) -> Rows:
        """Return every row of every store, ordered."""
        held: Rows = {
            "training": sorted(
                tuple(row.values()) for row in pq.read_table(self.training).to_pylist()
            ),
            "letters": sorted(
                tuple(row)
                for path in sorted(self.letters.glob("*.csv"))
                for row in list(csv.reader(path.read_text().splitlines()))[1:]
            ),
        }
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT person, minutes FROM {TABLE} ORDER BY person")  # noqa: S608  # our own name
            held["visits"] = cursor.fetchall()
        connection.close()
        return held

    def named_beneath(self) -> set[str]:
        """Return who is named in any byte of the files, pages decompressed, leftovers included."""
        seen: set[bytes] = set()
        for path in [*self.training.iterdir(), *self.letters.iterdir()]:
            seen.update(NAMED.findall(path.read_bytes()))
        for path in self.training.glob("*.parquet"):
            with open_pages(path) as file:
                for chunk in file.footer.chunks:
                    for page in file.pages(chunk):
                        seen.update(NAMED.findall(page.data))
        return {name.decode() for name in seen}


def unlike(
    before: Rows,
    after: Rows,
    *,
    gone: Collection[str],
) -> int:
    """Count the rows of people who should be untouched and are not as they were, or not there."""
    return sum(
        len({row for row in rows if row[0] not in gone} ^ set(after[store]))
        for store, rows in before.items()
    )
