"""Which model has to be free of people before another one is trained again. Pure.

A model that was fine-tuned or distilled from another one carries on whom that one has seen. Trained
again too early it would begin at the old version, and be tainted as before.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from lineage.reach import Graph


def models_before(made_by: Mapping[int, int], graph: Graph) -> Mapping[int, frozenset[int]]:
    """Return, for each model, those from whose living versions any of its own came.

    `made_by` names the model of each living version, by node. Two models that came from each other,
    version by version, wait for neither: somebody has to begin.
    """
    origins = made_by.keys() & {edge.source for edge in graph.edges}
    before: defaultdict[int, set[int]] = defaultdict(set)
    for origin in origins:
        for node in graph.carried_from([origin]) & made_by.keys():
            if made_by[node] != made_by[origin]:
                before[made_by[node]].add(made_by[origin])
    return {
        child: frozenset(parent for parent in parents if child not in _all_before(parent, before))
        for child, parents in before.items()
    }


def _all_before(model: int, before: Mapping[int, Collection[int]]) -> set[int]:
    found: set[int] = set()
    to_see = [model]
    while to_see:
        more = set(before.get(to_see.pop(), ())) - found
        found |= more
        to_see += more
    return found
