"""What becomes of deferred retraining: people are warned before a shield ends, then it is due.

A finished request names nobody any more. What it left is a deferral for each release that its
person is in; from there the graph leads to every model that was made of the release.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.actions import answer_alerts, raise_alert
from audits.queries import alerted_since, open_alerts
from audits.trail import Actor, audited
from deletion.actions.locks import lock_shields
from deletion.events import ShieldEnded, ShieldRenewed
from deletion.models import Deferral
from deletion.queries.shields import (
    Behind,
    Standing,
    is_going,
    people_behind,
    policies_of,
    source_without,
    standing,
)
from lineage.models import Node
from privacy.shielding import Shield
from training.actions import start_run
from training.models import Model, TrainingRun
from training.queries import is_stopped
from training.states import RunState

ENDED: Final = "shield-ended"
ENDING: Final = "shield-ending"

TRAINED_ANEW: Final = "it is trained again without them, and its older versions are destroyed"
DRAW_ANEW: Final = (
    "there is nothing to train it on but releases drawn with them: withdraw its versions, or draw"
    " the release anew from a clear version of the training set, and it is trained on that"
)
SOMEBODY_ELSES: Final = "no trainer of this service made it: whoever did must retrain or retire it"

_AGAIN_AFTER: Final = timedelta(days=1)  # a training whose attempts ended had an alert of its own


def follow_shields(*, notice: timedelta, actor: Actor, now: datetime) -> list[int]:
    """Note which shields ended or were renewed, warn of those that end soon, answer old alerts.

    Each end, and each approaching one, is alerted once. Returns the models that are to be trained
    again, which `retrain_unshielded` does.
    """
    with transaction.atomic():
        lock_shields()
        seen = standing(now=now)
        for release in sorted(seen.releases):
            shield = seen.held.get(release)
            if shield is None:
                _end(release, actor=actor, now=now)
            else:
                _renew(release, shield, actor=actor, now=now)
        asked = {
            ENDED: {one.about for one in seen.behind if _say_ended(one, seen, actor, now)},
            ENDING: {one.about for one in seen.behind if _warn(one, seen, notice, actor, now)},
        }
        _answer(seen, asked, actor=actor, now=now)
        return [
            one.model_id
            for one in seen.behind
            if one.model_id is not None and one.ended(seen.held) and not is_going(one.nodes)
        ]


def retrain_unshielded(*, model_id: int, actor: Actor, now: datetime) -> UUID | None:
    """Begin a forced training of a model whose shield has ended; None while nothing may begin.

    It is trained on what none of the deferred people is in. Where there is nothing of the kind the
    alert has said so: forced on to their release, the model would be refused and retired.
    """
    with transaction.atomic():
        lock_shields()
        seen = standing(now=now)
        mine = [one for one in seen.behind if one.model_id == model_id]
        ended = frozenset[int]().union(*(one.ended(seen.held) for one in mine))
        source = source_without(ended, model_id=model_id) if ended else None
        model = Model.objects.get(pk=model_id)
        if source is None or is_stopped(model.name) or _has_just_failed(model_id, now=now):
            return None
        return start_run(
            model_id=model_id,
            source_node_id=source,
            reason=f"shield ended: policy {', '.join(policies_of(ended))}"[:200],
            forced=True,
            actor=actor,
            now=now,
        )


def _end(release: int, *, actor: Actor, now: datetime) -> None:
    rows = Deferral.objects.filter(release=release, ended_at=None)
    if not rows.exists():
        return
    with audited(actor=actor, now=now) as trail:
        node = Node.objects.get(pk=release)
        trail.record(
            ShieldEnded(
                release=str(node),
                policy=", ".join(policies_of([release])),
                requests=people_behind([release]),
            ),
            about=f"release/{node}"[:120],
        )
        rows.update(ended_at=now)


def _renew(release: int, shield: Shield, *, actor: Actor, now: datetime) -> None:
    rows = Deferral.objects.filter(release=release).exclude(policy=shield.policy, ended_at=None)
    if not rows.exists():
        return
    with audited(actor=actor, now=now) as trail:
        node = Node.objects.get(pk=release)
        trail.record(
            ShieldRenewed(
                release=str(node),
                policy=shield.policy,
                approved_by=shield.approved_by,
                expires_at=shield.expires_at,
                requests=people_behind([release]),
            ),
            about=f"release/{node}"[:120],
        )
        rows.update(policy=shield.policy, ended_at=None)


def _say_ended(one: Behind, seen: Standing, actor: Actor, now: datetime) -> bool:
    """Alert that the shield of a model has ended, unless that was said; return whether it has."""
    ended = one.ended(seen.held)
    if not ended:
        return False
    since = max(
        moment
        for moment in Deferral.objects.filter(release__in=ended).values_list("ended_at", flat=True)
        if moment is not None
    )
    if not alerted_since(since, kind=ENDED, about=one.about):
        detail = _said(one, ended) | {"todo": _todo(one, ended)}
        raise_alert(kind=ENDED, about=one.about, detail=detail, actor=actor, now=now)
    return True


def _warn(one: Behind, seen: Standing, notice: timedelta, actor: Actor, now: datetime) -> bool:
    """Alert that the shield of a model ends soon, unless that was said; return whether it does."""
    if one.ended(seen.held):
        return False
    ends_at = min(seen.held[release].expires_at for release in one.releases)
    if ends_at - notice > now:
        return False
    if not alerted_since(ends_at - notice, kind=ENDING, about=one.about):
        detail = _said(one, one.releases) | {"expires_at": ends_at.isoformat()}
        raise_alert(kind=ENDING, about=one.about, detail=detail, actor=actor, now=now)
    return True


def _said(one: Behind, releases: Collection[int]) -> dict[str, object]:
    return {
        "model": one.about.removeprefix("model/"),
        "versions": list(one.versions),
        "policy": ", ".join(policies_of(releases)),
        "people": people_behind(releases),
    }


def _todo(one: Behind, ended: Collection[int]) -> str:
    if one.model_id is None:
        return SOMEBODY_ELSES
    return DRAW_ANEW if source_without(ended, model_id=one.model_id) is None else TRAINED_ANEW


def _answer(seen: Standing, asked: dict[str, set[str]], *, actor: Actor, now: datetime) -> None:
    """Close the alerts of which the reason is gone."""
    lives = {one.about for one in seen.behind}
    for alert in open_alerts():
        if alert.kind not in asked or alert.about in asked[alert.kind]:
            continue
        if alert.about in asked[ENDED]:
            why = "the shield has ended"
        elif alert.about in lives:
            why = "a policy shields it"
        else:
            why = "no version that was made with them is left"
        answer_alerts(about=alert.about, kinds={alert.kind}, resolution=why, actor=actor, now=now)


def _has_just_failed(model_id: int, *, now: datetime) -> bool:
    return TrainingRun.objects.filter(
        model=model_id, forced=True, state=RunState.FAILED, finished_at__gt=now - _AGAIN_AFTER
    ).exists()
