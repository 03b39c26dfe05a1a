"""Several identifiers of one person: declared once, looked for together, forgotten together."""

from io import StringIO
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from audits.models import Alert
from config.traces import tables_naming
from deletion import actions
from deletion.actions import LinkCount
from deletion.answers import Taken
from deletion.bulk import Form, lines_in
from deletion.intake import HashedIdentifier, RawIdentifier
from deletion.links import MOST_LINKED, pair_of, reached, still_reached
from deletion.models import Certificate, DeletionRequest, Link, LinkedIdentifier
from deletion.queries.links import TOO_LATE, TOO_MANY
from lineage.identifiers import IdentifierKind
from lineage.models import Pseudonym
from lineage.queries import kinds_of_namespaces
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    INTAKE,
    events,
    make_request,
    outcomes,
    right_now,
    state,
    statement_of,
    walk,
)
from tests.lineage.builders import (
    forget,
    identifier,
    make_namespace,
    make_store,
    pseudonym,
    recorded,
)

EMAIL, CUSTOMER = "email", "customer"
ALICES, BOBS = f"{ALICE}@example.org", f"{BOB}@example.org"
NUMBERS = {ALICES: f"{ALICE}-4711", BOBS: f"{BOB}-4712"}


@pytest.fixture
def namespaces(db):
    make_namespace(EMAIL, kind=IdentifierKind.EMAIL)
    make_namespace(CUSTOMER)


@pytest.fixture
def stores(namespaces, settings, tmp_path):
    """One store knows people by their address, the other by their number only."""
    settings.COALESCE *= 0
    settings.LINKED_WAIT *= 0
    for name, people in ((EMAIL, [ALICES, BOBS]), (CUSTOMER, list(NUMBERS.values()))):
        (tmp_path / name).mkdir()
        table = pa.table({"who": people, "size": [1.0, 2.0]})
        pq.write_table(table, tmp_path / name / "part-0.parquet")
        make_store(tmp_path / name, name=name, columns={"who": name})
    return tmp_path


def people_in(stores, name):
    return pq.read_table(stores / name / "part-0.parquet")["who"].to_pylist()


def number(value, namespace=CUSTOMER):
    return RawIdentifier(namespace=namespace, value=value)


def address(value=ALICES):
    return RawIdentifier(namespace=EMAIL, value=value)


def pairs(*links):
    kinds = kinds_of_namespaces([EMAIL, CUSTOMER])
    return [pair_of(one, other, kinds=kinds) for one, other in links]


def link(*links):
    return actions.declare_links(pairs=pairs(*links), actor=INTAKE, now=MONDAY)


def looked_for(opened):
    rows = opened.request.identifiers.order_by("by_link", "namespace_id")
    return [(row.namespace_id, row.by_link) for row in rows]


# The core


def mark(number):
    return UUID(int=number)


LINKS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda p: p[0] != p[1]))


def walked(named, links, *, most=MOST_LINKED):
    def neighbours(marks):
        near: dict[UUID, set[UUID]] = {}
        for one, other in links:
            for here, there in ((one, other), (other, one)):
                if mark(here) in marks:
                    near.setdefault(mark(here), set()).add(mark(there))
        return near

    return reached([{mark(one) for one in each} for each in named], neighbours, most=most)


def groups_of(links):
    """Return everybody's group, found the plain way: unite until nothing changes."""
    group = {one: {one} for one in range(13)}
    for one, other in links:
        united = group[one] | group[other]
        for member in united:
            group[member] = united
    return group


@given(LINKS)
def test_links_hold_in_both_directions_and_through_others(links):
    group = groups_of(links)

    found = walked([{one} for one in range(13)], links)

    for one in range(13):
        assert found[one] == {mark(other) for other in group[one] - {one}}


@given(LINKS, st.sets(st.integers(0, 12), min_size=1), st.integers(0, 5))
def test_more_than_the_bound_adds_nothing(links, named, most):
    everybody = set().union(*(groups_of(links)[one] for one in named)) - named

    (found,) = walked([named], links, most=most)

    assert found == ({mark(one) for one in everybody} if len(everybody) <= most else None)


