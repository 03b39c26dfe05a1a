"""Which targets have a window that is too short for them, whatever waits for them now."""

from collections.abc import Iterable

from django.conf import settings

from audits.models import Alert
from deletion.estimates import NO_HISTORY, estimate_of
from deletion.feasibility import Shortfall, shortest_window, shortfall_of
from deletion.models import DeletionRequest
from deletion.queries.targets import model_target, store_target
from deletion.queries.workload import Key, histories, priors_of, rules
from deletion.regimes import REGIMES, Regime
from deletion.states import ObligationKind
from lineage.models import Store
from training.models import Model


def regimes_in_use() -> list[Regime]:
    """Return the regimes under which anybody ever asked: one look into an index for each."""
    return [
        law
        for name, law in sorted(REGIMES.items())
        if DeletionRequest.objects.filter(regime=name).exists()
    ]


def shortfalls() -> dict[str, Shortfall]:
    """Return the targets whose shortest window is too short, by their name.

    What is given up counts no more. While nothing of a kind has ever run, a lead would be a guess
    of Lethe's own, and no news to anybody.
    """
    laws = regimes_in_use()
    past = histories()
    priors = priors_of(past)
    known = {
        ObligationKind.ERASE: any(store is not None for store, _ in past),
        ObligationKind.RETRAIN: any(model is not None for _, model in past),
    }
    found: dict[str, Shortfall] = {}
    for kind, has_run in known.items():
        window = shortest_window(laws, kind=kind)
        if window is None or not has_run:
            continue
        for target, key in _targets(kind):
            history = past.get(key, NO_HISTORY)
            short = shortfall_of(
                target=target,
                window=window,
                estimate=estimate_of(history, prior=priors[kind], quantile=settings.SAFE_QUANTILE),
                margin=rules().margin,
                runs_seen=history.runs,
            )
            if short is not None:
                found[target] = short
    return found


def last_told(*, kind: str, about: str) -> Alert | None:
    """Return the newest alert of a kind about a thing, answered or not."""
    return Alert.objects.filter(kind=kind, about=about).order_by("-pk").first()


def _targets(kind: ObligationKind) -> Iterable[tuple[str, Key]]:
    if kind is ObligationKind.ERASE:
        stores = Store.objects.filter(seen_gone_at=None).order_by("name")
        return [(store_target(name), (pk, None)) for pk, name in stores.values_list("pk", "name")]
    models = Model.objects.filter(family__retired_at=None).order_by("name")
    return [(model_target(name), (None, pk)) for pk, name in models.values_list("pk", "name")]
