"""How targets are written wherever people or the trail see them."""

from typing import Final

from deletion.models import Obligation, Run

_STORE: Final = "store/"
_MODEL: Final = "model/"


def is_store(target: str) -> bool:
    """Say whether a target is a store; otherwise it is a model."""
    return target.startswith(_STORE)


def named(target: str) -> str:
    """Return the name of the store or model that a target is."""
    return target.removeprefix(_STORE if is_store(target) else _MODEL)


def target_of(work: Run | Obligation) -> str:
    """Return `store/<name>` or `model/<name>`."""
    if work.store is not None:
        return f"{_STORE}{work.store.name}"
    return f"{_MODEL}{work.model.name}" if work.model is not None else ""
