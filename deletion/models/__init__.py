"""Requests, batches, obligations and runs, as rows. `deletion.actions` changes them."""

from deletion.models.agents import Agent, SignedDemand
from deletion.models.disgorgement import Disgorgement, OrderNotice, Testimony
from deletion.models.identity import EmailCheck
from deletion.models.imports import Import
from deletion.models.links import Link, LinkedIdentifier
from deletion.models.recipients import Recipient
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
from deletion.models.tellings import Callback, Delivery, Evidence, Telling
from deletion.models.work import Found, Obligation, Run, RunPart, Share

__all__ = [
    "Agent",
    "Batch",
    "Callback",
    "Certificate",
    "Deferral",
    "DeletionRequest",
    "Delivery",
    "Denial",
    "Disgorgement",
    "EmailCheck",
    "Evidence",
    "Extension",
    "Found",
    "Hold",
    "Import",
    "Link",
    "LinkedIdentifier",
    "Obligation",
    "OrderNotice",
    "Pause",
    "Recipient",
    "RequestIdentifier",
    "Run",
    "RunPart",
    "Share",
    "SignedDemand",
    "Telling",
    "Testimony",
]
