import io
import sys

import pytest
from django.core.management import CommandError, call_command
from typing_extensions import override

from lineage.graph import EdgeKind, NodeKind
from tests.cast import ALICE, BOB
from tests.lineage.builders import (
    PATIENT_ID,
    forget,
    make_family,
    make_node,
    make_store,
    make_version,
    recorded,
    scanned,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(monkeypatch, capsys):
    def ask(person: str, namespace: str = PATIENT_ID) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{person}\n"))
        call_command("where_is", namespace)
        printed: str = capsys.readouterr().out
        return printed.splitlines()

    return ask


@pytest.fixture
def family(tmp_path):
    return make_family(make_store(tmp_path))


def test_it_prints_where_a_person_is_and_what_they_reached(family, ask):
    first = make_version(family, scanned([ALICE, BOB]))
    make_version(family, scanned([BOB]))
    model = make_node(sources=[(first.node_id, EdgeKind.TRAINED_ON)])
    make_node(NodeKind.RECIPIENT, "hospital", sources=[(model.pk, EdgeKind.PASSED_TO)])
    shard = scanned([ALICE]).shards[0]

    assert ask(ALICE.upper()) == [
        f"patients (store patients): shard {shard}, from version 1 to 1",
        "tainted: model version triage 1 (trained on patients 1)",
        "reached: recipient hospital 1 (trained on patients 1, passed to triage 1)",
    ]
    (entry,) = recorded("PersonLookedUp")
    assert entry["actor"] == "command:where_is"


def test_it_says_who_is_held_out(tmp_path, ask):
    family = make_family(make_store(tmp_path), hold_out_permille=999)
    make_version(family, scanned([ALICE], hold_out_permille=999))

    assert ask(ALICE) == ["patients (store patients): held out, since version 1"]


def test_it_says_what_it_cannot_know(family, tmp_path, ask):
    make_version(family, scanned([BOB]))
    make_store(tmp_path / "visits", name="visits")
    forget(ALICE)

    assert ask(ALICE) == [
        "in no training set that was scanned",
        "forgotten: on the suppression list",
        "unknown: store visits keeps no index of people; a deletion searches it",
    ]


def test_a_namespace_nobody_declared_and_an_empty_input_are_refused(ask):
    with pytest.raises(CommandError, match="NamespaceUnknown"):
        ask(ALICE, "phone")
    with pytest.raises(CommandError, match="no identifier"):
        ask("")
    with pytest.raises(CommandError, match="one identifier at a time") as said:
        ask(f"{ALICE}\n\n{BOB}")

    assert ALICE not in str(said.value)
    assert not recorded("PersonLookedUp")


def test_a_refusal_does_not_repeat_the_identifier(family, ask):
    with pytest.raises(CommandError, match="IdentifierMalformed") as said:
        ask(f"{ALICE}\x07")

    assert ALICE not in str(said.value)


def test_at_a_terminal_the_identifier_is_asked_for_without_echo(family, monkeypatch, capsys):
    class Terminal(io.StringIO):
        @override
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("lineage.management.stdin.getpass", lambda _: ALICE)
    make_version(family, scanned([ALICE]))

    call_command("where_is", PATIENT_ID)

    assert "since version 1" in capsys.readouterr().out