@given(LINKS, st.sets(st.integers(0, 12), min_size=1), st.integers(0, 12))
def test_whoever_is_left_out_leads_to_nobody(links, named, undone):
    named -= {undone}
    rest = [pair for pair in links if undone not in pair]
    everybody = set().union(*(groups_of(rest)[one] for one in named)) - named

    found = still_reached(
        {mark(one) for one in named},
        [(mark(one), mark(other)) for one, other in links],
        without=mark(undone),
    )

    assert found == {mark(one) for one in everybody}


# Declaring


def test_a_link_is_kept_once_and_says_nothing_of_anybody(namespaces):
    first = link((address(), number(NUMBERS[ALICES])))
    again = link((number(f" {NUMBERS[ALICES].upper()}"), address(ALICES.upper())))

    assert (first, again) == (LinkCount(added=1), LinkCount(known=1))
    assert Link.objects.count() == 1
    assert [entry["facts"]["added"] for entry in recorded("LinksDeclared")] == [1, 0]
    assert tables_naming(ALICE) == set()
    assert tables_naming(identifier(ALICES, EMAIL).digest.hex()) == set()
    linked = {"deletion_link", "deletion_linkedidentifier"}
    assert tables_naming(str(pseudonym(ALICES, EMAIL))) == linked


def test_a_link_given_twice_at_once_counts_once(namespaces):
    one = (address(), number(NUMBERS[ALICES]))

    assert link(one, one) == LinkCount(added=1, known=1)


def test_a_link_may_be_given_as_hashes(namespaces):
    hashed = HashedIdentifier(namespace=EMAIL, sha256=identifier(ALICES, EMAIL).digest.hex())
    link((hashed, number(NUMBERS[ALICES])))

    assert looked_for(make_request(address())) == [(EMAIL, False), (CUSTOMER, True)]


def test_nothing_is_kept_that_would_bring_a_forgotten_person_back(namespaces):
    forget(ALICES, EMAIL)

    count = link((address(), number(NUMBERS[ALICES])), (address(BOBS), number(NUMBERS[BOBS])))

    assert count == LinkCount(added=1, forgotten=1)
    assert tables_naming(str(pseudonym(NUMBERS[ALICES], CUSTOMER))) == set()
    assert tables_naming(str(pseudonym(NUMBERS[BOBS], CUSTOMER))) != set()


def test_a_link_that_is_taken_back_leaves_nothing_and_others_stay(namespaces):
    mine = (address(), number(NUMBERS[ALICES]))
    link(mine, (address(BOBS), number(NUMBERS[BOBS])))

    removed = actions.take_links_back(pairs=pairs(mine, mine), actor=INTAKE, now=MONDAY)

    assert removed == 1
    assert tables_naming(str(pseudonym(ALICES, EMAIL))) == set()
    assert LinkedIdentifier.objects.count() == 2
    assert looked_for(make_request(address())) == [(EMAIL, False)]
    assert recorded("LinksTakenBack")[0]["facts"] == {"removed": 1, "unknown": 1}


# A demand


def test_a_demand_by_address_erases_the_rows_under_the_number(stores):
    link((address(), number(NUMBERS[ALICES])), (address(BOBS), number(NUMBERS[BOBS])))
    assert people_in(stores, EMAIL) == [ALICES, BOBS]
    assert people_in(stores, CUSTOMER) == list(NUMBERS.values())
    opened = make_request(address(), now=right_now())
    mine = str(pseudonym(NUMBERS[ALICES], CUSTOMER))
    assert tables_naming(mine) >= {"deletion_linkedidentifier", "deletion_requestidentifier"}

    walk()

    assert (state(opened), outcomes(opened)) == (
        "complete",
        {EMAIL: "erased", CUSTOMER: "erased"},
    )
    assert people_in(stores, EMAIL) == [BOBS]
    assert people_in(stores, CUSTOMER) == [NUMBERS[BOBS]]
    assert tables_naming(mine) == tables_naming(str(pseudonym(ALICES, EMAIL))) == set()
    assert Link.objects.count() == 1  # the bystander's own
    assert not Pseudonym.objects.filter(value=mine).exists()


def test_without_the_link_the_number_is_not_looked_for(stores):
    opened = make_request(address(), now=right_now())

    walk()

    assert outcomes(opened) == {EMAIL: "erased"}
    assert people_in(stores, CUSTOMER) == list(NUMBERS.values())


