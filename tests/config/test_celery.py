import importlib

import pytest
from django.conf import settings

from config.celery import ORDERS, ROUTES, SEAL, SWEEPS, WATCH, app, beats


def test_a_beat_that_nobody_took_in_time_is_dropped():
    sent = beats(sweep_seconds=10, seal_seconds=1)

    assert set(sent) == {*SWEEPS, SEAL, WATCH, ORDERS}
    assert sent[SEAL] == {"task": SEAL, "schedule": 1, "options": {"expires": 1}}
    assert all(sent[name]["options"]["expires"] == 10 for name in SWEEPS)


@pytest.mark.parametrize("name", [*SWEEPS, SEAL, WATCH, ORDERS])
def test_what_beats_is_a_task(name):
    importlib.import_module(name.rpartition(".")[0])

    assert name in app.tasks


def test_sweeps_never_wait_behind_work():
    assert all(route == {"queue": "sweep"} for route in ROUTES.values())
    assert set(ROUTES) == set(settings.CELERY_BEAT_SCHEDULE)


def test_a_message_comes_back_only_after_the_longest_task_has_ended():
    longest = max(task.time_limit or app.conf.task_time_limit for task in app.tasks.values())

    assert app.conf.broker_transport_options["visibility_timeout"] > longest
