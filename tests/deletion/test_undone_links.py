"""A wrong link: undone before a request is planned, it costs no bystander anything."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deletion import actions
from deletion.errors import LinkUnknown, MoveNotAllowed, RequestUnknown
from deletion.links import undoable_until
from deletion.models import DeletionRequest, Link, LinkedIdentifier, RequestIdentifier
from deletion.queries.plans import awaiting_plan
from deletion.queries.waiting import waits_for
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    DORA,
    INTAKE,
    events,
    make_request,
    outcomes,
    plan_and_approve,
    right_now,
    state,
    walk,
)
from tests.deletion.test_links import (
    ALICES,
    BOBS,
    CUSTOMER,
    EMAIL,
    NUMBERS,
    address,
    link,
    looked_for,
    namespaces,
    number,
    pairs,
    people_in,
    stores,
)
from tests.lineage.builders import pseudonym, recorded

__all__ = ["namespaces", "stores"]  # fixtures

pytestmark = pytest.mark.django_db

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
WRONG = (address(), number(NUMBERS[BOBS]))


def row(opened):
    return DeletionRequest.objects.get(pk=opened.request.pk)


def added(opened, value=NUMBERS[BOBS], namespace=CUSTOMER):
    return RequestIdentifier.objects.get(
        request=opened.request, pseudonym=pseudonym(value, namespace)
    ).pk


def undo(opened, identifier=None, *, now=MONDAY):
    return actions.undo_link(
        request_id=opened.request.pk,
        identifier_id=added(opened) if identifier is None else identifier,
        actor=OFFICER,
        now=now,
    )


def test_a_wrong_link_erases_a_bystander_unless_it_is_undone(stores):
    link(WRONG)
    opened = make_request(address(), now=right_now())
    assert looked_for(opened) == [(EMAIL, False), (CUSTOMER, True)]

    undo(opened)
    walk()

    assert (state(opened), outcomes(opened)) == ("complete", {EMAIL: "erased"})
    assert people_in(stores, EMAIL) == [BOBS]
    assert people_in(stores, CUSTOMER) == list(NUMBERS.values())  # Bob's row is untouched
    assert Link.objects.count() == LinkedIdentifier.objects.count() == 0
    assert recorded("LinkUndone")[0]["facts"] == {
        "request_id": str(opened.request.pk),
        "removed": 1,
        "left": 0,
    }


def test_the_link_that_nobody_undoes_does_reach_them(stores):
    link(WRONG)
    make_request(address(), now=right_now())

    walk()

    assert people_in(stores, CUSTOMER) == [NUMBERS[ALICES]]


def test_what_only_the_undone_one_led_to_goes_with_it_and_the_rest_stays(namespaces):
    link(WRONG, (number(NUMBERS[BOBS]), address(BOBS)), (address(), number(NUMBERS[ALICES])))
    opened = make_request(address())
    assert opened.request.identifiers.filter(by_link=True).count() == 3

    undo(opened)

    left = opened.request.identifiers.get(by_link=True)
    assert left.pseudonym == pseudonym(NUMBERS[ALICES], CUSTOMER)
    assert recorded("LinkUndone")[0]["facts"]["removed"] == 2
    assert events(f"request/{opened.request.pk}")[-1] == "LinkUndone"


def test_only_what_a_link_has_added_can_be_undone_and_only_once(namespaces):
    link(WRONG)
    opened = make_request(address())
    named = opened.request.identifiers.get(by_link=False).pk
    wrong = added(opened)

    with pytest.raises(LinkUnknown):
        undo(opened, named)
    undo(opened, wrong)
    with pytest.raises(LinkUnknown):
        undo(opened, wrong)
    with pytest.raises(RequestUnknown):
        actions.undo_link(
            request_id=pseudonym("x", CUSTOMER), identifier_id=1, actor=DORA, now=MONDAY
        )


def test_once_planned_it_is_refused_until_a_hold_takes_the_request_out_of_the_plan(stores):
    link(WRONG)
    opened = make_request(address())
    actions.plan_batch(request_ids=[opened.request.pk], actor=INTAKE, now=MONDAY)

    with pytest.raises(MoveNotAllowed, match="is planned"):
        undo(opened)
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=MONDAY,
    )
    undo(opened)

    assert looked_for(opened) == [(EMAIL, False)]


def test_once_work_may_begin_it_is_refused_even_on_hold(stores):
    link(WRONG)
    opened = make_request(address())
    plan_and_approve(opened)

    with pytest.raises(MoveNotAllowed):
        undo(opened)
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=MONDAY,
    )
    with pytest.raises(MoveNotAllowed):
        undo(opened)

    assert looked_for(opened) == [(EMAIL, False), (CUSTOMER, True)]


def test_a_merged_request_is_undone_where_its_work_is_done(namespaces):
    link(WRONG)
    make_request(address(), key="k1")
    merged = make_request(address(), key="k2")

    with pytest.raises(MoveNotAllowed, match="is merged"):
        undo(merged)


def test_who_was_merged_because_of_a_wrong_link_goes_on_alone(stores):
    now = right_now()
    link(WRONG)
    alice = make_request(address(), key="k1", now=now - timedelta(hours=2))
    bob = make_request(number(NUMBERS[BOBS]), key="k2", now=now - timedelta(hours=1))
    assert row(bob).state == "merged"
    assert looked_for(bob) == [(CUSTOMER, False), (EMAIL, True)]

    undo(alice, now=now)

    assert (row(bob).state, row(bob).behind_id) == ("received", None)
    assert looked_for(bob) == [(CUSTOMER, False)]  # nor does he ask for her
    assert "LinkUndone" in events(f"request/{bob.request.pk}")
    assert set(RequestIdentifier.objects.values_list("leads", flat=True)) == {True}
    walk()
    assert [outcomes(alice), outcomes(bob)] == [{EMAIL: "erased"}, {CUSTOMER: "erased"}]
    assert people_in(stores, EMAIL) == [BOBS]
    assert people_in(stores, CUSTOMER) == [NUMBERS[ALICES]]


def test_who_asked_twice_does_not_reach_a_bystander_by_the_link_that_was_undone(stores):
    now = right_now()
    link(WRONG, (address(), number(NUMBERS[ALICES])))
    first = make_request(address(), key="k1", now=now - timedelta(hours=2))
    again = make_request(address(), key="k2", now=now - timedelta(hours=1))
    assert (row(again).state, again.request.identifiers.count()) == ("merged", 3)

    undo(first, now=now)

    assert (row(again).state, row(again).behind_id) == ("merged", first.request.pk)
    assert looked_for(again) == [(EMAIL, False), (CUSTOMER, True)]
    walk()
    assert (state(first), state(again)) == ("complete", "complete")
    assert people_in(stores, EMAIL) == [BOBS]
    assert people_in(stores, CUSTOMER) == [NUMBERS[BOBS]]


def test_who_named_both_in_a_later_request_asks_for_both_all_the_same(namespaces):
    link(WRONG)
    alice = make_request(address(), key="k1")
    both = make_request(address(), number(NUMBERS[BOBS]), key="k2")
    assert row(both).state == "merged"

    undo(alice)

    assert (row(both).state, row(both).behind_id) == ("received", alice.request.pk)
    assert looked_for(both) == [(CUSTOMER, False), (EMAIL, False)]


def test_who_waited_behind_a_wrong_link_leads_at_once(namespaces):
    bob = make_request(number(NUMBERS[BOBS]), key="k1")
    link(WRONG)
    alice = make_request(address(), key="k2")
    assert row(alice).behind_id == bob.request.pk

    undo(alice)

    assert row(alice).behind_id is None
    assert events(f"request/{alice.request.pk}")[-2:] == ["LinkUndone", "RequestUnqueued"]


def test_a_link_that_was_taken_back_meanwhile_leads_nowhere(namespaces):
    link(WRONG, (address(), number(NUMBERS[ALICES])))
    opened = make_request(address())
    actions.take_links_back(
        pairs=pairs((address(), number(NUMBERS[ALICES]))), actor=INTAKE, now=MONDAY
    )

    undo(opened)

    assert looked_for(opened) == [(EMAIL, False)]


def test_a_linked_request_is_planned_after_a_day_and_says_so_unless_it_is_due(stores, settings):
    settings.LINKED_WAIT = DAY
    link(WRONG)
    opened = make_request(address(), now=MONDAY)
    other = make_request(address(f"{BOB}.else@example.org"), key="k2", now=MONDAY)

    before = awaiting_plan(limit=9, now=MONDAY + DAY - SECOND)
    said = waits_for(row(opened), now=MONDAY + DAY - SECOND)

    assert before == [other.request.pk]
    assert said == "Links have added to it: until 2026-01-06 00:00:00 UTC an officer may undo one."
    assert opened.request.pk in awaiting_plan(limit=9, now=MONDAY + DAY)
    assert waits_for(row(opened), now=MONDAY + DAY) == "It waits to be planned."
    DeletionRequest.objects.update(erase_by=MONDAY + 3 * DAY)
    assert opened.request.pk in awaiting_plan(limit=9, now=MONDAY)
    assert waits_for(row(opened), now=MONDAY) == "It waits to be planned."


@given(
    st.integers(0, 100).map(lambda days: MONDAY + days * DAY),
    st.integers(0, 30).map(lambda days: days * DAY),
)
def test_nobody_waits_beyond_their_date_or_before_they_came(erase_by, wait):
    until = undoable_until(opened_at=MONDAY, erase_by=erase_by, wait=wait)

    assert MONDAY <= until <= MONDAY + wait
    assert until == MONDAY or until + 3 * wait <= erase_by


def test_others_of_the_same_namespace_stay_as_they_are(namespaces):
    link(WRONG)
    bystander = make_request(address(f"{BOB}.else@example.org"), key="k2")
    opened = make_request(address(), key="k1")

    undo(opened)

    assert looked_for(bystander) == [(EMAIL, False)]
    assert ALICE not in str(recorded("LinkUndone"))
