"""Requests, batches, obligations and runs, as rows. `deletion.actions` changes them."""

from deletion.models.requests import (
    Batch,
    Certificate,
    Deferral,
    DeletionRequest,
    Extension,
    Hold,
    RequestIdentifier,
)
from deletion.models.work import Found, Obligation, Run, RunPart, Share

__all__ = [
    "Batch",
    "Certificate",
    "Deferral",
    "DeletionRequest",
    "Extension",
    "Found",
    "Hold",
    "Obligation",
    "RequestIdentifier",
    "Run",
    "RunPart",
    "Share",
]