def test_receipt_trail_and_certificate_tell_the_named_from_the_linked(stores):
    link((address(), number(NUMBERS[ALICES])))
    opened = make_request(address(), now=right_now())
    about = f"request/{opened.request.pk}"
    named = [one for _, one in opened.receipt.commitments]

    walk()

    assert [namespace for namespace, _ in opened.receipt.commitments] == [EMAIL]
    assert recorded("DeletionRequested")[0]["facts"]["commitments"] == named
    assert recorded("IdentifiersLinked")[0]["facts"] == {
        "request_id": str(opened.request.pk),
        "added": 1,
        "namespaces": [CUSTOMER],
    }
    assert events(about)[:2] == ["DeletionRequested", "IdentifiersLinked"]
    said = statement_of(Certificate.objects.get())["predicate"]
    assert (said["commitments"], said["linked"]) == (named, 1)
    assert said["namespaces"] == [CUSTOMER, EMAIL]


def test_who_is_forgotten_cannot_be_linked_again(stores):
    mine = (address(), number(NUMBERS[ALICES]))
    link(mine)
    make_request(address(), now=right_now())
    walk()

    assert actions.declare_links(pairs=pairs(mine), actor=INTAKE, now=right_now()) == LinkCount(
        forgotten=1
    )


def test_a_link_that_comes_late_is_told_on_the_request_that_does_not_follow_it(namespaces):
    opened = make_request(address())
    make_request(address(BOBS), key="k2")

    link((address(), number("one")), (number("two"), number("three")))

    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == (TOO_LATE, f"request/{opened.request.pk}")
    assert alert.detail["links"] == 1
    assert looked_for(opened) == [(EMAIL, False)]
    assert ALICES not in str(alert.detail)


def test_a_late_link_to_what_another_open_request_names_needs_nobody(namespaces):
    make_request(address())
    make_request(number("one"), key="k2")

    link((address(), number("one")))

    assert not Alert.objects.exists()


def test_a_late_link_to_a_request_that_has_ended_needs_nobody(namespaces):
    opened = make_request(address())
    actions.cancel(request_id=opened.request.pk, actor=OFFICER, now=MONDAY)

    link((address(), number("one")))

    assert not Alert.objects.exists()


def test_a_cancelled_request_leaves_the_links(namespaces):
    link((address(), number(NUMBERS[ALICES])))
    opened = make_request(address())

    actions.cancel(request_id=opened.request.pk, actor=OFFICER, now=MONDAY)

    assert looked_for(make_request(address(), key="k2")) == [(EMAIL, False), (CUSTOMER, True)]


def test_links_lead_through_others(namespaces):
    link((address(), number("one")), (number("one"), address("old@example.org")))

    assert looked_for(make_request(address())) == [
        (EMAIL, False),
        (CUSTOMER, True),
        (EMAIL, True),
    ]


@pytest.mark.parametrize("more", [0, 1])
def test_beyond_the_bound_nothing_is_added_and_somebody_is_asked(namespaces, more):
    link(*((address(), number(str(one))) for one in range(MOST_LINKED + more)))

    opened = make_request(address())

    assert len(looked_for(opened)) == 1 + (0 if more else MOST_LINKED)
    alerts = Alert.objects.filter(kind=TOO_MANY, about=f"request/{opened.request.pk}")
    assert alerts.count() == more


def test_a_crowd_behind_one_identifier_is_not_read(namespaces, django_assert_max_num_queries):
    link(*((address(), number(str(one))) for one in range(500)))

    with django_assert_max_num_queries(60):
        opened = make_request(number("7"))

    assert looked_for(opened) == [(CUSTOMER, False)]


def test_the_same_key_again_is_the_same_demand_though_it_is_linked_now(namespaces):
    first = make_request(address())
    link((address(), number(NUMBERS[ALICES])))

    again = make_request(address())

    assert again.request.pk == first.request.pk
    assert again.receipt == first.receipt
    assert looked_for(again) == [(EMAIL, False)]  # links count when a request is opened


