"""The API does what its served description says, whatever is asked, right or wrong, by any role.

The description is fetched from the service, and every request goes through WSGI with a real token.
"""

import json
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from django.contrib.auth.models import Group
from django.core import signals
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Unsatisfiable
from knox.models import AuthToken
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.specs.openapi.checks import ignored_auth, unsupported_method

from audits.actions import raise_alert, seal
from audits.permissions import Role
from audits.trail import SYSTEM
from deletion.models import Run
from tests.browser.story import (
    ask,
    break_a_place,
    make_account_of,
    make_shield,
    newest,
    no_waiting,
    plan,
)
from tests.deletion.builders import right_now, walk
from tests.training.builders import MANY, make_model, make_patients, train

pytestmark = pytest.mark.django_db

SCHEMA = "/api/v1/schema/"
WIDELY = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,  # the same requests every time: a failure is never an accident
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
BRIEFLY = settings(WIDELY, max_examples=1)


class Caller:
    """An account with roles, and things that are there for it to ask about."""

    def __init__(self, roles: list[Role], known: dict[str, Any]) -> None:
        self.user = make_account_of(f"caller {'+'.join(roles)}", roles[0])
        for role in roles[1:]:
            self.user.groups.add(Group.objects.get_or_create(name=role.value)[0])
        self.known = known
        self.turn = 0

    def headers(self) -> dict[str, str]:
        """Return a new token's header: a generated request may give the last one back."""
        _, token = AuthToken.objects.create(self.user)
        return {"Authorization": f"Token {token}"}

    def meet(self, case: Any) -> None:
        """Let every second right request be about something that is there."""
        self.turn += 1
        if self.turn % 2 or case.meta.generation.mode is not GenerationMode.POSITIVE:
            return
        for name in case.path_parameters or {}:
            case.path_parameters[name] = self.known.get(name, case.path_parameters[name])


@pytest.fixture(autouse=True)
def one_connection(db):
    """Keep the service from closing the connection whose transaction undoes the test."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@pytest.fixture
def known(tmp_path) -> dict[str, Any]:
    """Let there be something of everything that an address can name."""
    version = make_patients(tmp_path / "patients")
    model = make_model(version.family)
    trained = train(model)
    complete = ask(MANY[2], days_ago=1)
    with no_waiting():
        walk()
    make_shield(newest(version))
    waiting = ask(MANY[3], days_ago=1)
    batch = plan(ask(MANY[4], days_ago=1))
    break_a_place(tmp_path / "archive", by=make_account_of("clara", Role.OFFICER))
    alert = raise_alert(kind="test", about="x/1", detail={}, actor=SYSTEM, now=right_now())
    seal(now=right_now())
    assert trained.version is not None
    assert complete.pk != waiting.pk
    return {
        "request_id": str(waiting.pk),
        "batch_id": batch.pk,
        "run_id": str(Run.objects.get(state="stuck").pk),
        "alert_id": alert.pk,
        "family": version.family.name,
        "node_id": version.node_id,
        "name": model.name,
        "scope": "everything",
    }


def served(caller: Caller) -> Any:
    found = schemathesis.openapi.from_wsgi(SCHEMA, get_wsgi_application(), headers=caller.headers())
    found.config.generation.update(modes=list(GenerationMode))
    # 422 says that the request is as described and the world is not: no such namespace, say.
    acceptance = found.config.checks.positive_data_acceptance
    acceptance.expected_statuses = [*acceptance.expected_statuses, "422"]
    return found


def operations(schema: Any) -> list[Any]:
    """Return every operation that is described; one that cannot be read is a failure."""
    found = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found.append(result.ok())
    return found


def wrong_answers(caller: Caller, *, how: settings, modes: list[HypothesisTestMode]) -> list[str]:
    """Call every operation in many ways; return what did not go as described."""
    schema = served(caller)
    found = [
        wrong_answer(operation, schema=schema, caller=caller, how=how, modes=modes)
        for operation in operations(schema)
    ]
    return [wrong for wrong in found if wrong]


def wrong_answer(
    operation: Any,
    *,
    schema: Any,
    caller: Caller,
    how: settings,
    modes: list[HypothesisTestMode],
) -> str:
    """Call one operation in many ways; return the first answer that is not as described."""
    asked_without: list[bool] = []

    def call(case: Any) -> None:
        caller.meet(case)
        headers = caller.headers()
        answer = case.call(headers=headers)
        try:
            # Without a token, and by another method: once an operation, it costs two calls more.
            case.validate_response(
                answer,
                headers=headers,
                excluded_checks=[ignored_auth, unsupported_method] if asked_without else [],
            )
        except FailureGroup as failure:
            raise AssertionError(
                f"{failure}\n{answer.status_code} {answer.text[:500]}"
            ) from failure
        asked_without.append(True)

    test = create_test(
        operation=operation,
        test_func=call,
        config=HypothesisTestConfig(project=schema.config, modes=modes, settings=how),
    )
    try:
        test()
    except (SkipTest, Unsatisfiable):
        return ""  # nothing about the operation can be varied
    except BaseExceptionGroup as group:
        return f"{operation.label}: {group.exceptions[0]}"
    except AssertionError as failure:
        return f"{operation.label}: {failure}"
    return ""


def test_whoever_may_do_everything_gets_what_is_described(known):
    caller = Caller(list(Role), known)

    wrong = wrong_answers(caller, how=WIDELY, modes=list(HypothesisTestMode))

    assert not wrong, "\n\n".join(wrong)


def test_every_role_alone_gets_what_is_described(known):
    wrong = [
        f"as {role}: {one}"
        for role in Role
        for one in wrong_answers(
            Caller([role], known), how=BRIEFLY, modes=[HypothesisTestMode.FUZZING]
        )
    ]

    assert not wrong, "\n\n".join(wrong)


def test_the_check_would_find_an_answer_that_nobody_described(known):
    caller = Caller(list(Role), known)
    schema = served(caller)
    del schema.raw_schema["paths"]["/api/v1/stores"]["get"]["responses"]["200"]
    (operation,) = [one for one in operations(schema) if one.label == "GET /api/v1/stores"]

    wrong = wrong_answer(
        operation, schema=schema, caller=caller, how=BRIEFLY, modes=[HypothesisTestMode.FUZZING]
    )

    assert "Undocumented status code" in wrong


def test_the_description_is_openapi_3_1_and_without_a_warning(tmp_path):
    file = tmp_path / "schema.json"

    call_command(
        "spectacular", "--fail-on-warn", "--validate", "--format=openapi-json", f"--file={file}"
    )

    assert json.loads(file.read_text())["openapi"].startswith("3.1.")
