"""How targets are written wherever people or the trail see them."""

from deletion.models import Obligation, Run


def target_of(work: Run | Obligation) -> str:
    """Return `store/<name>` or `model/<name>`."""
    if work.store is not None:
        return f"store/{work.store.name}"
    return f"model/{work.model.name}" if work.model is not None else ""
