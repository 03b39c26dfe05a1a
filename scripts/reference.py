"""Writes the pages of docs/reference that repeat what the code says.

    python scripts/reference.py

No server is needed: nothing is asked of the database, and the keys are those of the tests.
"""

# ruff: noqa: E402  # Django must know its settings before an app can be imported

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.core.management import get_commands, load_command_class
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

import audits.events
import deletion.events
import lineage.events
import privacy.events
import training.events
from audits.permissions import Role
from config.api_errors import STATUS_BY_ERROR
from config.metrics import MEASURES
from deletion.regimes import REGIMES, Ground, Regime

FOLDER: Final = ROOT / "docs" / "reference"
APPS: Final = ("config", "deletion", "training", "privacy", "lineage", "audits")
EVENTS: Final = (
    deletion.events,
    training.events,
    privacy.events,
    lineage.events,
    audits.events,
)
WIDTH: Final = 100
DJANGOS_OWN: Final = {
    *("--version", "--verbosity", "--settings", "--pythonpath", "--traceback"),
    *("--no-color", "--force-color"),
}
_DRP: Final = " ([Data Rights Protocol](../how-to/accept-agents.md))."
UNDESCRIBED: Final = {
    "/metrics": "Read the [measures](metrics.md), for Prometheus.",
    "/api/v1/docs/": "Browse this API.",
    "/drp/v1/agent/{code}": f"Set up a token, or see whether it is valid{_DRP}",
    "/drp/v1/data-rights-request": f"Ask for a person's deletion{_DRP}",
    "/drp/v1/data-rights-request/": "The same, with the slash of older versions.",
    "/drp/v1/data-rights-request/{request_id}": f"See a request, or revoke it{_DRP}",
    "/api/v1/schema/": "Describe this API (OpenAPI 3.1), in JSON or YAML.",
}
EVERYBODY: Final = "everybody with an account"
WHOEVER_SIGNS: Final = "whoever signs the body"
AGENTS: Final = "authorised agents"


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())


def commands_page() -> str:
    """Return the page of our commands, each with its `--help`."""
    lines = [
        "# Commands",
        "",
        "Each is run as `python manage.py NAME`; Django's own options, such as `--traceback`, work",
        "with all of them. A refusal is one line on standard error, and an exit code that is not",
        "0. Personal data is read from standard input only: a command line is seen by others.",
    ]
    for name in sorted(name for name, app in get_commands().items() if app in APPS):
        lines += ["", f"## {name}", "", "```", _help_of(name), "```"]
    return _page(lines)


def errors_page() -> str:
    """Return the page of every reason to say no."""
    lines = [
        "# Errors",
        "",
        "One class for each reason to say no. Over HTTP a refusal is a problem (RFC 9457) whose",
        "`type` is `/problems/` and the name; a command prints the name and the sentence.",
    ]
    for module in dict.fromkeys(error.__module__ for error in STATUS_BY_ERROR):
        title = module.removesuffix(".errors").replace(".", ", ")
        lines += ["", f"## {title}", "", "| name | status | what is true |", "|---|---|---|"]
        for error, status in STATUS_BY_ERROR.items():
            if error.__module__ == module:
                lines.append(f"| `{error.__name__}` | {_shown(status)} | {_sentence(error)} |")
    return _page(lines)


def events_page() -> str:
    """Return the page of the facts that the trail holds."""
    lines = [
        "# Events",
        "",
        "What the trail records, under each name with exactly these facts. A person appears only",
        "as a commitment under a key that is destroyed when their request is complete.",
    ]
    for module in EVENTS:
        app = module.__name__.removesuffix(".events")
        lines += ["", f"## {app}", "", "| event | what happened | facts |", "|---|---|---|"]
        for event in _events_in(module):
            facts = ", ".join(f"`{field.name}`" for field in fields(event))
            lines.append(f"| `{event.__name__}` | {_sentence(event)} | {facts} |")
    return _page(lines)


def http_api_page() -> str:
    """Return the page of every address of the API."""
    lines = [
        "# HTTP API",
        "",
        "Send `Authorization: Token …`; a token is had by `POST /api/v1/tokens` with name and",
        "password (HTTP Basic). What each operation takes and answers stands in its OpenAPI 3.1",
        "description, `/api/v1/schema/`, which `/api/v1/docs/` shows for browsing. Refusals are",
        "[problems](errors.md). An address that an account's role does not open answers 403.",
        "",
        "Without an account answer only `/livez` (the process lives) and `/readyz` (it reaches",
        "PostgreSQL and Redis).",
        "",
        "| | address | for | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {operation.method} | `{operation.path}` | {operation.roles} | {operation.about} |"
        for operation in _operations()
    ]
    return _page(lines)


