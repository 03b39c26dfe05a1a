"""Requests, batches, obligations and runs, as rows. `deletion.actions` changes them."""

from deletion.models.disgorgement import Disgorgement, Testimony
from deletion.models.identity import EmailCheck
from deletion.models.imports import Import
from deletion.models.requests import (
    Batch,
    Certificate,
    Deferral,
    DeletionRequest,
    Denial,
    Extension,
    Hold,
    Pause,
    RequestIdentifier,
)
from deletion.models.work import Found, Obligation, Run, RunPart, Share

__all__ = [
    "Batch",
    "Certificate",
    "Deferral",
    "DeletionRequest",
    "Denial",
    "Disgorgement",
    "EmailCheck",
    "Extension",
    "Found",
    "Hold",
    "Import",
    "Obligation",
    "Pause",
    "RequestIdentifier",
    "Run",
    "RunPart",
    "Share",
    "Testimony",
]
