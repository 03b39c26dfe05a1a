"""Addresses of this app below /api/v1/."""

from django.urls import URLPattern, path, register_converter
from django.urls.converters import IntConverter

from deletion.api import views


class RowNumber(IntConverter):
    """A number that a row can have; a longer one is nobody's address."""

    regex = "[0-9]{1,18}"


register_converter(RowNumber, "row")

urlpatterns: list[URLPattern] = [
    path("deletion-requests", views.DeletionRequests.as_view(), name="deletion-requests"),
    path("deletion-requests/batches", views.Imports.as_view(), name="deletion-request-import"),
    path(
        "deletion-requests/<uuid:request_id>",
        views.OneDeletionRequest.as_view(),
        name="deletion-request",
    ),
    path(
        "deletion-requests/<uuid:request_id>/cancel",
        views.Cancellation.as_view(),
        name="deletion-request-cancel",
    ),
    path(
        "deletion-requests/<uuid:request_id>/hold",
        views.Holding.as_view(),
        name="deletion-request-hold",
    ),
    path(
        "deletion-requests/<uuid:request_id>/hold/release",
        views.Releasing.as_view(),
        name="deletion-request-hold-release",
    ),
    path(
        "deletion-requests/<uuid:request_id>/extension",
        views.Extending.as_view(),
        name="deletion-request-extension",
    ),
    path(
        "deletion-requests/<uuid:request_id>/code",
        views.Codes.as_view(),
        name="deletion-request-code",
    ),
    path(
        "deletion-requests/<uuid:request_id>/code/confirm",
        views.Confirmation.as_view(),
        name="deletion-request-code-confirm",
    ),
    path(
        "deletion-requests/<uuid:request_id>/denial",
        views.Denying.as_view(),
        name="deletion-request-denial",
    ),
    path(
        "deletion-requests/<uuid:request_id>/unmerge",
        views.Unmerging.as_view(),
        name="deletion-request-unmerge",
    ),
    path(
        "deletion-requests/<uuid:request_id>/pause",
        views.Pausing.as_view(),
        name="deletion-request-pause",
    ),
    path(
        "deletion-requests/<uuid:request_id>/pause/end",
        views.Resuming.as_view(),
        name="deletion-request-pause-end",
    ),
    path(
        "deletion-requests/<uuid:request_id>/certificate",
        views.OneCertificate.as_view(),
        name="deletion-request-certificate",
    ),
    path(
        "deletion-requests/<uuid:request_id>/links/<row:identifier_id>/undo",
        views.LinkUndoing.as_view(),
        name="deletion-request-link-undo",
    ),
    path("links", views.Links.as_view(), name="links"),
    path("links/take-back", views.LinksTakenBack.as_view(), name="links-take-back"),
    path("batches", views.Batches.as_view(), name="batches"),
    path("batches/<row:batch_id>/approve", views.Approval.as_view(), name="batch-approve"),
    path("agents", views.Agents.as_view(), name="agents"),
    path("agents/<row:agent_id>", views.OneAgent.as_view(), name="agent"),
    path("agents/<row:agent_id>/disable", views.AgentOff.as_view(), name="agent-disable"),
    path("agents/<row:agent_id>/enable", views.AgentOn.as_view(), name="agent-enable"),
    path("recipients", views.Recipients.as_view(), name="recipients"),
    path("recipients/<row:recipient_id>", views.OneRecipient.as_view(), name="recipient"),
    path(
        "recipients/<row:recipient_id>/test", views.RecipientTest.as_view(), name="recipient-test"
    ),
    path(
        "recipients/<row:recipient_id>/disable",
        views.RecipientOff.as_view(),
        name="recipient-disable",
    ),
    path(
        "recipients/<row:recipient_id>/enable", views.RecipientOn.as_view(), name="recipient-enable"
    ),
    path(
        "recipients/<row:recipient_id>/callbacks",
        views.Callbacks.as_view(),
        name="recipient-callbacks",
    ),
    path("tellings", views.Tellings.as_view(), name="tellings"),
    path("tellings/<uuid:telling_id>", views.OneTelling.as_view(), name="telling"),
    path("tellings/<uuid:telling_id>/told", views.Recording.as_view(), name="telling-told"),
    path("tellings/<uuid:telling_id>/excuse", views.Excusing.as_view(), name="telling-excuse"),
    path("tellings/<uuid:telling_id>/evidence", views.Attaching.as_view(), name="telling-evidence"),
    path("tellings/<uuid:telling_id>/retry", views.TellingAgain.as_view(), name="telling-retry"),
    path("runs/<uuid:run_id>/retry", views.Retrying.as_view(), name="run-retry"),
    path("disgorgements", views.Disgorgements.as_view(), name="disgorgements"),
    path("disgorgements/closure", views.WhatGoesWith.as_view(), name="disgorgement-closure"),
    path(
        "disgorgements/<row:disgorgement_id>",
        views.OneDisgorgement.as_view(),
        name="disgorgement",
    ),
    path(
        "disgorgements/<row:disgorgement_id>/approve",
        views.DisgorgementApproval.as_view(),
        name="disgorgement-approve",
    ),
    path(
        "disgorgements/<row:disgorgement_id>/refuse",
        views.DisgorgementRefusal.as_view(),
        name="disgorgement-refuse",
    ),
    path(
        "disgorgements/<row:disgorgement_id>/look",
        views.DisgorgementLook.as_view(),
        name="disgorgement-look",
    ),
    path(
        "disgorgements/<row:disgorgement_id>/testimonies",
        views.Testifying.as_view(),
        name="disgorgement-testimonies",
    ),
    path(
        "disgorgements/<row:disgorgement_id>/statement",
        views.Sworn.as_view(),
        name="disgorgement-statement",
    ),
]
