"""What an officer says when deciding about a request, and the actions that their buttons call."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from audits.pages.access import actor_of
from audits.pages.cells import moment
from audits.pages.confirmations import Because, choice
from audits.pages.sections import Facts
from deletion import actions
from deletion.admin.clocks import next_due, state_of
from deletion.models import DeletionRequest
from deletion.regimes import regime_named


def hold_form(regime: str) -> type[forms.Form]:
    """Return the form that offers the grounds of one regime."""
    grounds = [
        (ground.article, f"{ground.article}: {ground.reason}")
        for ground in regime_named(regime).keep
    ]

    class Ground(Because):
        field_order = ("article", "reason")
        article = choice("Legal ground", grounds, hint="Only what this regime accepts.")

    return Ground


def extension_form(regime: str) -> type[forms.Form]:
    """Return the form that offers the reasons of one regime."""
    reasons = [(reason, reason.capitalize()) for reason in regime_named(regime).extend_for]

    class Told(forms.Form):
        reason = choice("Reason", reasons, hint="Only what this regime accepts.")
        told_at = forms.SplitDateTimeField(
            label="The person was told on", widget=UnfoldAdminSplitDateTimeWidget()
        )

    return Told


def pause_form(regime: str) -> type[forms.Form]:
    """Return the form that offers for what one regime lets a person be asked."""
    grounds = [
        (ground.article, f"{ground.article}: {ground.reason}")
        for ground in regime_named(regime).pause_for
    ]

    class Asked(forms.Form):
        article = choice("Legal ground", grounds, hint="Only what this regime accepts.")
        asked_at = forms.SplitDateTimeField(
            label="The person was asked on", widget=UnfoldAdminSplitDateTimeWidget()
        )

    return Asked


def denial_form(regime: str) -> type[forms.Form]:
    """Return the form that offers on which grounds one regime lets a demand be refused."""
    law = regime_named(regime)
    grounds = [(ground.article, f"{ground.article}: {ground.reason}") for ground in law.deny_for]

    class Told(forms.Form):
        article = choice("Legal ground", grounds, hint="Only what this regime accepts.")
        told_at = forms.SplitDateTimeField(
            label="The person was told on",
            help_text=f"{law.denial_article}: {law.denial_tells}.",
            widget=UnfoldAdminSplitDateTimeWidget(),
        )

    return Told


class Answer(forms.Form):
    """Asks when the person answered."""

    answered_at = forms.SplitDateTimeField(
        label="The person answered on", widget=UnfoldAdminSplitDateTimeWidget()
    )


def standing(row: DeletionRequest) -> Facts:
    """Return what a request is, for the page that asks about it."""
    what, due_at = next_due(row)
    return Facts(
        title="The request",
        rows=[
            ("State", state_of(row)),
            ("Regime", row.regime.upper()),
            ("Received", moment(row.received_at)),
            (f"Due: {what}", moment(due_at)),
        ],
    )


def hold(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Place a hold on a request."""
    actions.place_hold(
        request_id=row.pk,
        article=said["article"],
        reason=said["reason"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The request is on hold."


def extend_dates(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Extend the dates of a request."""
    actions.extend(
        request_id=row.pk,
        reason=said["reason"],
        told_at=said["told_at"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The dates are extended."


def pause(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Stop the clocks of a request since its person was asked."""
    actions.pause(
        request_id=row.pk,
        article=said["article"],
        asked_at=said["asked_at"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The clocks stand still until the person answers."


def end_pause(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Let the clocks of a request go on since its person answered."""
    actions.end_pause(
        request_id=row.pk,
        answered_at=said["answered_at"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The clocks go on; both dates are later by as long as the answer took."


def release(request: HttpRequest, row: DeletionRequest) -> str:
    """Release the hold on a request."""
    actions.release_hold(request_id=row.pk, actor=actor_of(request), now=timezone.now())
    return "The hold is released; the request goes on."


def unmerge(request: HttpRequest, row: DeletionRequest) -> str:
    """Undo the merge of a request."""
    actions.undo_merge(request_id=row.pk, actor=actor_of(request), now=timezone.now())
    return "The request is planned by itself, when the other one has ended."


def deny(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Refuse a request."""
    actions.deny(
        request_id=row.pk,
        article=said["article"],
        told_at=said["told_at"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The request is denied."


def withdraw(request: HttpRequest, row: DeletionRequest) -> str:
    """Cancel a request."""
    actions.cancel(request_id=row.pk, actor=actor_of(request), now=timezone.now())
    return "The request is cancelled."
