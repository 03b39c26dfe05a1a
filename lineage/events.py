"""What the lineage app writes into the trail: names of things, counts, digests of whole sets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceDeclared:
    """A family of identifiers may be used from now on."""

    namespace: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyGivenUp:
    """A dataset family was given up by order; what was clear of it may be used no more."""

    family: str
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSeenGone:
    """Lethe looked at the place of a store that was given up, and nothing is there."""

    store: str
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRegistered:
    """A place that holds records became known; its address may hold a password and stays out."""

    store: str
    kind: str
    columns: dict[str, str]  # identifier column → namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMoved:
    """A store is in another place, or its identifier columns have other names, from now on."""

    store: str
    kind: str
    columns: dict[str, str]  # identifier column, as it is called now → namespace
    renamed: dict[str, str]  # identifier column before → now, where they differ
    is_elsewhere: bool  # the address is another; it may hold a password and stays out
    parts: int  # what was read there before anything was changed
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFamilyRegistered:
    """A training set was declared, with how it is cut."""

    family: str
    store: str
    id_column: str
    label: str
    shards: int
    hold_out_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersionRegistered:
    """A scan became a version of a training set."""

    family: str
    seq: int
    state: str
    rows: int
    members: int
    member_digest: str
    parts: int
    parts_digest: str  # keyed, over names and digests: a list of files is no entry of the trail
    joined: int
    left: int
    suppressed: int  # forgotten people whom the scan found again


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersionsRetired:
    """Older versions may not be used: their files changed, or hold somebody who was forgotten."""

    family: str
    state: str
    versions: tuple[int, ...]
    because_of: int  # the version that was registered


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRegistered:
    """Something was made from other things, or more is known about what it was made from."""

    kind: str
    name: str
    version: str
    sources: tuple[str, ...]  # "<edge kind> <node id>", those that are new


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectsForgotten:
    """People were cut out of the index and put on the suppression list."""

    subjects: int
    tags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionLifted:
    """An officer took somebody off the suppression list; who it was is not in the entry."""

    namespace: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionsExpired:
    """The suppression list let people go whose time on it was over."""

    tags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLookedUp:
    """Somebody asked where a person is. The asker is the entry's actor; the person is not in it."""

    namespace: str
    known: bool
