import numpy as np
import pytest

from training.qualification import (
    REPLICATES,
    Scores,
    accuracy_by_class,
    commonest,
    finest_difference,
    judge,
    people_needed,
    score,
    score_constant,
    unmeasured,
)
from training.trainers.protocol import Predictions


def scores(*errors):
    each = np.array(errors, dtype=float)
    return Scores(errors=each, log_losses=each)


def judged(challenger, champion=None, *, heuristic=None, margin=100, seed=1):
    return judge(
        challenger,
        champion=champion,
        heuristic=heuristic or scores(*[1.0] * len(challenger.errors)),
        margin_permille=margin,
        rng=np.random.default_rng(seed),
    )


def test_a_person_counts_once_however_many_rows_they_have():
    people = [b"a", b"a", b"a", b"b"]
    said = Predictions(classes=("ill", "well"), probabilities=np.array([[0.8, 0.2]] * 4))

    found = score(people, ["ill", "ill", "well", "well"], said)

    assert np.allclose(found.errors, [1 / 3, 1.0])
    assert np.allclose(found.log_losses, [-(2 * np.log(0.8) + np.log(0.2)) / 3, -np.log(0.2)])
    assert found.accuracy == pytest.approx(1 / 3)


def test_a_class_that_was_called_impossible_costs_much_but_not_everything():
    said = Predictions(classes=("ill",), probabilities=np.ones((2, 1)))

    found = score([b"a", b"b"], ["ill", "well"], said)

    assert found.log_losses[1] == pytest.approx(-np.log(1e-9))


def test_who_gets_no_probabilities_gets_no_answer():
    said = Predictions(classes=("ill", "well"), probabilities=np.array([[np.nan] * 2, [0.9, 0.1]]))

    found = score([b"a", b"b"], ["ill", "ill"], said)

    assert found.errors.tolist() == [1.0, 0.0]
    assert np.allclose(found.log_losses, [-np.log(1e-9), -np.log(0.9)])


def test_a_constant_heuristic_is_scored_like_a_model():
    found = score_constant([b"a", b"b", b"c"], ["ill", "well", "well"], "well")

    assert found.errors.tolist() == [1.0, 0.0, 0.0]
    assert commonest(["ill", "well", "well"]) == "well"
    assert commonest(["b", "a"]) == "a"


def test_only_classes_of_many_people_are_named():
    people = [bytes([number]) for number in range(12)]
    labels = ["well"] * 11 + ["rare"]
    said = Predictions(classes=("rare", "well"), probabilities=np.array([[0.1, 0.9]] * 12))

    assert accuracy_by_class(people, labels, said) == {"well": 1.0}


def test_a_challenger_as_good_as_the_champion_qualifies():
    found = judged(scores(*[0.0] * 100), scores(*[0.0] * 100))

    assert found.passed
    assert found.measured["worse by at most"] == round(finest_difference(100), 4)
    assert "worse than the champion by at most 3.0 %" in found.reason


def test_a_challenger_that_is_worse_beyond_the_margin_is_refused():
    found = judged(scores(*[1.0] * 20, *[0.0] * 80), scores(*[0.0] * 100))

    assert not found.passed
    assert found.reason.startswith("not shown to be good enough: worse than the champion")
    assert found.measured["champion accuracy"] == 1.0
    assert found.measured["challenger accuracy"] == 0.8


def test_a_better_challenger_qualifies():
    assert judged(scores(*[0.0] * 100), scores(*[1.0] * 5, *[0.0] * 95), margin=50).passed


def test_the_same_question_gets_the_same_answer():
    challenger, champion = scores(*[1.0, 0.0, 0.0] * 40), scores(*[0.0, 1.0, 0.0] * 40)

    assert judged(challenger, champion) == judged(challenger, champion)


def test_a_challenger_at_the_margin_rarely_passes():
    rng, passes = np.random.default_rng(7), 0
    for turn in range(200):
        errors = (rng.random(200) < 0.1).astype(float)  # truly worse by exactly the margin
        passes += judged(scores(*errors), scores(*[0.0] * 200), margin=100, seed=turn).passed

    assert passes / 200 < 0.1


def test_a_first_version_must_beat_the_heuristic():
    heuristic = scores(*[1.0] * 40, *[0.0] * 60)

    assert judged(scores(*[1.0] * 5, *[0.0] * 95), heuristic=heuristic).passed
    assert not judged(heuristic, heuristic=heuristic).passed
    assert "always the same answer" in judged(heuristic, heuristic=heuristic).reason


@pytest.mark.parametrize("champion", [None, scores(*[0.0] * 20)])
def test_a_hold_out_that_could_not_show_the_margin_qualifies_nothing(champion):
    found = judged(scores(*[0.0] * 20), champion, margin=100)

    assert not found.passed
    assert found.reason == (
        "the hold-out has 20 people, too few to show a difference of 10.0 %: it takes 29"
    )


@pytest.mark.parametrize("margin", [1, 30, 50, 200, 999, 1000])
def test_the_named_number_of_people_is_the_smallest_that_does(margin):
    needed = people_needed(margin / 1000)

    assert finest_difference(needed) <= margin / 1000
    assert finest_difference(needed - 1) > margin / 1000 or needed == 1


def test_the_finest_difference_is_the_exact_rule_of_three():
    assert finest_difference(0) == 1.0
    assert finest_difference(100) == pytest.approx(0.0295, abs=1e-4)
    assert (1 - finest_difference(59)) ** 59 == pytest.approx(0.05)


def test_what_nobody_measured_does_not_serve():
    found = unmeasured(50)

    assert not found.passed
    assert "at least 59 people" in found.reason
    assert REPLICATES >= 1000
