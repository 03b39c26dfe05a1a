from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from audits.notes import NoteKey
from audits.statements import Signer, sign, statement_of
from tests.cast import MONDAY
from tests.training.test_manifests import PROMISE, SERVED
from training.manifests import release_statement, stop_statement, withdrawals_statement
from training.verifier import (
    admit,
    checking,
    read_statement,
    read_withdrawals,
    refusals,
    remember,
)

ARTEFACT = b"the weights"
SIGNER = Signer(name="lethe.example/models", seed=b"\x01" * 32)
STRANGER = Signer(name="elsewhere/models", seed=b"\x02" * 32)
INPUTS = {"size": "number"}
RELEASED = replace(PROMISE, artefact_digest=sha256(ARTEFACT).hexdigest())
LATER = MONDAY + timedelta(minutes=1)


def key_of(signer):
    return NoteKey(name=signer.name, public_key=signer.public_key)


def released(signer=SIGNER, **changes):
    return sign(release_statement(SERVED, replace(RELEASED, **changes)), signer=signer)


def stopped(at=LATER):
    said = stop_statement(SERVED, why="a stop is down", since=at, as_of=at)
    return sign(said, signer=SIGNER)


def read(envelope, model="triage"):
    return read_statement(envelope, keys=[key_of(SIGNER)], model=model)


def verify(envelope, artefact=ARTEFACT, *, before=None, confirmed_at=LATER, now=LATER, **said):
    statement = read(envelope)
    memory = remember(before, statement, confirmed_at=confirmed_at)
    asked = {"use": "bed-planning", "inputs": INPUTS} | said
    admit(statement, artefact, memory=memory, now=now, **asked)


def changed(envelope, before, after):
    payload = b64decode(envelope["payload"]).replace(before, after)
    assert payload != b64decode(envelope["payload"])
    return envelope | {"payload": b64encode(payload).decode()}


def test_what_is_signed_qualified_and_known_is_allowed():
    verify(released())
    verify(released(), use="to see who needs a bed")


def test_what_nobody_signed_is_refused():
    with pytest.raises(refusals.Unsigned):
        verify(released() | {"signatures": []})


def test_what_a_stranger_signed_is_refused():
    with pytest.raises(refusals.WrongKey):
        verify(released(STRANGER))


@pytest.mark.parametrize(
    "tampered",
    [
        changed(released(), b'"version":3', b'"version":4'),
        released() | {"payloadType": "text/plain"},
        released()
        | {"signatures": released(STRANGER)["signatures"] + released()["signatures"]}
        | {"payload": released(version=9)["payload"]},
        sign(
            statement_of(
                subjects={"a": "b"},
                predicate_type=checking.RELEASE_TYPE,
                predicate={"model": "triage", "stop": False, "qualified_until": "2026-01-01"},
            ),
            signer=SIGNER,
        ),
    ],
)
def test_a_statement_that_was_changed_is_refused(tampered):
    with pytest.raises(refusals.StatementTampered):
        verify(tampered)


def test_an_artefact_that_was_changed_is_refused():
    with pytest.raises(refusals.ArtefactTampered, match="version 3"):
        verify(released(), ARTEFACT + b"!")


def test_a_statement_about_another_model_is_refused():
    with pytest.raises(refusals.OtherModel):
        read(released(), model="beds")


def test_what_does_not_say_until_when_it_is_qualified_is_refused():
    before = {"model": "triage", "version": 1, "stop": False, "uses": [], "fallback": {}}
    old = statement_of(
        subjects={"triage@1": "ab"}, predicate_type=checking.RELEASE_TYPE, predicate=before
    )
    envelope = sign(old, signer=SIGNER)

    assert read(envelope).version == 1  # it can still be read
    with pytest.raises(refusals.Unqualified):
        verify(envelope)
    other = statement_of(subjects={"a": "b"}, predicate_type="x", predicate={"model": "triage"})
    with pytest.raises(refusals.Unqualified):
        verify(sign(other, signer=SIGNER))


