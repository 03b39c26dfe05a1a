"""Deletion requests and batches over HTTP: parse, act, answer."""

from deletion.api.views.bulk import Imports
from deletion.api.views.decisions import (
    Cancellation,
    Denying,
    Extending,
    Holding,
    Pausing,
    Releasing,
    Resuming,
)
from deletion.api.views.identity import Codes, Confirmation
from deletion.api.views.requests import DeletionRequests, OneCertificate, OneDeletionRequest
from deletion.api.views.work import Approval, Batches, Retrying

__all__ = [
    "Approval",
    "Batches",
    "Cancellation",
    "Codes",
    "Confirmation",
    "DeletionRequests",
    "Denying",
    "Extending",
    "Holding",
    "Imports",
    "OneCertificate",
    "OneDeletionRequest",
    "Pausing",
    "Releasing",
    "Resuming",
    "Retrying",
]
