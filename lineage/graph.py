"""The kinds of things people's records reach, and the ways they reach them."""

from enum import StrEnum


class NodeKind(StrEnum):
    """What a node of the lineage graph is."""

    DATASET_VERSION = "dataset version"
    MODEL_VERSION = "model version"
    RELEASE = "anonymised release"
    RECIPIENT = "recipient"


class EdgeKind(StrEnum):
    """How the target came from the source. All but `EVALUATED_ON` carry people's influence on."""

    DERIVED = "derived from"
    TRAINED_ON = "trained on"
    FINE_TUNED_FROM = "fine-tuned from"
    DISTILLED_FROM = "distilled from"
    ANONYMISED = "anonymised from"
    EVALUATED_ON = "evaluated on"
    PASSED_TO = "passed to"


class VersionState(StrEnum):
    """Whether a dataset version may be used."""

    CLEAR = "clear"
    QUARANTINED = "quarantined"  # it holds somebody who was forgotten
    SUPERSEDED = (
        "superseded"  # its files were rewritten by an erasure: a later version describes them
    )
    RETIRED = "retired"  # its family was given up by order: nothing may be made of it any more