def test_two_demands_of_one_person_under_different_identifiers_meet(namespaces):
    link((address(), number(NUMBERS[ALICES])))
    first = make_request(address(), key="k1")

    second = make_request(number(NUMBERS[ALICES]), key="k2")

    merged = DeletionRequest.objects.get(pk=second.request.pk)
    assert (merged.state, merged.behind_id) == ("merged", first.request.pk)
    assert [namespace for namespace, _ in second.receipt.commitments] == [CUSTOMER]


def test_lines_of_an_upload_are_linked_too_and_meet(namespaces):
    link((address(), number(NUMBERS[ALICES])))
    upload = actions.Upload(caller=INTAKE, key="u1")
    text = (
        "regime,verification,value:email,value:customer\n"
        f"gdpr,account-login,{ALICES},\n"
        f"gdpr,account-login,,{NUMBERS[ALICES]}\n"
        f"gdpr,account-login,{BOBS},\n"
    )

    started = actions.start_import(upload=upload, source="test", actor=INTAKE, now=MONDAY)
    answers = actions.import_requests(
        import_id=started,
        lines=lines_in([text.encode()], form=Form.CSV),
        upload=upload,
        actor=INTAKE,
        clock=lambda: MONDAY,
    )
    taken = [one for some in answers for one in some]

    first, second, third = (
        DeletionRequest.objects.get(pk=one.request_id) for one in taken if isinstance(one, Taken)
    )
    assert (first.state, second.state, third.state) == ("received", "merged", "received")
    assert (first.identifiers.count(), third.identifiers.count()) == (2, 1)
    assert "IdentifiersLinked" in events(f"request/{first.pk}")


# The command


def run(file, *more):
    said, complaints = StringIO(), StringIO()
    try:
        call_command(
            "link_identifiers",
            str(file),
            *("--namespaces", EMAIL, CUSTOMER),
            *more,
            stdout=said,
            stderr=complaints,
        )
        code = 0
    except CommandError as refusal:
        code = refusal.returncode
        complaints.write(str(refusal))
    return code, said.getvalue(), complaints.getvalue()


def test_the_command_reads_a_file_and_may_be_repeated(namespaces, tmp_path):
    file = tmp_path / "links.csv"
    file.write_text("".join(f"{one},{other}\n" for one, other in NUMBERS.items()) * 600)

    first, again = run(file), run(file)

    assert first[:2] == (0, "1200 lines: 2 added, 1198 known, 0 forgotten, 0 refused\n")
    assert again[:2] == (0, "1200 lines: 0 added, 1200 known, 0 forgotten, 0 refused\n")
    assert len(recorded("LinksDeclared")) == 4  # two chunks each


def test_the_command_names_bad_lines_by_number_alone(namespaces, tmp_path):
    file = tmp_path / "links.csv"
    file.write_text(f"{ALICES},{NUMBERS[ALICES]}\n{BOB},1\n{BOBS}\n\n{BOBS},{NUMBERS[BOBS]}\n")

    code, said, complaints = run(file)

    assert code == 3
    assert said == "4 lines: 2 added, 0 known, 0 forgotten, 2 refused\n"
    assert "line 2: " in complaints
    assert "line 3: " in complaints
    assert BOB not in complaints


def test_the_command_keeps_what_came_before_a_file_that_breaks_off(namespaces, tmp_path):
    file = tmp_path / "links.csv"
    file.write_bytes(f"{ALICES},{NUMBERS[ALICES]}\n".encode() + b"\xff\xff\n")

    code, said, complaints = run(file)

    assert (code, Link.objects.count()) == (4, 1)
    assert said == "1 lines: 1 added, 0 known, 0 forgotten, 0 refused\n"
    assert "line 2: not UTF-8" in complaints


def test_the_command_takes_links_back(namespaces, tmp_path):
    file = tmp_path / "links.csv"
    file.write_text(f"{ALICES},{NUMBERS[ALICES]}\n")
    run(file)

    assert run(file, "--take-back")[:2] == (0, "1 lines: 1 removed, 0 unknown, 0 refused\n")
    assert Link.objects.count() == 0


def test_the_command_begins_nothing_with_an_unknown_namespace(db, tmp_path):
    file = tmp_path / "links.csv"
    file.write_text(f"{ALICES},{NUMBERS[ALICES]}\n")

    code, said, complaints = run(file)

    assert (code, said) == (1, "")
    assert "NamespaceUnknown" in complaints
