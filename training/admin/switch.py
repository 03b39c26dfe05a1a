"""The questions before the stop switch is pulled, and before two people lift it."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from audits.pages.access import actor_of
from audits.pages.confirmations import Because, Confirmation, Refusals, refusals_in
from training import errors
from training.actions import lift, propose_lift, stop
from training.queries import pools, scope_of_pool

REFUSALS: Final[Refusals] = refusals_in(errors)


def stop_question(scope: str) -> Confirmation:
    """Return the question before a scope is stopped."""
    return Confirmation(
        title=f"Stop {scope}",
        sentence="No training starts, deletions that wait for one wait longer, and the fallback "
        "answers in the place of the model. It takes two people to lift the stop.",
        button="Stop it now",
        form=Because,
        grave=True,
    )


class WhichPool(Because):
    """Asks for a pool, and why."""

    scope = forms.ChoiceField(
        label="Pool",
        choices=lambda: [(scope_of_pool(pool), pool) for pool in pools()],
        widget=UnfoldAdminSelectWidget(),
    )


def stop_pool_question() -> Confirmation:
    """Return the question before a pool is stopped."""
    return Confirmation(
        title="Stop a pool",
        sentence="No erasure, or no training, of that pool starts, and deletions that wait for one "
        "wait longer, while their clocks go on. What is released goes on to answer. It takes two "
        "people to lift the stop.",
        button="Stop it now",
        form=WhichPool,
        grave=True,
    )


def pull(request: HttpRequest, scope: str, said: Mapping[str, Any]) -> str:
    """Stop a scope."""
    stop(scope=scope, reason=said["reason"], actor=actor_of(request), now=timezone.now())
    return f"{scope} is stopped."


def propose_question(scope: str) -> Confirmation:
    """Return the question before the lift of a stop is proposed."""
    return Confirmation(
        title=f"Propose to lift the stop of {scope}",
        sentence="Nothing starts yet: somebody else has to lift the stop after you.",
        button="Propose the lift",
    )


def propose(request: HttpRequest, scope: str) -> str:
    """Propose, as the first of two people, to lift a stop."""
    propose_lift(scope=scope, actor=actor_of(request), now=timezone.now())
    return "The lift is proposed; somebody else has to confirm it."


def lift_question(scope: str) -> Confirmation:
    """Return the question before a stop is lifted."""
    return Confirmation(
        title=f"Lift the stop of {scope}",
        sentence="Trainings start again, and a released version answers again. You cannot lift a "
        "stop whose lift you proposed yourself.",
        button="Lift the stop",
    )


def confirm_lift(request: HttpRequest, scope: str) -> str:
    """Lift a stop, as the second of two people."""
    lift(scope=scope, actor=actor_of(request), now=timezone.now())
    return f"The stop of {scope} is lifted."
