from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from privacy.errors import RecipeInvalid
from privacy.recipes import Keep, Operation, parse
from tests.privacy.builders import COST, example_declaration, make_declaration, parsed

SIZE = {"column": "size", "bounds": [0, 10], "step": 1, "provenance": "codebook"}


def refusal_of(declaration: Any) -> str:
    with pytest.raises(RecipeInvalid) as refused:
        parse(declaration)
    return str(refused.value)


def test_a_declaration_is_read_into_exact_numbers():
    recipe = parsed(
        values=[{**SIZE, "bounds": [-0.5, 1.5], "step": 0.1, "missing": 0.25, "note": "page 3"}]
    )

    value = recipe.values[0]
    assert (value.lower, value.upper, value.step) == (
        Decimal("-0.5"),
        Decimal("1.5"),
        Decimal("0.1"),
    )
    assert (value.missing, value.note) == (Decimal("0.25"), "page 3")
    assert (recipe.name, recipe.family, recipe.rows_per_person) == ("sizes-by-ward", "patients", 1)
    assert (recipe.keep, recipe.keys.values) == (Keep.FIRST, ("ward 0", "ward 1"))
    assert recipe.delta == Decimal("0.000001")
    assert recipe.columns == ("patient_id", "ward", "size")


def test_the_example_of_the_documentation_is_a_recipe():
    recipe = parse(example_declaration())

    assert recipe.keys.values == ("benign", "malignant")
    assert {question.operation for question in recipe.questions} == {
        Operation.COUNT,
        Operation.MEAN,
    }
    assert recipe.nano_rho <= 50_000_000


def test_a_total_is_shared_equally_among_the_operations():
    recipe = parsed()

    assert [question.nano_rho for question in recipe.questions] == [COST // 2, COST // 2]
    assert recipe.nano_rho == COST


def test_each_operation_may_have_its_own_share_instead():
    recipe = parsed(
        operations=[
            {"kind": "count", "nano_rho": 10},
            {"kind": "sum", "column": "size", "nano_rho": 20},
        ],
        budget={"delta": 0.000001},
    )

    assert [question.nano_rho for question in recipe.questions] == [10, 20]


def test_a_mean_is_summed_about_the_middle_and_so_reaches_half_as_far():
    (_, mean), (_, total) = (
        parsed(operations=[{"kind": "count"}, {"kind": kind, "column": "size"}]).questions
        for kind in ("mean", "sum")
    )

    assert (total.origin, total.limits) == (Decimal(0), (0, 10))
    assert total.reach * total.grain == 10
    assert (mean.origin, mean.limits) == (Decimal(5), (-10, 10))
    assert mean.reach * mean.grain == 5


def test_a_row_moves_a_count_by_one():
    count = parsed().questions[0]

    assert (count.limits, count.reach) == ((1, 1), 1)
    assert (count.grain, count.origin) == (Decimal(1), Decimal(0))


def test_a_sum_reaches_as_far_as_the_bound_that_is_farther_from_zero():
    recipe = parsed(
        values=[{**SIZE, "bounds": [-30, 10], "step": 0.5}],
        operations=[{"kind": "sum", "column": "size"}],
    )

    assert recipe.questions[0].limits == (-60, 20)
    assert recipe.questions[0].reach == 60


def test_two_spellings_of_one_declaration_have_one_digest():
    one = make_declaration()
    other = dict(reversed(make_declaration(values=[{**SIZE, "bounds": [0.0, 10.0]}]).items()))

    assert parse(one).digest == parse(other).digest
    assert len(parse(one).digest) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"source": {"family": "others"}},
        {"contribution": {"rows_per_person": 2, "keep": "first"}},
        {"contribution": {"rows_per_person": 1, "keep": "sample"}},
        {"keys": {"column": "ward", "values": ["ward 1", "ward 0"], "provenance": "codebook"}},
        {"values": [{**SIZE, "bounds": [0, 11]}]},
        {"values": [{**SIZE, "missing": 3}]},
        {"operations": [{"kind": "count"}, {"kind": "sum", "column": "size"}]},
        {"budget": {"nano_rho": COST - 2, "delta": 0.000001}},
        {"budget": {"nano_rho": COST, "delta": 0.00001}},
    ],
)
def test_whatever_changes_the_draw_changes_the_digest(changes):
    assert parsed(**changes).digest != parsed().digest


def test_a_whole_number_may_be_written_as_a_float_as_json_allows():
    contribution = {"rows_per_person": 1.0, "keep": "first"}

    assert parsed(contribution=contribution).digest == parsed().digest


def test_keys_of_different_kinds_have_different_digests():
    digests = {
        parsed(keys={"column": "ward", "values": values, "provenance": "codebook"}).digest
        for values in (["1", "0"], [1, 0], [True, False])
    }

    assert len(digests) == 3


def test_bounds_learned_from_the_data_are_refused_with_the_reason():
    assert refusal_of(make_declaration(values=[{**SIZE, "provenance": "data"}])) == (
        "values[0].provenance: what was learned from the data is not public; "
        "take it from a code book"
    )
    keys = {"column": "ward", "values": ["a"], "provenance": "data"}
    assert refusal_of(make_declaration(keys=keys)).startswith("keys.provenance: what was learned")


@pytest.mark.parametrize("place", ["", "contribution", "keys", "values", "operations", "budget"])
@pytest.mark.parametrize("field", ["seed", "random_state", "expression", "with_columns"])
def test_a_seed_or_an_expression_is_refused_wherever_it_stands(place, field):
    declaration = make_declaration()
    held = declaration[place] if place else declaration
    (held[0] if isinstance(held, list) else held)[field] = 1

    assert f"unknown field '{field}'" in refusal_of(declaration)


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """Return the declaration with one field replaced; `...` takes it out."""
    declaration = make_declaration()
    held: Any = declaration
    for step in path[:-1]:
        held = held[step]
    if value is ...:
        del held[path[-1]]
    else:
        held[path[-1]] = value
    return declaration


