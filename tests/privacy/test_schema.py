"""The published JSON Schema and the parser say yes and no to the same declarations."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs

from privacy import recipes
from privacy.errors import RecipeInvalid
from tests.privacy.builders import example_declaration, make_declaration

SCHEMA = json.loads((Path(recipes.__file__).parent / "schemas" / "recipe-1.json").read_text())
ALLOWS = jsonschema_rs.validator_for(SCHEMA)
# What a schema cannot say: it compares no two fields and does no arithmetic.
ARITHMETIC = (
    "the lower bound is not below",
    "2^30 steps",
    "a whole number of steps",
    "outside the bounds",
    "two uses",
    "asked twice",
    "never asked",
    "not declared in values",
    "needs the count",
    "too little",
    "decimal places",
)
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2.5, 10**13, "", "x", "seed", "data", "a" * 301),
    *([], {}, [1, 2], ["a"], [0, 0], {"family": "f"}, [{}], [None]),
]


def starting_points() -> list[dict[str, Any]]:
    own_shares = make_declaration(
        operations=[
            {"kind": "count", "nano_rho": 10},
            {"kind": "sum", "column": "size", "nano_rho": 10},
        ],
        budget={"delta": 1e-6},
    )
    return [make_declaration(), own_shares, example_declaration()]


def places_in(held: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(held, dict):
        for key, value in held.items():
            yield from places_in(value, (*path, key))
    if isinstance(held, list):
        for index, value in enumerate(held[:2]):
            yield from places_in(value, (*path, index))


def mutations_of(declaration: dict[str, Any]) -> Iterator[Any]:
    for *path, last in (place for place in places_in(declaration) if place):

        def changed(path: list[Any] = path) -> tuple[Any, Any]:
            copy = deepcopy(declaration)
            held: Any = copy
            for step in path:
                held = held[step]
            return copy, held

        for odd in ODD:
            copy, held = changed()
            held[last] = odd
            yield copy
        copy, held = changed()
        del held[last]
        yield copy
        copy, held = changed()
        if isinstance(held, dict):
            held["seed"] = 1
            yield copy


def refusal_of(declaration: Any) -> str | None:
    try:
        recipes.parse(declaration)
    except RecipeInvalid as refused:
        return str(refused)
    return None


def test_the_schema_allows_what_the_parser_accepts():
    for declaration in starting_points():
        assert refusal_of(declaration) is None
        assert ALLOWS.is_valid(declaration)


def test_the_schema_and_the_parser_refuse_the_same_mutations():
    seen = {"accepted": 0, "refused": 0}
    for declaration in starting_points():
        for mutation in mutations_of(declaration):
            refusal = refusal_of(mutation)
            allowed = ALLOWS.is_valid(mutation)

            if refusal is None:
                seen["accepted"] += 1
                assert allowed, mutation
            elif not any(reason in refusal for reason in ARITHMETIC):
                seen["refused"] += 1
                assert not allowed, (refusal, mutation)
            # and nothing that the schema refuses gets through
            assert allowed or refusal is not None

    assert seen["accepted"] > 50
    assert seen["refused"] > 1000
