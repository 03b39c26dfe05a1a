"""What the drawn numbers must be like. The library's randomness has no seed, so limits are chosen
by their probability: a test that draws fails by chance less than once in 10^9 runs."""

import math
from collections.abc import Callable
from decimal import Decimal
from statistics import fmean
from typing import Any

import pyarrow as pa
import pytest

from lineage.identifiers import IdentifierKind
from privacy import mechanisms
from privacy.errors import BudgetSpent
from privacy.ledger import MOST, NANO, NanoRho, group_loss, rho_of
from privacy.recipes import LIBRARY
from tests.cast import ALICE, BOB
from tests.privacy.builders import draw, make_visits, parsed

NORMAL = 6.5  # standard deviations that a normal value exceeds less than once in 10^10
MANY_KEYS = {"column": "ward", "values": list(range(4000)), "provenance": "codebook"}
LOUD = {"nano_rho": MOST, "delta": 0.000001}  # so little noise that single people can be seen
SIZE = {"column": "size", "bounds": [0, 10], "step": 1, "provenance": "codebook"}
COUNT, MEAN, SUM = (
    {"kind": "count"},
    {"kind": "mean", "column": "size"},
    {"kind": "sum", "column": "size"},
)


def contributing(rows: int, keep: str = "first") -> dict[str, Any]:
    return {"rows_per_person": rows, "keep": keep}


def one_ward() -> dict[str, Any]:
    return {"column": "ward", "values": ["ward 0"], "provenance": "codebook"}


def test_the_installed_library_is_the_one_whose_prices_recipes_name():
    assert mechanisms.INSTALLED == LIBRARY
    assert mechanisms.plan(parsed()).library == LIBRARY


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("bounds", [[0, 10], [-30, 10], [5, 30]])
@pytest.mark.parametrize("operations", [[COUNT], [COUNT, SUM], [COUNT, MEAN], [SUM]])
@pytest.mark.parametrize("keep", ["first", "sample"])
def test_the_librarys_price_is_the_formula_for_gaussian_noise(rows, bounds, operations, keep):
    values = [{**SIZE, "bounds": bounds}] if len(operations[-1]) > 1 else []
    recipe = parsed(contribution=contributing(rows, keep), values=values, operations=operations)

    priced = mechanisms.plan(recipe)

    # rho = sensitivity² / (2 deviation²), summed over the questions (Bun, Steinke 2016, 1.6)
    formula = sum(
        (rows * question.reach * question.grain) ** 2 / (2 * noise.deviation**2)
        for question, noise in zip(recipe.questions, priced.noise, strict=True)
    )
    assert abs(formula - rho_of(priced.nano_rho)) < Decimal("1e-9")
    assert priced.nano_rho == recipe.nano_rho


@pytest.mark.parametrize("nano_rho", [1, 2, 999, NANO, MOST])
def test_the_extremes_of_a_recipe_can_be_priced_and_drawn(nano_rho):
    recipe = parsed(
        contribution=contributing(1000),
        values=[{**SIZE, "bounds": [-(2**30) + 1, 0]}],
        operations=[SUM],
        budget={"nano_rho": nano_rho, "delta": 1e-12},
    )

    assert mechanisms.plan(recipe).nano_rho == nano_rho
    assert draw(recipe, make_visits((ALICE, "ward 0", -5))).sums["size"].keys() == {
        "ward 0",
        "ward 1",
    }


def test_an_epsilon_is_the_librarys_tight_conversion():
    # At delta 1e-6; the textbook's rho + 2 sqrt(rho ln 1/delta) is larger.
    for rho, tight, textbook in [
        ("0.01", "0.622", "0.753"),
        ("0.05", "1.472", "1.712"),
        ("0.1", "2.142", "2.451"),
        ("0.5", "5.222", "5.757"),
        ("1", "7.766", "8.434"),
    ]:
        epsilon = mechanisms.epsilon_at(
            NanoRho(int(Decimal(rho) * NANO)), delta=Decimal("0.000001")
        )

        assert abs(epsilon - Decimal(tight)) < Decimal("0.001")
        assert epsilon < Decimal(textbook)


