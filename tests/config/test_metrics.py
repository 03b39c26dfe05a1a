"""What is counted is compared with rows that were made by the road itself."""

import json
import re
from datetime import timedelta
from math import inf

import pytest
import yaml
from django.contrib.auth.models import Group, User
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from audits.actions import raise_alert
from audits.permissions import Role
from config.metrics import MEASURES
from config.settings import BASE_DIR
from deletion import actions
from deletion.models import DeletionRequest, Run, RunPart
from deletion.tasks import close_run
from deletion.tasks.steps import start
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import (
    make_request,
    plan_and_approve,
    raw,
    right_now,
    walk,
)
from tests.lineage.builders import make_dataset, make_namespace

DEPLOY = BASE_DIR / "deploy"
SCRAPED = {*(measure.stored_as for measure in MEASURES), "up"}


@pytest.fixture
def monitor():
    user = User.objects.create_user("prometheus")
    user.groups.add(Group.objects.get(name=Role.AUDITOR))
    client = APIClient()
    client.force_authenticate(user)
    return client


def scrape(client):
    """Return the samples by name and labels, as Prometheus' own parser reads them."""
    answer = client.get("/metrics", headers={"accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"})
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def value(scraped, name, **labels):
    return scraped.get((name, frozenset(labels.items())))


@pytest.mark.django_db
def test_clocks_are_counted_by_regime_while_they_run_and_when_they_have_ended(monitor, tmp_path):
    make_dataset(tmp_path)
    long_ago = right_now() - timedelta(days=100)
    late = make_request(raw(ALICE), now=long_ago)
    ccpa = make_request(raw(BOB), key="key-2", regime="ccpa", now=right_now())

    before = scrape(monitor)
    actions.cancel(request_id=ccpa.request.pk, actor=OFFICER, now=right_now())
    plan_and_approve(late)
    walk()
    after = scrape(monitor)

    assert value(before, "lethe_clocks_overdue", regime="gdpr", clock="data") == 1
    assert value(before, "lethe_oldest_open_request_seconds", regime="gdpr", clock="models") > (
        99 * 86400
    )
    assert value(before, "lethe_next_due_seconds", regime="gdpr", clock="data") < 0
    assert value(before, "lethe_next_due_seconds", regime="ccpa", clock="data") > 0
    assert (
        value(before, "lethe_clocks_ended_total", regime="gdpr", clock="data", result="late") == 0
    )
    assert value(after, "lethe_clocks_overdue", regime="gdpr", clock="data") == 0
    ended = {"regime": "gdpr", "clock": "data"}
    assert value(before, "lethe_clocks_ended_total", **ended, result="late") == 0
    assert value(after, "lethe_clocks_ended_total", **ended, result="late") == 1
    assert value(after, "lethe_clocks_ended_total", **ended, result="in time") == 0
    assert value(after, "lethe_requests", regime="gdpr", state="complete") == 1
    assert value(after, "lethe_requests", regime="ccpa", state="cancelled") == 1
    assert value(after, "lethe_clocks_running", regime="ccpa", clock="data") == 0
    assert value(after, "lethe_runs", kind="erase", state="succeeded") == 1


@pytest.mark.django_db
def test_a_paused_request_is_overdue_only_if_it_was_when_the_person_was_asked(monitor):
    make_namespace()
    asked_at = right_now() - timedelta(days=15)
    for person, days in (("paul", 20), ("rosa", 30)):
        opened = make_request(
            raw(person), key=person, regime="uk-gdpr", now=right_now() - timedelta(days=days)
        )
        actions.pause(
            request_id=opened.request.pk,
            article="UK GDPR Art. 12A(2)(b)",
            asked_at=asked_at,
            actor=OFFICER,
            now=right_now(),
        )

    scraped = scrape(monitor)

    overdue = value(scraped, "lethe_clocks_overdue", regime="uk-gdpr", clock="data")
    assert overdue == 1, "ten days were over for Rosa only"


@pytest.mark.django_db
def test_a_held_request_past_its_date_is_not_overdue(monitor):
    make_namespace()
    opened = make_request(now=right_now() - timedelta(days=100))

    assert value(scrape(monitor), "lethe_clocks_overdue", regime="gdpr", clock="data") == 1

    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=right_now(),
    )
    scraped = scrape(monitor)
    assert value(scraped, "lethe_clocks_overdue", regime="gdpr", clock="data") == 0
    assert value(scraped, "lethe_clocks_running", regime="gdpr", clock="data") == 1
    assert value(scraped, "lethe_requests", regime="gdpr", state="held") == 1


