"""The one place where a refusal becomes an HTTP answer: a problem as RFC 9457 defines it.

No answer repeats what was sent: it may be somebody's identifier.
"""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from audits import errors as audits
from audits.problems import detail_of, title_of, type_of
from deletion import errors as deletion
from lineage import errors as lineage
from lineage.stores import errors as stores
from privacy import errors as privacy
from training import errors as training

PROBLEM_JSON: Final = "application/problem+json"

STATUS_BY_ERROR: Final[Mapping[type[Exception], HTTPStatus]] = {
    audits.AlertUnknown: HTTPStatus.NOT_FOUND,
    audits.BundleInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    audits.EntryTooLong: HTTPStatus.UNPROCESSABLE_ENTITY,
    audits.FactUnknown: HTTPStatus.NOT_FOUND,
    audits.NotSealedYet: HTTPStatus.CONFLICT,
    audits.StatementMalformed: HTTPStatus.INTERNAL_SERVER_ERROR,
    audits.NothingToRecover: HTTPStatus.CONFLICT,
    audits.OriginNotNew: HTTPStatus.CONFLICT,
    audits.RecoveryNeedsTwo: HTTPStatus.CONFLICT,
    audits.TrailDamaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    audits.TrailRestored: HTTPStatus.SERVICE_UNAVAILABLE,
    audits.WitnessUnreadable: HTTPStatus.SERVICE_UNAVAILABLE,
    audits.UnrecordedChange: HTTPStatus.INTERNAL_SERVER_ERROR,
    deletion.AgentInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.AgentNotMeant: HTTPStatus.FORBIDDEN,
    deletion.AgentUnknown: HTTPStatus.NOT_FOUND,
    deletion.BatchUnknown: HTTPStatus.NOT_FOUND,
    deletion.BusinessNotMeant: HTTPStatus.FORBIDDEN,
    deletion.CallbackUnreadable: HTTPStatus.BAD_REQUEST,
    deletion.CallbacksTooMany: HTTPStatus.TOO_MANY_REQUESTS,
    deletion.CodeNotAllowed: HTTPStatus.CONFLICT,
    deletion.CodeWrong: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.DenialNotAllowed: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.DisgorgementConflict: HTTPStatus.CONFLICT,
    deletion.DisgorgementUnknown: HTTPStatus.NOT_FOUND,
    deletion.ExerciseUnsupported: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.ExtensionNotAllowed: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.HoldGroundUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.HoldUnknown: HTTPStatus.NOT_FOUND,
    deletion.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.ItemUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.LineMalformed: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.LinkOfOne: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.LinkUnknown: HTTPStatus.NOT_FOUND,
    deletion.MessageExpired: HTTPStatus.BAD_REQUEST,
    deletion.MessageFromLater: HTTPStatus.BAD_REQUEST,
    deletion.MessageMalformed: HTTPStatus.BAD_REQUEST,
    deletion.MessageRepeated: HTTPStatus.CONFLICT,
    deletion.MessageTooLong: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    deletion.MomentAhead: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.MoveNotAllowed: HTTPStatus.CONFLICT,
    deletion.NobodyVerified: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.NotComplete: HTTPStatus.CONFLICT,
    deletion.PauseNotAllowed: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.PauseUnknown: HTTPStatus.NOT_FOUND,
    deletion.PlanOutdated: HTTPStatus.CONFLICT,
    deletion.RecipientInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.RecipientUnknown: HTTPStatus.NOT_FOUND,
    deletion.RegimeUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.RequestAlreadyOpen: HTTPStatus.CONFLICT,
    deletion.RequestOfAnother: HTTPStatus.FORBIDDEN,
    deletion.RequestUnknown: HTTPStatus.NOT_FOUND,
    deletion.RunUnderWay: HTTPStatus.CONFLICT,
    deletion.RunUnknown: HTTPStatus.NOT_FOUND,
    deletion.TellingOpen: HTTPStatus.CONFLICT,
    deletion.SignatureWrong: HTTPStatus.FORBIDDEN,
    deletion.TellingUnknown: HTTPStatus.NOT_FOUND,
    deletion.WorkMissing: HTTPStatus.CONFLICT,
    deletion.TwoPeopleNeeded: HTTPStatus.CONFLICT,
    deletion.UploadUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    lineage.FamilyRetired: HTTPStatus.CONFLICT,
    deletion.VerificationNotPossible: HTTPStatus.UNPROCESSABLE_ENTITY,
    deletion.VerificationReserved: HTTPStatus.UNPROCESSABLE_ENTITY,
    lineage.IdentifierMalformed: HTTPStatus.UNPROCESSABLE_ENTITY,
    lineage.LeaseLost: HTTPStatus.CONFLICT,
    lineage.NamespaceConflict: HTTPStatus.CONFLICT,
    lineage.NamespaceUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    lineage.NodeUnknown: HTTPStatus.NOT_FOUND,
    lineage.NotSuppressed: HTTPStatus.NOT_FOUND,
    lineage.PeopleLeftBehind: HTTPStatus.CONFLICT,
    lineage.PeopleNamedTwice: HTTPStatus.CONFLICT,
    lineage.ScanOutdated: HTTPStatus.CONFLICT,
    lineage.StoreConflict: HTTPStatus.CONFLICT,
    lineage.StoreStillThere: HTTPStatus.CONFLICT,
    lineage.StoreUnknown: HTTPStatus.NOT_FOUND,
    privacy.AccountConflict: HTTPStatus.CONFLICT,
    privacy.AccountUnknown: HTTPStatus.NOT_FOUND,
    privacy.BudgetSpent: HTTPStatus.CONFLICT,
    privacy.MoveNotAllowed: HTTPStatus.CONFLICT,
    privacy.PolicyConflict: HTTPStatus.CONFLICT,
    privacy.PolicyInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    privacy.RecipeInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    privacy.RecipeUnknown: HTTPStatus.NOT_FOUND,
    privacy.ReleaseUnknown: HTTPStatus.NOT_FOUND,
    privacy.SourceNotClear: HTTPStatus.CONFLICT,
    privacy.ValueMissing: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.ChangedMeanwhile: HTTPStatus.CONFLICT,
    stores.ColumnMissing: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.ColumnTypeMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.KeptRowsDiffer: HTTPStatus.INTERNAL_SERVER_ERROR,
    stores.KindUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.MalformedIdentifier: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.NotSafelyErasable: HTTPStatus.CONFLICT,
    stores.NullIdentifier: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.PartCorrupt: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.PlaceMissing: HTTPStatus.UNPROCESSABLE_ENTITY,
    stores.StillPresent: HTTPStatus.INTERNAL_SERVER_ERROR,
    stores.StoreUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.AddressRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.AlreadyAttested: HTTPStatus.CONFLICT,
    training.ArtefactMismatch: HTTPStatus.INTERNAL_SERVER_ERROR,
    training.AttemptFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
    training.DataRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.GatesInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.JobEnded: HTTPStatus.CONFLICT,
    training.JobUnknown: HTTPStatus.NOT_FOUND,
    training.ModelConflict: HTTPStatus.CONFLICT,
    training.ModelUnknown: HTTPStatus.NOT_FOUND,
    training.MoveNotAllowed: HTTPStatus.CONFLICT,
    training.NothingReleased: HTTPStatus.NOT_FOUND,
    training.ParametersInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.ResultDisagrees: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.RunUnknown: HTTPStatus.NOT_FOUND,
    training.StopUnknown: HTTPStatus.NOT_FOUND,
    training.Stopped: HTTPStatus.CONFLICT,
    training.TrainerFailed: HTTPStatus.BAD_GATEWAY,
    training.TrainerLost: HTTPStatus.BAD_GATEWAY,
    training.TrainerUnknown: HTTPStatus.UNPROCESSABLE_ENTITY,
    training.TwoPeopleNeeded: HTTPStatus.CONFLICT,
    training.VersionManaged: HTTPStatus.CONFLICT,
    training.VersionNotServable: HTTPStatus.CONFLICT,
    training.VersionUnknown: HTTPStatus.NOT_FOUND,
}

