"""What a run is going to fit, decided when its data was checked. Pure.

A snapshot's key names everything that its bytes depend on. Equal keys mean equal bytes, so a living
snapshot with the key of a shard stands for fitting it again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from lineage.sharding import HOLD_OUT, Shard
from training import columns, filling
from training.columns import Feature
from training.filling import Fill
from training.profiles import Profile
from training.reading import People, ShardRows

RELEASE_SHARD: Final = Shard(0)
"""A release is one piece, and is fitted as if it were one shard."""

_SEED_BYTES: Final = 4  # scikit-learn takes seeds below 2 ** 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShard:
    """One shard that the new version needs, or one slice of it after the slices before."""

    shard: Shard
    slice: int = 0
    key: str
    people: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is the same for all shards of a run."""

    model: str
    revision: str  # of the trainer and its libraries
    parameters: Mapping[str, object]
    slices: int = 1  # into which each shard is cut
    fills: tuple[Fill, ...] = ()  # what stands in for missing values, learned in each shard
    once: int | None = None  # see `People.once`
    # A run, if the same data does not promise the same bytes: then nothing stands for its fits.
    occasion: str = ""
    parent: str = ""  # the version that it begins at, or that teaches it: its bytes go into all

    def seed_of(self, shard: Shard) -> int:
        """Return the seed of a shard: from its public name, so that it stays when people go."""
        named = sha256(f"{self.model}/{shard}".encode()).digest()
        return int.from_bytes(named[:_SEED_BYTES])

    def key_of(
        self, shard: Shard, *, features: Sequence[Feature], content: Mapping[str, object]
    ) -> str:
        """Return the key of a shard's snapshot."""
        said: dict[str, object] = {
            "v": 1,
            "revision": self.revision,
            "parameters": dict(self.parameters),
            "seed": self.seed_of(shard),
            "features": [[feature.name, feature.kind.value] for feature in features],
            "content": dict(content),
        }
        if self.fills:
            said["fills"] = filling.as_json(self.fills)
        if self.occasion:
            said["occasion"] = self.occasion
        if self.parent:
            said["parent"] = self.parent
        return digest_of(said)

    def key_of_rows(self, rows: ShardRows, *, until: int = 0) -> str:
        """Return the key of the snapshot of some people, up to a slice if the shard is cut."""
        content: dict[str, object] = {"label": rows.data.label}
        if self.slices == 1:
            content |= {"members": rows.member_digest, "rows": rows.row_digest}
        else:
            content["slices"] = [
                [each.number, each.member_digest, each.row_digest]
                for each in rows.slices
                if each.number <= until
            ]
        return self.key_of(rows.data.shard, features=rows.data.features, content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The people on whom the challenger will be measured."""

    people: int
    rows: int
    member_digest: str
    row_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the check found, kept with the run."""

    features: tuple[Feature, ...]
    hold_out: HeldOut | None
    profile: Profile | None
    shards: tuple[PlannedShard, ...]
    fills: tuple[Fill, ...] = ()
    once: int | None = None

    @property
    def people(self) -> int:
        """Count the people whom the version will have seen."""
        return sum(shard.people for shard in self.shards)

    @property
    def rows(self) -> int:
        """Count their rows."""
        return sum(shard.rows for shard in self.shards)

    def as_json(self) -> dict[str, object]:
        """Return the form that a run and a manifest hold; the shards have rows of their own."""
        return {
            "features": columns.as_json(self.features),
            "order": [feature.name for feature in self.features],
            "hold_out": asdict(self.hold_out) if self.hold_out else None,
            "profile": self.profile.as_json() if self.profile else None,
            "schema": columns.schema_digest(self.features),
            "imputation": {"rules": filling.as_json(self.fills), "values": filling.RECORDED},
            "repetitions left out": {"digits": self.once} if self.once is not None else None,
        }


def plan_of(people: People, recipe: Recipe, *, profile: Profile, whole: bool = False) -> Plan:
    """Plan to fit every shard in which there is somebody; `whole`: all of them in one piece."""
    people = people.once(recipe.once)
    shards: list[PlannedShard] = []
    if whole:
        rows = people.in_training()
        shards += planned_parts(rows, recipe) if rows.pseudonyms else []
    else:
        for shard in people.present():
            if shard != HOLD_OUT:
                shards += planned_parts(people.in_shard(shard, slices=recipe.slices), recipe)
    return Plan(
        features=people.features,
        hold_out=held_out(people.in_shard(HOLD_OUT)),
        profile=profile,
        shards=tuple(shards),
        fills=recipe.fills,
        once=recipe.once,
    )


def planned_parts(rows: ShardRows, recipe: Recipe) -> list[PlannedShard]:
    """Plan one shard, or each of its slices."""
    if recipe.slices == 1:
        return [
            PlannedShard(
                shard=rows.data.shard,
                key=recipe.key_of_rows(rows),
                people=rows.people,
                rows=rows.data.table.num_rows,
            )
        ]
    return [
        PlannedShard(
            shard=rows.data.shard,
            slice=each.number,
            key=recipe.key_of_rows(rows, until=each.number),
            people=each.people,
            rows=each.rows,
        )
        for each in rows.slices
    ]


def held_out(rows: ShardRows) -> HeldOut | None:
    """Describe the hold-out; None if nobody is held out."""
    if not rows.pseudonyms:
        return None
    return HeldOut(
        people=rows.people,
        rows=len(rows.pseudonyms),
        member_digest=rows.member_digest,
        row_digest=rows.row_digest,
    )


def planned_features(said: Mapping[str, Any]) -> tuple[Feature, ...]:
    """Return the features that a run's plan names."""
    return columns.from_json(said["features"], said["order"])


def planned_fills(said: Mapping[str, Any]) -> tuple[Fill, ...]:
    """Return what a run's plan says of missing values; older plans say nothing."""
    return filling.from_json(said.get("imputation", {}).get("rules", {}))


def planned_once(said: Mapping[str, Any]) -> int | None:
    """Return which repetitions a run's plan leaves out; older plans leave none out."""
    left_out = said.get("repetitions left out")
    return int(left_out["digits"]) if left_out else None


def digest_of(value: object) -> str:
    """Return the SHA-256 of a JSON value in one spelling."""
    spelled = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(spelled.encode()).hexdigest()
