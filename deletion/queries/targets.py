"""How targets are written wherever people or the trail see them."""

from typing import Final

from deletion.models import Obligation, Run

_STORE: Final = "store/"
_MODEL: Final = "model/"
_RECIPIENT: Final = "recipient/"


def is_store(target: str) -> bool:
    """Say whether a target is a store; otherwise it is a model."""
    return target.startswith(_STORE)


def named(target: str) -> str:
    """Return the name of the store or model that a target is."""
    return target.removeprefix(_STORE if is_store(target) else _MODEL)


def store_target(name: str) -> str:
    """Return how the store of a name is written."""
    return f"{_STORE}{name}"


def model_target(name: str) -> str:
    """Return how the model of a name is written."""
    return f"{_MODEL}{name}"


def recipient_target(name: str) -> str:
    """Return how a recipient is written as a target, and as what an alert is about."""
    return f"{_RECIPIENT}{name}"


def target_of(work: Run | Obligation) -> str:
    """Return `store/<name>`, `model/<name>` or `recipient/<name>`."""
    if isinstance(work, Obligation) and work.recipient is not None:
        return recipient_target(work.recipient.name)
    if work.store is not None:
        return store_target(work.store.name)
    return model_target(work.model.name) if work.model is not None else ""
