"""What finished requests deferred behind releases, and how the shields stand now."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from deletion.models import Deferral
from deletion.planning import LivingVersion
from deletion.queries.plans import living_in, shields_of
from lineage.queries import downstream_of
from privacy.shielding import Shield
from training.errors import DataRefused
from training.models import ModelVersion
from training.queries import newest_source, origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A model, or a version of another tool, made of releases that finished people are in."""

    about: str
    model_id: int | None  # None: no trainer of ours made it
    versions: tuple[str, ...]
    nodes: frozenset[int]
    releases: frozenset[int]

    def ended(self, held: Mapping[int, Shield]) -> frozenset[int]:
        """Return the releases behind which it is not shielded any more."""
        return self.releases - held.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything that was deferred, at one moment."""

    behind: tuple[Behind, ...]
    held: Mapping[int, Shield]  # by release

    @property
    def releases(self) -> frozenset[int]:
        """Return the releases that anything living was made of."""
        return frozenset[int]().union(*(one.releases for one in self.behind))


def standing(*, now: datetime) -> Standing:
    """Return what still lives behind releases that finished requests relied on."""
    releases = sorted(set(Deferral.objects.values_list("release_id", flat=True)))
    if not releases:
        return Standing(behind=(), held={})
    graph = downstream_of(releases)
    made_of = {release: graph.carried_from([release]) for release in releases}
    found: defaultdict[str, list[LivingVersion]] = defaultdict(list)
    for version in living_in(graph):
        if any(version.node_id in made for made in made_of.values()):
            found[_about(version)].append(version)
    return Standing(
        behind=tuple(
            _behind(about, versions, made_of=made_of) for about, versions in sorted(found.items())
        ),
        held=shields_of(releases, now=now),
    )


def people_behind(releases: Collection[int]) -> int:
    """Count the finished requests whose person is in one of the releases."""
    rows = Deferral.objects.filter(release__in=list(releases))
    return rows.values("request").distinct().count()


def policies_of(releases: Collection[int]) -> tuple[str, ...]:
    """Return the policies that shield what was made of the releases, or did last."""
    rows = Deferral.objects.filter(release__in=list(releases))
    return tuple(sorted(set(rows.values_list("policy", flat=True))))


def source_without(releases: Collection[int], *, model_id: int) -> int | None:
    """Return what a model can be trained on now that is none of the releases; None: nothing."""
    try:
        newest = newest_source(model_id)
    except DataRefused:
        return None
    return None if newest in releases or origin_of(newest).refusal else newest


def is_going(nodes: Collection[int]) -> bool:
    """Say whether each of these versions of ours only waits for its artefact to be destroyed."""
    return not ModelVersion.objects.filter(node__in=list(nodes), doomed_at=None).exists()


def _about(version: LivingVersion) -> str:
    named = f"model/{version.model}"
    return named if version.model_id is not None else f"{named} {version.number}"[:120]


def _behind(
    about: str, versions: Collection[LivingVersion], *, made_of: Mapping[int, frozenset[int]]
) -> Behind:
    nodes = frozenset(version.node_id for version in versions)
    return Behind(
        about=about,
        model_id=next(iter(versions)).model_id,
        versions=tuple(sorted(version.number for version in versions)),
        nodes=nodes,
        releases=frozenset(release for release, made in made_of.items() if made & nodes),
    )
