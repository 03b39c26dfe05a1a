from datetime import timedelta

import pytest

from config.traces import tables_naming
from deletion import actions
from deletion.errors import (
    DenialNotAllowed,
    HoldUnknown,
    MoveNotAllowed,
    PauseUnknown,
    TwoPeopleNeeded,
)
from deletion.models import DeletionRequest, Denial, RequestIdentifier
from deletion.queries.plans import awaiting_plan
from deletion.regimes import REGIMES
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import DORA, events, make_request, plan_and_approve, raw
from tests.lineage.builders import make_dataset, pseudonym, recorded

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
EXCESSIVE = "GDPR Art. 12(5)(b)"


@pytest.fixture(autouse=True)
def patients(tmp_path):
    return make_dataset(tmp_path / "patients", [ALICE, BOB])


def deny(opened, *, article=EXCESSIVE, told_at=MONDAY + DAY, now=None, actor=OFFICER):
    return actions.deny(
        request_id=opened.request.pk,
        article=article,
        told_at=told_at,
        actor=actor,
        now=now or told_at + timedelta(hours=1),
    )


def row(opened):
    return DeletionRequest.objects.get(pk=opened.request.pk)


def test_a_denied_request_forgets_what_it_said_and_erases_nothing():
    opened, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="key-2")
    assert "deletion_requestidentifier" in tables_naming(str(pseudonym(ALICE)))
    assert row(opened).wrapped_key is not None

    denial = deny(opened)

    after = row(opened)
    assert (after.state, after.denied_at) == ("denied", denial.denied_at)
    assert (after.wrapped_key, after.body_tag) == (None, "")
    assert "deletion_requestidentifier" not in tables_naming(str(pseudonym(ALICE)))
    assert "lineage_pseudonym" in tables_naming(str(pseudonym(ALICE))), "nothing was erased"
    assert RequestIdentifier.objects.get().request_id == bob.request.pk
    assert (denial.reason, denial.in_time) == (
        "the request is manifestly unfounded or excessive",
        True,
    )
    assert events(f"request/{after.pk}") == ["DeletionRequested", "RequestDenied"]
    (entry,) = recorded("RequestDenied")
    assert (entry["facts"]["article"], entry["facts"]["in_time"]) == (EXCESSIVE, True)


def test_who_was_denied_may_ask_again_and_no_denial_follows_another():
    opened = make_request(raw(ALICE))
    deny(opened)

    with pytest.raises(MoveNotAllowed):
        deny(opened)
    again = make_request(raw(ALICE), key="key-2", now=MONDAY + 2 * DAY)
    assert awaiting_plan(limit=9, now=MONDAY) == [again.request.pk]
    deny(again, told_at=MONDAY + 3 * DAY)
    assert Denial.objects.count() == 2


def test_a_denial_told_after_the_laws_own_date_is_late():
    opened = make_request(raw(ALICE))

    assert not deny(opened, told_at=MONDAY + 40 * DAY).in_time


def test_the_clock_of_a_silent_person_has_not_run_out():
    opened = make_request(raw(ALICE), regime="uk-gdpr")
    actions.pause(
        request_id=opened.request.pk,
        article="UK GDPR Art. 12A(2)(b)",
        asked_at=MONDAY + DAY,
        actor=OFFICER,
        now=MONDAY + DAY,
    )

    assert deny(opened, article="UK GDPR Art. 12(6)", told_at=MONDAY + 60 * DAY).in_time
    assert row(opened).paused_since is None
    with pytest.raises(PauseUnknown):
        actions.end_pause(
            request_id=opened.request.pk,
            answered_at=MONDAY + 61 * DAY,
            actor=OFFICER,
            now=MONDAY + 61 * DAY,
        )


def test_somebody_else_than_who_held_it_may_deny_what_is_held():
    opened = make_request(raw(ALICE))
    claims = "GDPR Art. 17(3)(e)"
    actions.place_hold(
        request_id=opened.request.pk, article=claims, reason="x", actor=OFFICER, now=MONDAY
    )

    with pytest.raises(TwoPeopleNeeded):
        deny(opened, article=claims)
    assert row(opened).state == "held"

    deny(opened, article=claims, actor=DORA)

    assert row(opened).state == "denied"
    with pytest.raises(HoldUnknown):
        actions.release_hold(request_id=opened.request.pk, actor=DORA, now=MONDAY + 2 * DAY)


@pytest.mark.parametrize(
    "said",
    [
        {"article": "CCPA"},
        {"told_at": MONDAY - DAY},
        {"told_at": MONDAY + 2 * DAY, "now": MONDAY + DAY},
    ],
)
def test_what_the_law_does_not_allow_denies_nobody(said):
    opened = make_request(raw(ALICE))

    with pytest.raises(DenialNotAllowed):
        deny(opened, **said)

    assert row(opened).state == "received"
    assert not Denial.objects.exists()


def test_nobody_is_denied_when_work_has_begun():
    opened = make_request(raw(ALICE))
    plan_and_approve(opened)

    with pytest.raises(MoveNotAllowed):
        deny(opened)


def test_every_ground_of_a_law_has_an_article_of_its_own():
    for law in REGIMES.values():
        articles = [ground.article for ground in law.deny_for]
        assert articles
        assert len(set(articles)) == len(articles), law.name
        assert law.denial_tells
