"""What counts as having forgotten a person, and why the rest does not. Pure.

Nobody can see on weights that a person is absent: other data may give the same model. What can be
shown is that a recorded algorithm ran on recorded inputs (Thudi et al., arXiv 2110.11891).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class EvidenceClass(StrEnum):
    """How a model came to be without somebody."""

    RETRAINED = "retrained"  # from nothing, on data without them
    EXACT_COMPONENT = "exact component"  # only the parts that had seen them, each from nothing
    EXACT_DOWNDATE = "exact downdate"  # what they had added was taken out, bit by bit
    CERTIFIED = "certified"  # hardly to be told from a retrained one, within an epsilon and a delta
    APPROXIMATE = "approximate"  # changed so that it looks as if it had not seen them
    RETIRED = "retired"  # there is no model any more


REFUSALS: Final[Mapping[EvidenceClass, str]] = {
    EvidenceClass.CERTIFIED: (
        "certified removal bounds what the person still weighs and does not take them out; it is "
        "kept on record, and the model must be retrained or destroyed"
    ),
    EvidenceClass.APPROXIMATE: (
        "approximate unlearning cannot show that the person is out of the model; it is kept on "
        "record, and the model must be retrained or destroyed"
    ),
}
"""The classes that never close an obligation, and the reason that whoever declares one is told."""


def refusal_of(evidence: EvidenceClass) -> str:
    """Return why evidence of a class closes no obligation; nothing if it closes one."""
    return REFUSALS.get(evidence, "")


def closes(evidence: EvidenceClass) -> bool:
    """Say whether a target with evidence of a class is free of the person."""
    return evidence not in REFUSALS


def made_by(in_parts: EvidenceClass, *, fitted: int, parts: int) -> EvidenceClass:
    """Return the class of a version of which some parts were fitted and the others reused.

    `in_parts` is what its trainer says of itself. Exact parts that were all fitted are a model that
    was trained from nothing; what is not exact stays what it is.
    """
    return EvidenceClass.RETRAINED if closes(in_parts) and fitted == parts else in_parts
