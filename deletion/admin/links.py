"""What links have added to a request: shown by namespace, never by value, and undone."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from audits.pages.access import actor_of
from audits.pages.cells import NOTHING, moment
from audits.pages.confirmations import Confirmation, choice
from audits.pages.sections import Table, names_of
from deletion import actions
from deletion.admin.clocks import short
from deletion.models import DeletionRequest
from deletion.queries.links import added_to, uses_of


def added_by_links(request: DeletionRequest) -> list[Table]:
    """Return what links have added and which links they are, if any did."""
    uses = uses_of(request.pk)
    people = names_of({use.linked_by for use in uses})
    table = Table(
        title="Added by links",
        note="The person did not name these. Somebody declared that they are theirs; a wrong one "
        "can be undone before the request is planned. Values are never shown.",
        headers=["Number", "Namespace", "Linked to", "Declared by", "Declared"],
        rows=[
            [
                str(use.identifier_id),
                use.namespace,
                use.linked_to or NOTHING,
                people.get(use.linked_by, use.linked_by) or NOTHING,
                moment(use.linked_at),
            ]
            for use in uses
        ],
        empty="There is none.",
    )
    return [table] if uses else []


def which_link(request: DeletionRequest) -> Confirmation:
    """Ask which identifier is not the person's."""
    options = [
        (str(row.pk), f"number {row.pk}, {row.namespace_id}") for row in added_to(request.pk)
    ]

    class Wrong(forms.Form):
        identifier = choice("Not this person's", options, hint="By its number on the page.")

    return Confirmation(
        title=f"Undo a link of request {short(request.pk)}",
        sentence="The identifier is not looked for in this request any more, and neither are those "
        "to which only it has led. The link itself stays until whoever declared it takes it back, "
        "or this request is complete.",
        button="Undo the link",
        form=Wrong,
        sections=added_by_links(request),
    )


def undo_link(request: HttpRequest, row: DeletionRequest, said: Mapping[str, Any]) -> str:
    """Undo what a link has added to a request."""
    actions.undo_link(
        request_id=row.pk,
        identifier_id=int(said["identifier"]),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "The link is undone: that identifier is not looked for."