@pytest.mark.django_db
def test_what_will_be_late_is_told_before_it_is(monitor, tmp_path):
    make_dataset(tmp_path)
    plan_and_approve(make_request(now=right_now() - timedelta(days=100)))

    scraped = scrape(monitor)

    lateness = [seen for (name, _), seen in scraped.items() if name.startswith("lethe_forecast")]
    assert len(lateness) == 1
    assert 69 * 86400 < lateness[0] < inf


@pytest.mark.django_db
def test_lost_leases_unsealed_facts_and_alerts_are_counted(monitor, tmp_path):
    make_dataset(tmp_path)
    plan_and_approve(make_request(now=right_now()))
    start()
    close_run(str(Run.objects.get().pk))
    part = RunPart.objects.get()
    for hours in (0, 1):
        actions.claim_part(
            part_id=part.pk,
            owner="a worker",
            length=timedelta(minutes=2),
            most_attempts=5,
            actor=OFFICER,
            now=right_now() + timedelta(hours=hours),
        )
    raise_alert(kind="run-stuck", about="run/1", detail={}, actor=OFFICER, now=right_now())

    scraped = scrape(monitor)

    assert value(scraped, "lethe_leases_lost_total", kind="part") == 1
    assert value(scraped, "lethe_leases_lost_total", kind="shard") == 0
    assert value(scraped, "lethe_alerts_open", kind="run-stuck") == 1
    assert value(scraped, "lethe_outbox_facts") > 5
    assert value(scraped, "lethe_outbox_oldest_seconds") >= 0


@pytest.mark.django_db
def test_nobody_is_named(monitor):
    make_namespace()
    make_request(raw(ALICE), now=right_now())

    said = monitor.get("/metrics").content.decode()

    assert "lethe_requests{" in said
    assert ALICE not in said
    assert str(DeletionRequest.objects.get().pk) not in said


@pytest.mark.django_db
def test_an_intake_service_reads_no_measures():
    user = User.objects.create_user("website")
    user.groups.add(Group.objects.get(name=Role.INTAKE))
    client = APIClient()
    client.force_authenticate(user)

    assert client.get("/metrics").status_code == 403


def names_in(expression):
    return {*re.findall(r"\b(?:lethe_|lethe:)[a-z0-9_:]+\b|\bup\b", expression)}


def rules():
    text = (DEPLOY / "prometheus" / "lethe.rules.yml").read_text()
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_rules_ask_for_measures_that_exist():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = set().union(*(names_in(rule["expr"]) for rule in rules()))

    assert asked
    assert asked <= SCRAPED | recorded
    assert recorded <= asked | dashboard_names()


def test_every_alert_says_what_to_do():
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
            assert {"summary", "description"} <= {*rule["annotations"]}, rule["alert"]


def dashboard():
    return json.loads((DEPLOY / "grafana" / "lethe.json").read_text())


def dashboard_names():
    expressions = [
        target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])
    ]
    return set().union(*(names_in(expression) for expression in expressions))


def test_the_dashboard_asks_for_measures_that_exist():
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    assert dashboard_names()
    assert dashboard_names() <= SCRAPED | recorded


def test_every_measure_is_watched():
    watched = dashboard_names().union(*(names_in(rule["expr"]) for rule in rules()))

    assert {measure.stored_as for measure in MEASURES} <= watched


def test_a_name_that_is_not_there_is_seen():
    assert names_in("sum(lethe_runz) > 1") - SCRAPED == {"lethe_runz"}


def test_panels_do_not_overlap():
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.django_db
def test_the_demand_on_a_pool_is_told_for_each_window(monitor, tmp_path):
    make_dataset(tmp_path)
    assert value(scrape(monitor), "lethe_pool_demand_ratio", pool="erasure", window="30d") is None
    plan_and_approve(make_request(now=right_now()))

    scraped = scrape(monitor)

    near = value(scraped, "lethe_pool_demand_ratio", pool="erasure", window="72h")
    far = value(scraped, "lethe_pool_demand_ratio", pool="erasure", window="30d")
    assert near == 0
    assert 0 < far < 1
