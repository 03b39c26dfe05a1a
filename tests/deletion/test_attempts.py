"""An attempt whose lease has passed on ends quietly, and says so to whoever reads the log."""

import pytest

from deletion.tasks.attempts import attempt
from lineage.errors import LeaseLost


def late_report() -> None:
    raise LeaseLost


def unknown_trouble() -> None:
    raise ZeroDivisionError


def test_a_worker_whose_lease_has_passed_on_says_that_it_is_refused(caplog):
    failures: list[str] = []

    with attempt(keep=lambda: True, failed=failures.append):
        late_report()

    assert "another worker" in caplog.text
    assert failures == []


def test_any_other_failure_is_noted_by_its_kind_and_raised(caplog):
    failures: list[str] = []

    with (
        pytest.raises(ZeroDivisionError),
        attempt(keep=lambda: True, failed=failures.append),
    ):
        unknown_trouble()

    assert failures == ["ZeroDivisionError"]
    assert caplog.text == ""
