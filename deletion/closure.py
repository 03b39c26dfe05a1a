"""Where somebody still is, after everything that was planned is done. Pure.

A request is complete only when this is empty: the plan was made before the work, and in between
somebody may have written the person back, or trained on them once more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from deletion.planning import LivingVersion, recipients_by_subject
from lineage.identifiers import SubjectId
from lineage.reach import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Where somebody still is, by what can be done about it."""

    datasets: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()  # another tool's versions: whoever made them must act
    in_training: tuple[str, ...] = ()  # it ends by itself: as a version, or destroyed
    # The releases that hold them and shield what was made of it: nothing that keeps a request open.
    shielding: tuple[int, ...] = field(default=(), compare=False)
    # What taints them and is gone on an officer's word; the certificate says so.
    attested: tuple[int, ...] = field(default=(), compare=False)
    # To whom anything of theirs was passed on: out of reach, and for a person to tell.
    recipients: tuple[str, ...] = field(default=(), compare=False)

    @property
    def to_plan(self) -> tuple[str, ...]:
        """Return what a further plan would free of them."""
        return (*self.datasets, *self.versions)


CLEAN: Final = Remains()


def remains_of(  # noqa: PLR0913  # keyword-only, one a source of truth
    subjects: Collection[SubjectId],
    *,
    reach: Reach,
    families: Mapping[int, str],
    living: Collection[LivingVersion],
    shields: Collection[int],
    loose: Collection[str],
    attested: Collection[int] = (),
) -> Remains:
    """Return the training sets that still hold the subjects and the models they still taint.

    `loose` names the models of which snapshots lie about that belong to no version and no run:
    nobody can say whose records they hold.
    """
    wanted = frozenset(subjects)
    by_subject = reach.per_subject(shields=shields)
    tainted = frozenset[int]().union(*(by_subject.get(subject, frozenset()) for subject in wanted))
    found = [version for version in living if version.node_id in tainted]
    return Remains(
        datasets=_sorted(
            f"dataset/{families[presence.family_id]}"
            for presence in reach.presences
            if presence.to_seq is None and presence.subject in wanted
        ),
        versions=_sorted(
            _name(version)
            for version in found
            if version.model_id is not None and not version.in_training
        ),
        unmanaged=_sorted(_name(version) for version in found if version.model_id is None),
        in_training=_sorted(
            [
                *(_name(version) for version in found if version.in_training),
                *(f"model/{model} snapshots" for model in loose),
            ]
        ),
        attested=tuple(sorted(tainted & frozenset(attested))),
        recipients=_sorted(
            recipient
            for subject, recipients in recipients_by_subject(reach).items()
            if subject in wanted
            for recipient in recipients
        ),
        shielding=tuple(sorted(reach.reached() & frozenset(shields))),
    )


def _name(version: LivingVersion) -> str:
    return f"model/{version.model} {version.number}"


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
