"""Puts the same held-out rows before challenger and champion, and has the answers judged. Pure."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from training import qualification
from training.qualification import Judgement
from training.reading import ShardRows
from training.trainers.protocol import Predictor


def measure(  # noqa: PLR0913  # keyword-only: who is compared, and by which rule
    rows: ShardRows,
    *,
    challenger: Predictor,
    champion: Predictor | None,
    fallback: Mapping[str, object],
    margin_permille: int,
    seed: int,
) -> Judgement:
    """Return whether the challenger may serve; rows without a label say nothing about anybody."""
    label = rows.data.label
    labelled = rows.data.table[label].is_valid()
    table = rows.data.table.filter(labelled)
    people = [
        mark
        for mark, has_label in zip(rows.pseudonyms, labelled.to_pylist(), strict=True)
        if has_label
    ]
    if not people:
        return qualification.unmeasured(margin_permille)
    labels = table[label].to_pylist()
    said = challenger.predict(table)
    constant = fallback.get("label")
    answer = constant if isinstance(constant, str) else qualification.commonest(labels)
    judgement = qualification.judge(
        qualification.score(people, labels, said),
        champion=(
            qualification.score(people, labels, champion.predict(table))
            if champion is not None and _can_read(champion, table)
            else None
        ),
        heuristic=qualification.score_constant(people, labels, answer),
        margin_permille=margin_permille,
        rng=np.random.default_rng(seed),
    )
    judgement.measured["accuracy by class"] = qualification.accuracy_by_class(people, labels, said)
    judgement.measured["hold-out"] = rows.row_digest
    return judgement


def _can_read(champion: Predictor, table: pa.Table) -> bool:
    """Say whether a champion can answer; one that reads other columns cannot be compared."""
    return {feature.name for feature in champion.features} <= set(table.column_names)