# Where DRF's own sentence would repeat what was sent: another one.
UNSAID: Final[Mapping[str, str]] = {
    "does_not_exist": "There is no such thing.",
    "invalid_choice": "This is none of the allowed values.",
    "incorrect_type": "A value of another type is needed.",
    "no_match": "There is no such thing.",
    "MethodNotAllowed": "This address does not know that method.",
    "UnsupportedMediaType": "Send the body as the documentation of this address says.",
}

log = logging.getLogger(__name__)


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer a refusal as a problem; an exception that nobody foresaw stays a 500."""
    refusal = _refusal(exc, context)
    if refusal is None:
        return None
    problem, headers = refusal
    set_rollback()
    request = context["request"]
    # A view may speak CSV, PDF or YAML; its refusals are problems in JSON all the same.
    request.accepted_renderer = JSONRenderer()
    request.accepted_media_type = PROBLEM_JSON
    return Response(
        problem, status=problem["status"], headers=dict(headers), content_type=PROBLEM_JSON
    )


def _refusal(
    exc: Exception, context: Mapping[str, Any]
) -> tuple[dict[str, Any], Mapping[str, str]] | None:
    if (status := STATUS_BY_ERROR.get(type(exc))) is not None:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("an action failed", exc_info=exc)
        return problem_body(type(exc).__name__, status, detail_of(exc)), {}
    if isinstance(exc, OperationalError | InterfaceError):
        log.error("the database cannot be used", exc_info=exc)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        body = problem_body("TryLater", status, "The service cannot reach its database.")
        return body, {"Retry-After": "5"}
    answer = exception_handler(exc, dict(context))
    if answer is None:
        return None
    status = HTTPStatus(answer.status_code)
    if isinstance(exc, ValidationError):
        body = problem_body("Invalid", status, "The request is not as documented.")
        return {**body, "errors": [*_errors(exc.detail, "#")]}, answer.headers
    # Django's own Http404 and PermissionDenied have no text for callers.
    name = type(exc).__name__ if isinstance(exc, APIException) else _camel(status.phrase)
    detail = str(exc.detail) if isinstance(exc, APIException) else status.description
    return problem_body(name, status, UNSAID.get(name, detail)), answer.headers


def problem_body(name: str, status: HTTPStatus, detail: str) -> dict[str, object]:
    """Return the members of a problem."""
    return {
        "type": type_of(name),
        "title": title_of(name),
        "status": int(status),
        "detail": detail,
    }


def _camel(phrase: str) -> str:
    return "".join(word.capitalize() for word in phrase.split())


def _errors(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Walk DRF's tree of mistakes: one entry a mistake, with a JSON pointer to its place."""
    if isinstance(detail, ErrorDetail):
        code = detail.code or "invalid"
        yield {"pointer": pointer, "code": code, "detail": UNSAID.get(code, str(detail))}
    elif isinstance(detail, Mapping):
        for name, below in detail.items():
            whole = name == "non_field_errors"
            yield from _errors(below, pointer if whole else f"{pointer}/{name}")
    else:
        for place, below in enumerate(detail):
            # A list holds the mistakes of one place, or the places of a list.
            one = isinstance(below, ErrorDetail)
            yield from _errors(below, pointer if one else f"{pointer}/{place}")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an address that does not exist."""
    if not request.path_info.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    return _plain(HTTPStatus.NOT_FOUND, "NotFound", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer after a mistake of ours; what it was stands in the log only."""
    if not request.path_info.startswith("/api/"):
        return defaults.server_error(request)
    return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "ServerError", "Something went wrong here.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that Django itself refuses, such as one for an unknown host."""
    if not request.path_info.startswith("/api/"):
        return defaults.bad_request(request, exception)
    return _plain(HTTPStatus.BAD_REQUEST, "BadRequest", "The request cannot be understood.")


def _plain(status: HTTPStatus, name: str, detail: str) -> JsonResponse:
    return JsonResponse(
        problem_body(name, status, detail), status=status, content_type=PROBLEM_JSON
    )
