"""The version that a fine-tuned or distilled model begins at, read from its file."""

from pathlib import Path

from training import artefacts
from training.checking import Checked, refusal
from training.descent import Descent, Parent, misfit
from training.gates import Gate
from training.models import Model, ModelVersion
from training.trainers import trainer_named


def parent_of(model: Model, begins_at: ModelVersion | None, *, root: Path) -> Parent | None:
    """Return what a model comes from, with its bytes; None if it comes from none."""
    if begins_at is None or model.parent is None:
        return None
    return Parent(
        descent=Descent(model.descent),
        trainer=trainer_named(model.parent.trainer),
        artefact=artefacts.load(root, begins_at.artefact, digest=begins_at.artefact_digest),
    )


def fitting(checked: Checked, parent: Parent | None) -> Checked:
    """Refuse a parent that asks for other columns than there are."""
    if parent is None or checked.plan is None:
        return checked
    why = misfit(parent, checked.plan.features)
    return refusal(Gate.UNEXPECTED, why) if why else checked