def test_what_is_not_qualified_any_more_is_refused():
    until = RELEASED.qualified_until
    second = timedelta(seconds=1)

    verify(released(), confirmed_at=until - second, now=until - second)
    with pytest.raises(refusals.Expired):
        verify(released(), confirmed_at=until, now=until)


def test_who_cannot_reach_lethe_goes_on_for_a_while_and_then_falls_back():
    kept = RELEASED.keep

    verify(released(), confirmed_at=LATER, now=LATER + kept)
    with pytest.raises(refusals.Unconfirmed):
        verify(released(), confirmed_at=LATER, now=LATER + kept + timedelta(seconds=1))
    with pytest.raises(refusals.Unconfirmed):  # a clock that was set back proves nothing
        verify(released(), confirmed_at=LATER, now=LATER - timedelta(seconds=1))


def test_what_is_stopped_or_withdrawn_is_refused():
    with pytest.raises(refusals.Withdrawn, match="a stop is down"):
        verify(stopped())
    gone = sign(
        withdrawals_statement(SERVED, {3: RELEASED.artefact_digest}, as_of=LATER), signer=SIGNER
    )

    withdrawn = read_withdrawals(gone, keys=[key_of(SIGNER)], model="triage")

    with pytest.raises(refusals.Withdrawn, match="version 3 is on the list"):
        verify(released(), withdrawn=withdrawn)
    verify(released(), withdrawn=frozenset({"another"}))


@pytest.mark.parametrize(
    ("envelope", "refusal"),
    [
        (released(), refusals.StatementTampered),
        (
            sign(withdrawals_statement(SERVED, {}, as_of=None), signer=STRANGER),
            refusals.WrongKey,
        ),
        (
            sign(
                withdrawals_statement(replace(SERVED, model="beds"), {}, as_of=None),
                signer=SIGNER,
            ),
            refusals.OtherModel,
        ),
        (
            sign(
                statement_of(
                    subjects={"a": "b"},
                    predicate_type=checking.WITHDRAWALS_TYPE,
                    predicate={"model": "triage", "withdrawn": [1]},
                ),
                signer=SIGNER,
            ),
            refusals.StatementTampered,
        ),
    ],
)
def test_a_list_of_withdrawals_is_believed_only_if_it_is_one(envelope, refusal):
    with pytest.raises(refusal):
        read_withdrawals(envelope, keys=[key_of(SIGNER)], model="triage")


def test_a_statement_older_than_one_that_was_seen_is_refused():
    seen = remember(None, read(stopped()), confirmed_at=LATER)

    with pytest.raises(refusals.RolledBack):
        verify(released(), before=seen)
    with pytest.raises(refusals.RolledBack):
        admit(read(released()), ARTEFACT, memory=seen, use="bed-planning", inputs=INPUTS, now=LATER)
    verify(released(as_of=LATER + timedelta(seconds=1)), before=seen)


def test_another_use_than_the_declared_ones_is_refused():
    with pytest.raises(refusals.OtherUse, match="to see who needs a bed, bed-planning"):
        verify(released(), use="to rank staff")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "size is missing"),
        ({"size": "text"}, "size is a text, not a number"),
        ({"size": "number", "age": "number"}, "age is unknown to it"),
    ],
)
def test_other_inputs_than_it_was_trained_with_are_refused(inputs, said):
    with pytest.raises(refusals.IncompatibleInputs, match=said):
        verify(released(), inputs=inputs)


def test_every_reason_has_a_name_and_an_explanation_of_its_own():
    found = [one for one in vars(refusals).values() if isinstance(one, type)]
    classes = [one for one in found if issubclass(one, refusals.Refused)]

    assert len({one.name for one in classes}) == len(classes) == 13
    assert len({one.__doc__ for one in classes}) == len(classes)


def test_the_types_are_those_that_are_signed():
    said = [
        release_statement(SERVED, RELEASED),
        stop_statement(SERVED, why="", since=None, as_of=None),
    ]
    said.append(withdrawals_statement(SERVED, {}, as_of=None))

    assert [one["predicateType"] for one in said] == [
        checking.RELEASE_TYPE,
        checking.STOP_TYPE,
        checking.WITHDRAWALS_TYPE,
    ]
