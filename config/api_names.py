"""What the API's description calls the finite sets that more than one of its parts shows."""

from enum import StrEnum
from typing import Final

from audits.reports import Clock, Standing
from audits.told import Word
from deletion.disgorgement import NamedBy, OrderState
from deletion.states import ObligationKind, Outcome, RequestState
from deletion.states import RunState as DeletionRunState
from deletion.telling import Answer
from lineage.graph import EdgeKind, NodeKind
from lineage.graph import VersionState as DatasetVersionState
from lineage.identifiers import IdentifierKind
from privacy.states import ReleaseState
from training.states import RunState as TrainingRunState
from training.states import VersionState as ModelVersionState

_SETS: Final[dict[str, type[StrEnum]]] = {
    "ClockState": Clock,
    "DatasetVersionState": DatasetVersionState,
    "DeletionRunState": DeletionRunState,
    "EdgeKind": EdgeKind,
    "IdentifierKind": IdentifierKind,
    "ModelVersionState": ModelVersionState,
    "NodeKind": NodeKind,
    "ObligationKind": ObligationKind,
    "Outcome": Outcome,
    "DisgorgementState": OrderState,
    "NamedBy": NamedBy,
    "ProcessorAnswer": Answer,
    "ReleaseState": ReleaseState,
    "RequestState": RequestState,
    "Standing": Standing,
    "ToldState": Word,
    "TrainingRunState": TrainingRunState,
}
ENUM_NAMES: Final = {name: [member.value for member in members] for name, members in _SETS.items()}
