"""Made-up people with several rows each, in the shards and slices that the product would put them.

Nobody's real data is needed to time a fit. A person has a hidden inclination and a place; each of
their rows has twelve numbers around it, with gaps, and two categories. Whether a row is `yes` is
drawn from a curved function of five of the numbers, one category and the inclination, so that trees
and networks have something to find that a line does not. The seed is fixed: every machine makes the
same people.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineage.sharding import Shard, Sharding
from training.columns import Feature, Kind
from training.reading import People

SEED: Final = 4
NUMBERS: Final = tuple(f"n{place:02}" for place in range(12))
PLACES: Final = np.array([f"place {number:02}" for number in range(20)])
CHANNELS: Final = np.array(["web", "shop", "phone", "letter"])
FEATURES: Final = (
    *(Feature(name=name, kind=Kind.NUMBER) for name in NUMBERS),
    Feature(name="place", kind=Kind.TEXT),
    Feature(name="channel", kind=Kind.TEXT),
)
HOLD_OUT_PERMILLE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is made up."""

    people: int
    rows: int


WHOLE: Final = Size(people=32_063, rows=95_889)
SMALL: Final = Size(people=2_400, rows=7_200)


class Population:
    """The rows, and whose they are."""

    def __init__(self, size: Size) -> None:
        rng = np.random.default_rng(SEED)
        # Everybody has one row; the others fall to anybody.
        owners = np.concatenate(
            [np.arange(size.people), rng.integers(0, size.people, size.rows - size.people)]
        )
        self.size = size
        self.pseudonyms = [rng.bytes(16) for _ in range(size.people)]
        self._owner: npt.NDArray[np.int64] = owners
        self._table = _table(owners, size.people, rng)

    @cached_property
    def names(self) -> list[bytes]:
        """Return whose each row is."""
        return [self.pseudonyms[owner] for owner in self._owner]

    def cut(self, shards: int, *, without: frozenset[bytes] = frozenset()) -> People:
        """Return everybody but some, in their shards."""
        sharding = Sharding(
            family="benchmark", shards=shards, hold_out_permille=HOLD_OUT_PERMILLE, key=b"k" * 32
        )
        shard_of = sharding.sharder()
        place: dict[bytes, Shard] = {who: shard_of(who) for who in self.pseudonyms}
        kept = np.array([who not in without for who in self.names])
        names = [who for who in self.names if who not in without]
        return People(
            features=FEATURES,
            label="label",
            table=self._table.filter(pa.array(kept)),
            pseudonyms=names,
            shards=[place[who] for who in names],
            part_rows={},
            strangers=0,
            misplaced=0,
            sharding=sharding,
        )


def _table(owners: npt.NDArray[np.int64], people: int, rng: np.random.Generator) -> pa.Table:
    rows = len(owners)
    inclination = rng.normal(size=people)[owners]
    place = rng.integers(0, len(PLACES), people)[owners]
    channel = rng.integers(0, len(CHANNELS), rows)
    numbers = rng.normal(size=(rows, len(NUMBERS))) + 0.3 * inclination[:, None]
    pull = (
        1.2 * numbers[:, 0]
        + numbers[:, 1] * numbers[:, 2]
        + 1.5 * np.sin(2.0 * numbers[:, 3])
        - 0.8 * (np.abs(numbers[:, 4]) > 1.0)
        + 0.6 * (place % 4 == 0)
        + 0.5 * inclination
    )
    said = rng.random(rows) < 1.0 / (1.0 + np.exp(-pull))
    numbers[rng.random(numbers.shape) < 0.02] = np.nan  # noqa: PLR2004  # the share of gaps
    columns = {
        name: pa.array(numbers[:, number], from_pandas=True) for number, name in enumerate(NUMBERS)
    }
    return pa.table(
        {
            **columns,
            "place": PLACES[place],
            "channel": CHANNELS[channel],
            "label": np.where(said, "yes", "no"),
        }
    )
