"""Deletion requests and batches over HTTP: parse, act, answer."""

from deletion.api.views.agents import AgentOff, AgentOn, Agents, OneAgent
from deletion.api.views.bulk import Imports
from deletion.api.views.callbacks import Callbacks
from deletion.api.views.decisions import (
    Cancellation,
    Denying,
    Extending,
    Holding,
    Pausing,
    Releasing,
    Resuming,
    Unmerging,
)
from deletion.api.views.disgorgements import (
    DisgorgementApproval,
    DisgorgementLook,
    DisgorgementRefusal,
    Disgorgements,
    OneDisgorgement,
    Sworn,
    Testifying,
    WhatGoesWith,
)
from deletion.api.views.identity import Codes, Confirmation
from deletion.api.views.links import Links, LinksTakenBack, LinkUndoing
from deletion.api.views.recipients import (
    Attaching,
    Excusing,
    OneRecipient,
    OneTelling,
    RecipientOff,
    RecipientOn,
    Recipients,
    RecipientTest,
    Recording,
    TellingAgain,
    Tellings,
)
from deletion.api.views.requests import DeletionRequests, OneCertificate, OneDeletionRequest
from deletion.api.views.work import Approval, Batches, Retrying

__all__ = [
    "AgentOff",
    "AgentOn",
    "Agents",
    "Approval",
    "Attaching",
    "Batches",
    "Callbacks",
    "Cancellation",
    "Codes",
    "Confirmation",
    "DeletionRequests",
    "Denying",
    "DisgorgementApproval",
    "DisgorgementLook",
    "DisgorgementRefusal",
    "Disgorgements",
    "Excusing",
    "Extending",
    "Holding",
    "Imports",
    "LinkUndoing",
    "Links",
    "LinksTakenBack",
    "OneAgent",
    "OneCertificate",
    "OneDeletionRequest",
    "OneDisgorgement",
    "OneRecipient",
    "OneTelling",
    "Pausing",
    "RecipientOff",
    "RecipientOn",
    "RecipientTest",
    "Recipients",
    "Recording",
    "Releasing",
    "Resuming",
    "Retrying",
    "Sworn",
    "TellingAgain",
    "Tellings",
    "Testifying",
    "Unmerging",
    "WhatGoesWith",
]
