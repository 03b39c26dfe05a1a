"""Where somebody still is, after everything that was planned is done. Pure.

A request is complete only when this is empty: the plan was made before the work, and in between
somebody may have written the person back, or trained on them once more.
"""

from collections.abc import Collection, Mapping

from deletion.planning import LivingVersion
from lineage.identifiers import SubjectId
from lineage.reach import Reach


def remains_of(
    subjects: Collection[SubjectId],
    *,
    reach: Reach,
    families: Mapping[int, str],
    living: Collection[LivingVersion],
    shields: Collection[int],
) -> tuple[str, ...]:
    """Return the training sets that still hold the subjects and the models they still taint."""
    wanted = frozenset(subjects)
    holding = {
        f"dataset/{families[presence.family_id]}"
        for presence in reach.presences
        if presence.to_seq is None and presence.subject in wanted
    }
    by_subject = reach.per_subject(shields=shields)
    tainted = frozenset[int]().union(*(by_subject.get(subject, frozenset()) for subject in wanted))
    models = {
        f"model/{version.model} {version.number}"
        for version in living
        if version.node_id in tainted
    }
    return tuple(sorted(holding | models))