@pytest.mark.parametrize(
    ("path", "value", "refusal"),
    [
        (["schema"], "recipe-2", "schema: not one of recipe-1"),
        (["library"], "opendp==0.15.0", "library: not one of opendp==0.16.0"),
        (["name"], "Upper", "name: not made of small letters, digits and hyphens"),
        (["name"], 7, "name: not a printable text of 1 to 64 characters"),
        (["name"], ..., "name: missing"),
        (["source"], "patients", "source: not an object"),
        (["source", "family"], "", "source.family: not a printable text of 1 to 200 characters"),
        (["unit", "column"], "a\x00b", "unit.column: not a printable text"),
        (["contribution", "rows_per_person"], 0, "contribution.rows_per_person: not a whole"),
        (["contribution", "rows_per_person"], 1001, "contribution.rows_per_person: not a whole"),
        (["contribution", "rows_per_person"], True, "contribution.rows_per_person: not a whole"),
        (["contribution", "keep"], "last", "contribution.keep: not one of first, sample"),
        (["keys", "values"], [], "keys.values: not a list of 1 to 10000 values"),
        (["keys", "values"], "ab", "keys.values: not a list of 1 to 10000 values"),
        (["keys", "values"], ["a", 1], "keys.values: not all texts, all whole numbers or"),
        (["keys", "values"], [True, 1], "keys.values: not all texts, all whole numbers or"),
        (["keys", "values"], [1.5], "keys.values: not all texts, all whole numbers or"),
        (["keys", "values"], ["a", "a"], "keys.values: a value stands twice"),
        (["keys", "values"], ["a\nb"], "keys.values: not printable texts of 1 to 200"),
        (["keys", "values"], [10**12 + 1], "keys.values: beyond 1000000000000"),
        (["keys", "provenance"], "hearsay", "keys.provenance: not one of codebook"),
        (["values"], {}, "values: not a list of 0 to 200 objects"),
        (["values", 0], [], "values[0]: not an object"),
        (["values", 0, "bounds"], [1], "values[0].bounds: not a list of two numbers"),
        (["values", 0, "bounds"], [0, "10"], "values[0].bounds: not a number within"),
        (["values", 0, "bounds"], [0, float("nan")], "values[0].bounds: not a number within"),
        (["values", 0, "bounds"], [0, 10**400], "values[0].bounds: not a number within"),
        (["values", 0, "bounds"], [10, 10], "values[0].bounds: the lower bound is not below"),
        (["values", 0, "step"], 0, "values[0].step: not above zero"),
        (["values", 0, "step"], 1e-13, "values[0].step: more than 12 decimal places"),
        (["values", 0, "step"], 0.000000001, "values[0].step: the bounds are 2^30 steps or more"),
        (["values", 0, "step"], 3, "values[0].step: a bound is not a whole number of steps"),
        (["values", 0, "missing"], 11, "values[0].missing: outside the bounds"),
        (["values", 0, "note"], "", "values[0].note: not a printable text of 1 to 300"),
        (["values", 0, "column"], "ward", "operations[1].column: not declared in values"),
        (["operations"], [], "operations: not a list of 1 to 201 objects"),
        (["operations", 0, "kind"], "median", "operations[0].kind: not one of count, mean, sum"),
        (["operations", 0, "column"], "size", "operations[0]: unknown field 'column'"),
        (["operations", 0, "nano_rho"], 5, "operations[0]: unknown field 'nano_rho'"),
        (["operations", 1, "column"], ..., "operations[1].column: missing"),
        (["budget", "nano_rho"], ..., "operations[0].nano_rho: missing"),
        (["budget", "nano_rho"], 1, "budget.nano_rho: too little to give every operation"),
        (["budget", "nano_rho"], 10**10 + 1, "budget.nano_rho: not a whole number from 1 to"),
        (["budget", "delta"], 0, "budget.delta: not between"),
        (["budget", "delta"], 0.01, "budget.delta: not between"),
    ],
)
def test_a_refusal_names_the_field(path, value, refusal):
    assert refusal_of(changed(path, value)).startswith(refusal)


def test_what_no_single_field_shows_is_refused_too():
    count, mean = {"kind": "count"}, {"kind": "mean", "column": "size"}
    expected: dict[str, dict[str, Any]] = {
        "values: a column has two uses: ward": {
            "values": [{**SIZE, "column": "ward"}],
            "operations": [{"kind": "sum", "column": "ward"}],
        },
        "values: a column has two uses: patient_id": {
            "keys": {"column": "patient_id", "values": ["a"], "provenance": "codebook"}
        },
        "operations: asked twice: the count": {"operations": [count, count, mean]},
        "operations: asked twice: size": {"operations": [count, mean, mean]},
        "values: declared but never asked about: size": {"operations": [count]},
        "operations: a mean needs the count beside it": {"operations": [mean]},
        "operations: together they cost more than 10000000000 nano-rho": {
            "operations": [{**count, "nano_rho": 10**10}, {**mean, "nano_rho": 1}],
            "budget": {"delta": 0.000001},
        },
    }

    assert {
        refusal_of(make_declaration(**deepcopy(changes))): changes for changes in expected.values()
    } == expected


def test_the_whole_declaration_must_be_an_object():
    assert refusal_of([]) == "the recipe: not an object"
    assert refusal_of({"seed": 1, **make_declaration()}) == "the recipe: unknown field 'seed'"
