from datetime import date
from http import HTTPStatus

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import Http404
from django.test import RequestFactory
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView
from typing_extensions import override

from config.api_errors import (
    PROBLEM_JSON,
    STATUS_BY_ERROR,
    bad_request,
    not_found,
    server_error,
)
from deletion.errors import MoveNotAllowed, PlanOutdated
from deletion.states import RequestState
from lineage.errors import IdentifierMalformed
from tests.cast import ALICE
from training.errors import ArtefactMismatch


class Place(serializers.Serializer):
    when = serializers.DateField()


class Everything(serializers.Serializer):
    kind = serializers.ChoiceField(choices=["a", "b"])
    kinds = serializers.MultipleChoiceField(choices=["a"])
    number = serializers.IntegerField()
    text = serializers.CharField(max_length=2)
    id = serializers.UUIDField()
    on = serializers.BooleanField()
    address = serializers.URLField()
    slug = serializers.SlugField()
    matching = serializers.RegexField("^x$")
    length = serializers.DurationField()
    decimal = serializers.DecimalField(max_digits=3, decimal_places=1)
    place = Place()
    places = Place(many=True)
    words = serializers.ListField(child=serializers.IntegerField())
    mapping = serializers.DictField(child=serializers.IntegerField())


class Spreadsheet(BaseRenderer):
    media_type = "text/csv"
    format = "csv"

    @override
    def render(self, *_said, **_more):
        return b"never,json"


def answer_to(error, **headers):
    class View(APIView):
        authentication_classes = []
        permission_classes = [AllowAny]

        def get(self, _request):
            raise error

    return _json(View, APIRequestFactory().get("/", headers=headers))


def _json(view, request):
    answer = view.as_view()(request)
    answer.render()
    return answer


def post(body):
    class View(APIView):
        authentication_classes = []
        permission_classes = [AllowAny]

        def post(self, request):
            Everything(data=request.data).is_valid(raise_exception=True)
            return Response()

    request = APIRequestFactory().post("/", body, format="json")
    return _json(View, request)


def test_a_refusal_says_what_is_true_and_which_one_it_is():
    answer = answer_to(PlanOutdated())

    assert answer.status_code == 409
    assert answer["Content-Type"] == PROBLEM_JSON
    assert answer.data == {
        "type": "/problems/PlanOutdated",
        "title": "Plan outdated",
        "status": 409,
        "detail": "Lineage changed after the plan was shown, so approving it would miss targets.",
    }


def test_a_refusals_own_message_wins_over_the_sentence_of_its_class():
    assert answer_to(IdentifierMalformed("empty")).data["detail"] == "empty"


def test_a_refusal_with_states_for_arguments_says_its_sentence():
    answer = answer_to(MoveNotAllowed(RequestState.COMPLETE, RequestState.HELD))

    assert answer.data["detail"] == (
        "The request is in a state from which this step cannot be taken."
    )


def test_a_mistake_of_ours_is_written_down(caplog):
    answer = answer_to(ArtefactMismatch())

    assert answer.status_code == 500
    assert caplog.records[0].exc_info[0] is ArtefactMismatch


def test_an_unreachable_database_is_a_503_to_be_tried_again(caplog):
    answer = answer_to(OperationalError("connection refused"))

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "connection" not in answer.data["detail"]


def test_what_nobody_foresaw_is_not_dressed_up():
    with pytest.raises(IntegrityError):
        answer_to(IntegrityError("Key (value)=(x) already exists"))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [(Http404("secret"), 404, "NotFound"), (PermissionDenied("secret"), 403, "Forbidden")],
)
def test_djangos_own_refusals_are_problems_without_their_text(error, status, kind):
    answer = answer_to(error)

    assert answer.status_code == status
    assert answer.data["type"] == f"/problems/{kind}"
    assert "secret" not in answer.data["detail"]


def test_every_mistake_in_a_body_is_named_by_its_place():
    answer = post({"place": {"when": "x"}, "places": [{"when": "2026-01-05"}, {}], "words": ["x"]})

    told = {(error["pointer"], error["code"]) for error in answer.data["errors"]}
    assert answer.status_code == 400
    assert {
        ("#/place/when", "invalid"),
        ("#/places/1/when", "required"),
        ("#/words/0", "invalid"),
        ("#/kind", "required"),
    } <= told
    assert not any(pointer.startswith("#/places/0") for pointer, _ in told)


@pytest.mark.parametrize(
    "value", [ALICE, [ALICE], {"name": ALICE}, 7010007010007, [[ALICE]], [{"when": ALICE}]]
)
def test_no_answer_repeats_what_was_sent(value):
    answer = post(dict.fromkeys(Everything().fields, value))

    said = answer.rendered_content.decode()
    assert answer.status_code == 400
    assert len(answer.data["errors"]) > 5
    assert ALICE not in said
    assert "7010007010007" not in said


def test_a_body_that_is_no_json_or_of_another_kind_is_a_problem_too():
    class View(APIView):
        authentication_classes = []
        permission_classes = [AllowAny]

        def post(self, request):
            return Response(request.data)

    broken = APIRequestFactory().post("/", "{" + ALICE, content_type="application/json")
    foreign = APIRequestFactory().post("/", ALICE, content_type=f"text/{ALICE}")

    for request, status in ((broken, 400), (foreign, 415)):
        answer = _json(View, request)
        assert answer.status_code == status
        assert answer["Content-Type"] == PROBLEM_JSON
        assert ALICE not in answer.rendered_content.decode()


def test_a_view_that_speaks_another_format_still_refuses_in_json():
    class View(APIView):
        authentication_classes = []
        permission_classes = [AllowAny]
        renderer_classes = [Spreadsheet]

        def get(self, _request):
            raise PlanOutdated

    answer = _json(View, APIRequestFactory().get("/"))

    assert answer["Content-Type"] == PROBLEM_JSON
    assert b"PlanOutdated" in answer.rendered_content


def test_every_status_of_the_table_is_an_error():
    assert all(status >= HTTPStatus.BAD_REQUEST for status in STATUS_BY_ERROR.values())


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing", f"/api/v1/{date.max}"])
def test_an_unknown_address_of_the_api_is_a_problem(path):
    answer = APIClient().get(path)

    assert answer.status_code == 404
    assert answer["Content-Type"] == PROBLEM_JSON


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda request: not_found(request, Http404()), 404),
        (lambda request: bad_request(request, SuspiciousOperation()), 400),
        (server_error, 500),
    ],
)
def test_what_fails_before_a_view_is_a_problem_below_api_and_a_page_elsewhere(answer, status):
    below, elsewhere = (
        answer(RequestFactory().get(path)) for path in ("/api/v1/stores", "/admin/stores")
    )

    assert below.status_code == elsewhere.status_code == status
    assert below["Content-Type"] == PROBLEM_JSON
    assert elsewhere["Content-Type"].startswith("text/html")


def test_an_unknown_address_elsewhere_is_a_page():
    answer = APIClient().get("/nothing")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
