import json
from hashlib import sha256
from typing import Any

import pytest

from training.errors import ResultDisagrees
from training.outside.contract import (
    Given,
    Watermark,
    Work,
    key_of,
    metrics_in,
    predictions_in,
    read_bounded,
    read_result,
    require_agreement,
)

MARK = Watermark(version=3, forgotten=2, digest="d" * 64)
GIVEN = Given(digests={"rows": "a" * 64}, rows=7)
RESULT = {
    "contract": 1,
    "key": "k",
    "read": {"digests": {"rows": "a" * 64}, "rows": 7},
    "output": sha256(b"made").hexdigest(),
}


def test_the_same_attempt_has_the_same_key_and_no_other_has_it():
    said: dict[str, Any] = {
        "model": "m",
        "dataset": "d 3",
        "watermark": MARK,
        "run": "r",
        "work": Work.TRAIN,
        "attempt": 1,
    }
    others: list[dict[str, Any]] = [
        {"model": "n"},
        {"dataset": "d 4"},
        {"watermark": Watermark(version=3, forgotten=3, digest="e" * 64)},
        {"run": "s"},
        {"work": Work.PREDICT},
        {"attempt": 2},
    ]

    assert key_of(**said) == key_of(**said)
    assert len({key_of(**said | other) for other in [{}, *others]}) == 7


def test_a_result_that_agrees_is_taken():
    require_agreement(RESULT, key="k", given=GIVEN, output=b"made")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contract": 2}, "contract"),
        ({"key": "other"}, "another piece"),
        ({"read": None}, "what was read"),
        ({"read": {"digests": {}, "rows": 7}}, "other files"),
        ({"read": {"digests": {"rows": "b" * 64}, "rows": 7}}, "other rows"),
        ({"read": {"digests": {"rows": "a" * 64}, "rows": 8}}, "7 rows"),
        ({"read": {"digests": {"rows": "a" * 64}, "rows": True}}, "7 rows"),
        ({"output": "c" * 64}, "what it made"),
    ],
)
def test_a_result_that_disagrees_is_refused(changes, reason):
    with pytest.raises(ResultDisagrees, match=reason):
        require_agreement(RESULT | changes, key="k", given=GIVEN, output=b"made")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"1" * (1 << 21)])
def test_a_result_that_cannot_be_read_is_refused(data):
    with pytest.raises(ResultDisagrees):
        read_result(data)


@pytest.mark.parametrize(
    "metrics", [[], {"a": "alice"}, {"alice@example.org=": 1}, {"a": float("nan")}, {"a": True}]
)
def test_a_metric_is_a_number_with_a_plain_name(metrics):
    with pytest.raises(ResultDisagrees):
        metrics_in({"metrics": metrics})

    assert metrics_in({"metrics": {"loss": 1}}) == {"loss": 1.0}
    assert metrics_in({}) == {}


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"classes": ["a", "b"], "probabilities": [[0.5, 0.5]]},
        {"classes": ["a", "a"], "probabilities": [[0.5, 0.5]] * 2},
        {"classes": ["a", 1], "probabilities": [[0.5, 0.5]] * 2},
        {"classes": [], "probabilities": [[], []]},
        {"classes": ["a", "b"], "probabilities": [[0.5], [0.5]]},
        {"classes": ["a", "b"], "probabilities": [[0.5, 0.6]] * 2},
        {"classes": ["a", "b"], "probabilities": [[1.5, -0.5]] * 2},
        {"classes": ["a", "b"], "probabilities": [["x", "y"]] * 2},
    ],
)
def test_predictions_are_probabilities_one_for_each_row_and_class(said):
    with pytest.raises(ResultDisagrees):
        predictions_in(json.dumps(said).encode(), rows=2)

    good = {"classes": ["a", "b"], "probabilities": [[0.25, 0.75], [1, 0]]}
    assert predictions_in(json.dumps(good).encode(), rows=2).labels == ["b", "a"]


def test_a_link_is_not_followed_and_a_large_file_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    link = tmp_path / "link"
    link.symlink_to(secret)

    for path, reason in ((link, "no artefact"), (tmp_path, "no artefact"), (secret, "larger")):
        with pytest.raises(ResultDisagrees, match=reason):
            read_bounded(path, most=5, what="artefact")
