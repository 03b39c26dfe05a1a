"""Puts into the API's description what is true of every operation: how it refuses."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from config.api_errors import PROBLEM_JSON

PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A refusal (RFC 9457). It never repeats what was sent.",
    "properties": {
        "type": {"type": "string", "description": "Which refusal this is; never changes."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The reason, for people."},
        "errors": {
            "type": "array",
            "description": "What is wrong with the request, each with a JSON pointer to its place.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def add_problems(
    result: dict[str, Any], generator: object, request: object, public: object
) -> dict[str, Any]:
    """Let every operation name the refusals that any of its kind can give."""
    del generator, request, public  # drf-spectacular hands them to every hook
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(PROBLEM)
    for operation in _operations(result):
        answers = operation["responses"]
        for status in _refusals(operation):
            answers.setdefault(str(int(status)), {"description": status.phrase})
        for code, answer in answers.items():
            if int(code) >= HTTPStatus.BAD_REQUEST:
                answer["content"] = {
                    PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
                answer["description"] = answer.get("description") or HTTPStatus(int(code)).phrase
        operation["responses"] = dict(sorted(answers.items()))
    return result


def _operations(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in result["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _refusals(operation: Mapping[str, Any]) -> Iterator[HTTPStatus]:
    yield HTTPStatus.UNAUTHORIZED
    yield HTTPStatus.FORBIDDEN
    yield HTTPStatus.NOT_ACCEPTABLE
    if operation.get("parameters") or "requestBody" in operation:
        yield HTTPStatus.BAD_REQUEST
    if any(parameter.get("in") == "path" for parameter in operation.get("parameters", ())):
        yield HTTPStatus.NOT_FOUND
    if "requestBody" in operation:
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
