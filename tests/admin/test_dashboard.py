"""The first page: what is late, what waits, and nothing invented when there is nothing."""

from datetime import timedelta

import pytest
from django.urls import reverse

from deletion.models import DeletionRequest
from tests.admin.test_lists import cost
from tests.browser.story import approve, ask, hold, no_waiting, plan, tell_everything
from tests.deletion.builders import right_now, walk
from tests.lineage.builders import make_dataset
from tests.training.builders import make_model

pytestmark = pytest.mark.django_db

PEOPLE = [f"person-{number}" for number in range(8)]


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "patients", PEOPLE)


def figures(client):
    """Return the figures of the first page, links taken off."""
    answer = client.get("/admin/")
    return {
        figure.label: str(figure.value).split("</a>")[0].split(">")[-1]
        for figure in answer.context["figures"]
    }


def test_an_empty_service_says_that_nothing_waits(officer):
    said = figures(officer)
    text = officer.get("/admin/").content.decode()

    assert said == {
        "Open requests": "0",
        "Oldest open request": "none",
        "Due in 7 days": "0",
        "Overdue": "0",
        "Dates kept": "—",
        "Open alerts": "0",
        "Models out of service": "0",
        "Trail sealed": "never",
    }
    assert "Nothing waits for anybody" in text
    assert "No request is open." in text
    assert "No request was received or completed" in text


def test_the_figures_count_what_is_late_and_what_is_near(officer, staff, dataset):
    ask(PEOPLE[0], days_ago=20)
    ask(PEOPLE[1], days_ago=9)
    ask(PEOPLE[2], days_ago=1)
    held = ask(PEOPLE[3], days_ago=30)
    hold(held, by=staff.clara)

    said = figures(officer)

    assert said["Open requests"] == "4"
    assert said["Overdue"] == "1"  # a held request is not late
    assert "1 on hold, 1 held, past its date" in officer.get("/admin/").content.decode()
    assert said["Due in 7 days"] == "1"
    assert said["Oldest open request"] == "30 d"
    assert said["Dates kept"] == "0 %"  # an overdue request counts before it is finished


def test_dates_that_were_kept_and_missed_are_told_as_the_report_tells_them(officer, dataset):
    ask(PEOPLE[0], days_ago=1)
    ask(PEOPLE[1], days_ago=1)
    late = ask(PEOPLE[2], days_ago=1)
    with no_waiting():
        walk()
    assert figures(officer)["Dates kept"] == "100 %"
    DeletionRequest.objects.filter(pk=late.pk).update(erase_by=right_now() - timedelta(hours=2))

    assert figures(officer)["Dates kept"] == "66.6 %"


def test_a_plan_that_waits_stands_on_the_first_page(officer, dataset):
    batch = plan(ask(PEOPLE[0], days_ago=1))

    text = officer.get("/admin/").content.decode()

    assert f"Plan of batch {batch.pk}" in text
    assert "approve or give up" in text


def test_everything_that_needs_a_person_stands_there_once(officer, client, staff, tmp_path):
    told = tell_everything(tmp_path, staff)

    first = officer.get("/admin/")
    said = " ".join(str(row[0]) for row in first.context["waiting"].rows)
    out_of_service = figures(officer)["Models out of service"]
    client.force_login(staff.emil)
    to_an_engineer = client.get("/admin/").content.decode()

    assert "Plan of batch" in said
    assert "Run on archive" in said
    assert "visits 2" in said
    assert "Run stuck" not in said  # said as the run already
    assert "Suppressed person returned" not in said  # said as the version already
    assert "model/triage is stopped" in first.context["stops"][0]
    assert out_of_service == "1"
    assert "Run on archive" in to_an_engineer
    assert not any(str(one.pk)[:8] in to_an_engineer for one in told.values())


def test_a_model_that_nobody_trained_yet_is_not_out_of_service(officer, dataset):
    make_model(dataset.family)

    listed = officer.get(reverse("admin:training_model_changelist")).content.decode()

    assert figures(officer)["Models out of service"] == "0"
    assert "nothing released yet" in listed
    assert "answers" not in listed


def test_the_first_page_costs_the_same_however_much_there_is(officer, dataset):
    few = cost(officer, "/admin/")
    for number in range(6):
        ask(PEOPLE[number], days_ago=number)

    many = cost(officer, "/admin/")

    assert many <= few + 1  # the oldest request is read only when there is one
    assert many <= 28


def test_the_pools_are_shown_with_what_waits_for_them(officer, staff, settings, dataset):
    settings.POOL_SLOTS_OF = {"erasure": 3}
    assert "No store and no model waits for a run." in officer.get("/admin/").content.decode()

    opened = ask(PEOPLE[0], days_ago=1)
    approve(plan(opened), by=staff.clara)
    answer = officer.get("/admin/")

    (row,) = answer.context["pools"].rows
    assert row[:2] == ["erasure", "3"]
    assert len(row) == len(answer.context["pools"].headers)
    assert "%" in row[-1]
    assert "1 in 5\u202f000 is expected" in answer.content.decode()