def test_an_epsilon_grows_with_the_loss_and_with_the_demand_for_certainty():
    losses = [NanoRho(n) for n in (0, 1, 1000, 10**6, 10**8, NANO, MOST)]
    epsilons = [mechanisms.epsilon_at(loss, delta=Decimal("0.000001")) for loss in losses]

    assert epsilons == sorted(epsilons)
    assert epsilons[0] == 0
    assert mechanisms.epsilon_at(NanoRho(NANO), delta=Decimal("1e-12")) > mechanisms.epsilon_at(
        NanoRho(NANO), delta=Decimal("0.001")
    )


def test_a_loss_beyond_accounting_is_infinite_rather_than_an_error():
    beyond = group_loss(NanoRho(10**8), people=1000)

    assert mechanisms.epsilon_at(beyond, delta=Decimal("0.000001")) == Decimal("Infinity")


@pytest.mark.parametrize("kind", [MEAN, SUM])
def test_the_noise_has_the_announced_deviation_and_no_bias(kind):
    recipe = parsed(keys=MANY_KEYS, operations=[COUNT, kind])
    empty = make_visits().set_column(1, "ward", pa.array([], pa.int64()))
    drawn = [draw(recipe, empty) for _ in range(5)]

    noises = mechanisms.plan(recipe).noise
    middle = recipe.questions[1].origin
    counted = [float(count) for result in drawn for count in result.counts.values()]
    summed = [
        float(Decimal(total) - middle * result.counts[key])
        for result in drawn
        for key, total in result.sums["size"].items()
    ]
    for noise, numbers in zip(noises, (counted, summed), strict=True):
        n = len(numbers)
        scaled = [number / float(noise.deviation) for number in numbers]
        assert n == 20_000
        assert abs(fmean(scaled)) < NORMAL / math.sqrt(n)
        # Of n squared normal values (Laurent, Massart 2000, lemma 1, with x = 22: 2 e^-22).
        margin = 2 * math.sqrt(n * 22) + 2 * 22
        assert abs(sum(number**2 for number in scaled) - n) < margin


def test_a_key_without_rows_gets_noise_like_any_other():
    recipe = parsed(keys={**MANY_KEYS, "values": [0, 1]}, values=[], operations=[COUNT])
    table = make_visits((ALICE, None, 1)).set_column(1, "ward", [[1]])
    counts = [draw(recipe, table).counts["0"] for _ in range(20)]

    # The deviation is 2.2: each count is 0 with probability 0.18, all twenty with 0.18^20.
    assert set(counts) != {0}


@pytest.mark.parametrize("keep", ["first", "sample"])
def test_a_person_with_many_rows_counts_no_more_than_the_recipe_allows(keep):
    without = make_visits(*[(f"p{n}", "ward 0", 5) for n in range(50)])
    flood = make_visits(*[(ALICE, "ward 0", 10)] * 10_000)

    def counted(rows: int, *tables: pa.Table) -> tuple[int, float]:
        recipe = parsed(
            contribution=contributing(rows, keep), operations=[COUNT, MEAN], budget=LOUD
        )
        result = draw(recipe, *tables)
        deviation = float(mechanisms.plan(recipe).noise[0].deviation)
        return result.counts["ward 0"], NORMAL * deviation + 1

    allowed, noise = counted(1000, without, flood)
    assert abs(allowed - 1050) < noise  # a thousand rows are allowed, and they show
    for rows in (1, 3):
        limited, noise = counted(rows, without, flood)
        assert abs(limited - 50 - rows) < noise


