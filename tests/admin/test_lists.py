"""Lists say what is urgent, and cost the same however long they are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deletion import actions
from tests.admin.test_access import NAMES
from tests.browser.story import actor_of, ask, hold, plan, tell_everything
from tests.deletion.builders import right_now
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/deletion/deletionrequest/"
PEOPLE = [f"person-{number}" for number in range(12)]


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path, PEOPLE)


def cost(client, page):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(page).status_code == 200
    return len(asked)


def shown(client, query=""):
    """Return the short numbers of the requests on a list, from top to bottom."""
    answer = client.get(f"{REQUESTS}?{query}")
    return [str(row.pk)[:8] for row in answer.context["cl"].result_list]


def test_a_long_list_of_requests_asks_no_more_than_a_short_one(officer, dataset):
    ask(PEOPLE[0], days_ago=1)
    few = cost(officer, REQUESTS)
    for number in range(1, 8):
        ask(PEOPLE[number], days_ago=number)

    many = cost(officer, REQUESTS)

    assert many == few
    assert many <= 10


def test_every_list_and_page_is_shown_at_a_bounded_cost(officer, staff, tmp_path):
    tell_everything(tmp_path, staff)

    for name in NAMES:
        page = reverse(f"admin:{name}_changelist")
        assert cost(officer, page) <= 12, name
        rows = officer.get(page).context["cl"].result_list
        assert rows, name
        for row in list(rows)[:3]:
            assert cost(officer, reverse(f"admin:{name}_change", args=[row.pk])) <= 30, name


def test_the_most_urgent_request_is_on_top_and_closed_ones_are_last(officer, dataset, staff):
    late = ask(PEOPLE[0], days_ago=20)
    near = ask(PEOPLE[1], days_ago=9)
    calm = ask(PEOPLE[2], days_ago=1)
    closed = ask(PEOPLE[3], days_ago=30)
    actions.cancel(request_id=closed.pk, actor=actor_of(staff.dora), now=right_now())

    listed = officer.get(REQUESTS)

    assert shown(officer) == [str(one.pk)[:8] for one in (late, near, calm, closed)]
    text = listed.content.decode()
    assert "overdue by" in text
    assert "lt-warn" in text
    assert "clocks stopped" in text


def test_requests_are_filtered_by_state_by_law_and_by_what_is_late(officer, dataset, staff):
    late = ask(PEOPLE[0], days_ago=20)
    soon = ask(PEOPLE[1], days_ago=9)
    calm = ask(PEOPLE[2], days_ago=1, regime="ccpa")
    held = ask(PEOPLE[3], days_ago=1)
    hold(held, by=staff.clara)
    planned = ask(PEOPLE[4], days_ago=1)
    plan(planned)

    assert shown(officer, "due=overdue") == [str(late.pk)[:8]]
    assert shown(officer, "due=soon") == [str(soon.pk)[:8]]
    assert shown(officer, "regime=ccpa") == [str(calm.pk)[:8]]
    assert shown(officer, "state=held") == [str(held.pk)[:8]]
    assert shown(officer, "state=planned") == [str(planned.pk)[:8]]
    assert len(shown(officer, "due=open")) == 5


def test_a_held_request_past_its_date_is_shown_as_that_and_not_as_overdue(officer, dataset, staff):
    held, soon = ask(PEOPLE[0], days_ago=20), ask(PEOPLE[1], days_ago=9)
    hold(held, by=staff.clara)
    hold(soon, by=staff.clara)

    assert shown(officer, "due=held") == [str(held.pk)[:8]]
    assert shown(officer, "due=overdue") == shown(officer, "due=soon") == []
    for page in (REQUESTS, f"{REQUESTS}{held.pk}/change/"):
        text = officer.get(page).content.decode()
        assert "held, past its date by" in text
        assert "overdue by" not in text


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_list_says_what_it_would_show(officer, name):
    answer = officer.get(reverse(f"admin:{name}_changelist"))

    text = " ".join(answer.content.decode().split())
    assert "lt-none" in text
    assert "Create a new item" not in text
