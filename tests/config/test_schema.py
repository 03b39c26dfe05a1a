import pytest
from drf_spectacular.generators import SchemaGenerator

from config.api_errors import PROBLEM_JSON
from config.version import VERSION


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(schema):
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_description_has_the_version_of_the_service(schema):
    assert schema["openapi"] == "3.1.1"
    assert schema["info"]["version"] == VERSION


def test_every_refusal_is_a_problem(schema):
    refusals = [
        (path, method, code, set(answer["content"]))
        for path, method, operation in operations(schema)
        for code, answer in operation["responses"].items()
        if code >= "400"
    ]

    assert refusals
    assert all(kinds == {PROBLEM_JSON} for *_, kinds in refusals)


def test_every_operation_says_that_it_may_refuse_a_stranger(schema):
    for path, method, operation in operations(schema):
        assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_no_two_operations_have_one_name(schema):
    names = [operation["operationId"] for *_, operation in operations(schema)]

    assert len(names) == len(set(names))