def test_two_people_are_as_far_apart_as_the_recipe_says_and_no_farther():
    # The worst neighbour: all allowed rows at the edge of the bounds, in one key.
    recipe = parsed(
        contribution=contributing(3), keys=one_ward(), operations=[COUNT, MEAN], budget=LOUD
    )
    others = [(BOB, "ward 0", 5.0)]
    with_alice = make_visits(*others, *[(ALICE, "ward 0", 1e9)] * 500)
    without = make_visits(*others)
    draws = 100

    def average(table: pa.Table) -> tuple[float, float]:
        results = [draw(recipe, table) for _ in range(draws)]
        return (
            fmean(result.counts["ward 0"] for result in results),
            fmean(
                result.sums["size"]["ward 0"] - 5 * result.counts["ward 0"] for result in results
            ),
        )

    noises = [float(noise.deviation) for noise in mechanisms.plan(recipe).noise]
    distance = math.sqrt(
        sum(
            ((here - there) / noise) ** 2
            for here, there, noise in zip(
                average(with_alice), average(without), noises, strict=True
            )
        )
    )

    # The distance of the means is sqrt(2 rho); averaging leaves two noises of sqrt(2 / draws).
    claimed = math.sqrt(2 * float(rho_of(mechanisms.plan(recipe).nano_rho)))
    assert abs(distance - claimed) < math.sqrt(2 / draws) * (math.sqrt(2) + NORMAL)


def test_two_spellings_of_one_person_are_one_person():
    recipe = parsed(operations=[COUNT], values=[], budget=LOUD)
    spelled = make_visits(*[(spelling, "ward 0", 1) for spelling in (ALICE, ALICE.upper())] * 50)
    apart = make_visits(*[(f"{ALICE}-{n}", "ward 0", 1) for n in range(100)])

    assert draw(recipe, apart).counts["ward 0"] > 90
    assert draw(recipe, spelled).counts["ward 0"] < 10


def test_whoever_is_not_included_is_not_drawn():
    recipe = parsed(operations=[COUNT], values=[], budget=LOUD)
    visits = make_visits(*[(f"person {n}", "ward 0", 1) for n in range(200)])

    def counted(included: Callable[[str], bool]) -> int:
        return mechanisms.draw(
            recipe, [visits], unit=IdentifierKind.TEXT, included=included, charged=MOST
        ).counts["ward 0"]

    assert counted(lambda _: True) > 190
    assert 90 < counted(lambda person: int(person.split()[1]) % 2 == 0) < 110
    assert counted(lambda _: False) < 10


def test_values_are_clipped_to_the_public_bounds():
    recipe = parsed(operations=[COUNT, SUM], budget=LOUD)

    def summed(size: float) -> float:
        table = make_visits(*[(f"p{n}", "ward 0", size) for n in range(100)])
        return draw(recipe, table).sums["size"]["ward 0"]

    assert abs(summed(4.4) - 400) < 100
    assert abs(summed(1e300) - 1000) < 100
    assert abs(summed(float("inf")) - 1000) < 100
    assert abs(summed(-5) - 0) < 100


def test_a_mean_is_near_the_truth_and_always_within_the_bounds():
    recipe = parsed(budget=LOUD)
    table = make_visits(*[(f"p{n}", "ward 0", 7.0) for n in range(1000)])

    means = [draw(recipe, table).means["size"] for _ in range(20)]

    assert all(abs(mean["ward 0"] - 7) < 0.2 for mean in means)
    assert all(0 <= mean["ward 1"] <= 10 for mean in means)


def test_names_of_columns_reach_the_library_never():
    # Redefining a column after the truncation voids its promise (opendp#2949); here the names that
    # the measurement uses are the source's own, for other things.
    people = [f"p{n}" for n in range(100)]
    table = make_visits(*[(person, "ward 0", 3.0) for person in people]).rename_columns(
        ["key", "q1", "person"]
    )
    recipe = parsed(
        unit={"namespace": "patient_id", "column": "key"},
        keys={"column": "q1", "values": ["ward 0"], "provenance": "codebook"},
        values=[{**SIZE, "column": "person"}],
        operations=[COUNT, {"kind": "mean", "column": "person"}],
        budget=LOUD,
    )

    result = draw(recipe, table)

    assert 90 < result.counts["ward 0"] < 110
    assert 2 < result.means["person"]["ward 0"] < 4


def test_a_draw_that_costs_more_than_was_paid_is_refused_before_it_looks():
    recipe = parsed()
    cost = mechanisms.plan(recipe).nano_rho
    broken = make_visits((None, None, None))  # would be refused for its values

    with pytest.raises(BudgetSpent):
        mechanisms.draw(
            recipe,
            [broken],
            unit=IdentifierKind.TEXT,
            included=lambda _: True,
            charged=NanoRho(cost - 1),
        )