def regimes_page() -> str:
    """Return the page of the laws and their clocks."""
    lines = [
        "# Regimes",
        "",
        "The laws under which people demand to be deleted, as `deletion/regimes.toml` declares",
        "them. Not legal advice: have your own counsel review that file, and change what they say.",
        "",
        "Every clock starts at receipt. *Data erased* and *models clean* are this organisation's",
        "own windows; each takes whichever is earlier, its own or the law's.",
    ]
    for name, law in REGIMES.items():
        rows = {
            "erase": f"{law.erase_article}, {law.erase_source}",
            "acknowledge": str(law.acknowledge or "nothing asked"),
            "act": f"{law.act}, {law.clock_article}",
            "extend": f"{law.extend}, once: {'; '.join(law.extend_for)}" if law.extend else "never",
            "pause": _pause(law),
            "deny": f"{law.denial_article}: {law.denial_tells}",
            "business days": str(law.calendar or "none are counted"),
            "data erased": str(law.slo_erase),
            "models clean": str(law.slo_models),
            "reviewed": law.reviewed.isoformat(),
        }
        lines += ["", f"## {name}", "", law.title, "", "| | |", "|---|---|"]
        lines += [f"| {what} | {said} |" for what, said in rows.items()]
        lines += ["", "Grounds to hold; to deny, if nothing is left to erase:", ""]
        lines += _listed(law.keep)
        if law.deny:
            lines += ["", "Further grounds to deny:", ""]
            lines += _listed(law.deny)
        if law.pause_for:
            lines += ["", "Grounds to stop the clocks, from the question to the answer:", ""]
            lines += _listed(law.pause_for)
    return _page(lines)


def metrics_page() -> str:
    """Return the page of what Prometheus reads."""
    lines = [
        "# Metrics",
        "",
        "What `/metrics` answers in Prometheus' text format to an account in the role *auditor*,",
        "*compliance officer* or *administrator*. Every number is counted from the rows when it is",
        "asked for; no label names a person. [How to watch Lethe](../how-to/watch-the-clocks.md)",
        "sets it up.",
        "",
        "| name | labels | what it counts |",
        "|---|---|---|",
    ]
    for measure in MEASURES:
        labels = ", ".join(f"`{label}`" for label in measure.labels)
        lines.append(f"| `{measure.stored_as}` | {labels} | {measure.about} |")
    return _page(lines)


def _pause(law: Regime) -> str:
    if law.pause_alert is None:
        return "never"
    return f"while the person is asked; an alert when they are silent for {law.pause_alert}"


def _listed(grounds: Sequence[Ground]) -> list[str]:
    return [f"- {ground.article}: {ground.reason}" for ground in grounds]


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands.md": commands_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "http-api.md": http_api_page,
    "metrics.md": metrics_page,
    "regimes.md": regimes_page,
}


def _page(lines: list[str]) -> str:
    maker = Path(__file__).relative_to(ROOT)
    return "\n".join([*lines, "", f"<!-- made by {maker} -->"]) + "\n"


def _help_of(name: str) -> str:
    command = load_command_class(get_commands()[name], name)
    command.suppressed_base_arguments = DJANGOS_OWN
    command.requires_system_checks = ()  # else there is an option to skip them
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        told = command.create_parser("manage.py", name).format_help()
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return told.strip()


def _sentence(told: type) -> str:
    """Return the first paragraph of a docstring on one line, fit for a table."""
    sentence, *_ = (inspect.getdoc(told) or "").split("\n\n")
    return " ".join(sentence.split()).replace("|", "\\|")


def _shown(status: HTTPStatus) -> str:
    return f"{int(status)} {status.phrase}"


def _events_in(module: ModuleType) -> list[type]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and is_dataclass(value)
        and value.__module__.startswith(module.__name__)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One line of the page of addresses."""

    path: str
    method: str
    roles: str
    about: str


def _operations() -> Iterator[Operation]:
    described = _schema()["paths"]
    for path, _, method, callback in EndpointEnumerator().get_api_endpoints():  # type: ignore[no-untyped-call]  # its stubs have none
        operation = described.get(path, {}).get(method.lower(), {})
        about, *_ = operation.get("description", UNDESCRIBED.get(path, "")).split("\n\n")
        yield Operation(
            path=path,
            method=method,
            roles=_roles(callback, method),
            about=" ".join(about.split()).replace("|", "\\|"),
        )


def addresses() -> set[tuple[str, str]]:
    """Return every method and address of the API."""
    return {(operation.method, operation.path) for operation in _operations()}


def _schema() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    with GENERATOR_STATS.silence():
        maker = SchemaGenerator()  # type: ignore[no-untyped-call]  # as above
        schema: dict[str, dict[str, dict[str, dict[str, str]]]] = maker.get_schema(public=True)  # type: ignore[no-untyped-call]  # as above
    return schema


class _Account:
    """An account with one role, as the permissions see one; no database knows it."""

    is_active = is_authenticated = True
    is_superuser = False

    def __init__(self, role: Role) -> None:
        self._role = role
        self.groups = self

    def filter(self, *, name__in: list[str]) -> "_Account":
        self._asked = name__in
        return self

    def exists(self) -> bool:
        return self._role in self._asked


def _roles(callback: Callable[..., object], method: str) -> str:
    """Return whom the permissions of a view let in, found by asking them for each role."""
    view = callback.cls(**callback.initkwargs)  # type: ignore[attr-defined]  # DRF's as_view sets both
    opened = []
    for role in Role:
        request = Request(APIRequestFactory().generic(method, "/"))
        request.user = _Account(role)  # type: ignore[assignment]  # enough of one
        if all(permission.has_permission(request, view) for permission in view.get_permissions()):
            opened.append(role.value)
    if callback.__module__ == "deletion.api.drp":
        return AGENTS
    return EVERYBODY if len(opened) == len(Role) else ", ".join(opened) or WHOEVER_SIGNS


if __name__ == "__main__":
    main()
