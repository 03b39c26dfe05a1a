import json
import logging

import pytest
from django.db import IntegrityError, OperationalError

from config.logs import JsonLines, PlainLines, told
from deletion.errors import RequestAlreadyOpen
from tests.cast import ALICE

FORMATTERS = [PlainLines(), JsonLines()]


def record(message, *args, error=None):
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("x", logging.ERROR, "file.py", 1, message, args, exc_info)


def fail(error, cause):
    raise error from cause


def raised(error, cause=None):
    try:
        fail(error, cause)
    except Exception as caught:  # noqa: BLE001  # whatever was raised is what is wanted
        return caught


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_the_text_of_a_foreign_exception_is_not_written_down(formatter):
    cause = raised(KeyError(ALICE))
    error = raised(IntegrityError(f"Key (value)=({ALICE}) already exists"), cause)

    line = formatter.format(record("failed: %s", error, error=error))

    assert ALICE not in line
    assert "IntegrityError" in line
    assert "KeyError" in line
    assert "in fail" in line  # where it came from


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_celerys_way_of_telling_a_failure_shows_neither_arguments_nor_texts(formatter):
    error = raised(ValueError(ALICE))
    context = {"name": "a.task", "exc": repr(error), "args": f"('{ALICE}',)", "traceback": ALICE}

    line = formatter.format(record("%(name)s %(exc)s %(args)s %(traceback)s", context, error=error))

    assert ALICE not in line
    assert "a.task ValueError" in line


def test_texts_that_cannot_hold_anybodys_data_stay():
    assert told(OperationalError("connection refused")) == "OperationalError: connection refused"
    assert told(RequestAlreadyOpen("one is open")) == "RequestAlreadyOpen: one is open"
    assert told(FileNotFoundError(2, "No such file")).endswith("No such file")


def test_a_line_for_machines_is_one_json_object():
    line = JsonLines().format(record("%s of %s", 1, 2))

    said = json.loads(line)
    assert said["message"] == "1 of 2"
    assert said["level"] == "ERROR"
    assert said["at"].endswith("+00:00")
