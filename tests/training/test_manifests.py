import json
from dataclasses import replace
from datetime import timedelta

import pytest

from audits.statements import digest_of, open_envelope, sign
from tests.cast import MONDAY
from training.evidence import EvidenceClass
from training.manifests import (
    Promise,
    Served,
    ShardMade,
    SourceSaid,
    manifest_of,
    release_statement,
    stop_statement,
)
from training.moments import newest, sequence_at
from training.queries import model_signer

SERVED = Served(
    model="triage",
    purpose="to see who needs a bed",
    uses=["bed-planning"],
    fallback={"label": "well"},
)


def manifest():
    return manifest_of(
        run_id="1",
        model="triage",
        trainer="sharded-sklearn",
        revision="sharded-sklearn 1",
        parameters={"C": 1.0},
        label="label",
        plan={"features": {"size": "number"}, "order": ["size"], "hold_out": None},
        source=SourceSaid(
            kind="dataset version",
            name="patients",
            version="1",
            member_digest="d",
            parts={"part-0": "e"},
            shards=4,
            hold_out_permille=200,
        ),
        evidence=EvidenceClass.RETRAINED,
        shards=[ShardMade(shard=0, people=9, rows=9, seed=1, key="k", snapshot="s", reused=False)],
    )


PROMISE = Promise(
    version=3,
    artefact="1/versions/a.json",
    artefact_digest="ab" * 32,
    manifest=manifest(),
    metrics={"people": 45, "heuristic accuracy": 0.7},
    tested={"size": {"from": 9.0, "to": 16.0}},
    judged_at=MONDAY,
    released_at=MONDAY,
    qualified_until=MONDAY + timedelta(days=90),
    as_of=MONDAY,
    keep=timedelta(hours=1),
)


def test_a_manifest_says_how_a_version_was_made():
    said = manifest()

    assert json.loads(json.dumps(said)) == said
    assert said["initialised from"] == "nothing"
    assert said["threads"] == 1
    assert said["evidence"] == "retrained"
    assert said["source"]["parts"] == {"part-0": "e"}
    assert said["shards"][0]["snapshot"] == "s"
    assert said["features"] == {"size": "number"}


def test_a_release_is_signed_for_exactly_one_artefact():
    statement = release_statement(SERVED, PROMISE)

    signer = model_signer()
    opened = open_envelope(sign(statement, signer=signer), public_keys={"k": signer.public_key})

    assert opened["subject"] == [{"name": "triage@3", "digest": {"sha256": "ab" * 32}}]
    predicate = opened["predicate"]
    assert isinstance(predicate, dict)
    assert predicate["stop"] is False
    assert predicate["uses"] == ["to see who needs a bed", "bed-planning"]
    assert predicate["fallback"] == {"label": "well"}
    assert predicate["released_at"] == MONDAY.isoformat()


def test_a_release_says_for_how_long_and_on_which_inputs_it_was_measured():
    predicate = release_statement(SERVED, PROMISE)["predicate"]

    assert isinstance(predicate, dict)
    assert predicate["qualified_until"] == (MONDAY + timedelta(days=90)).isoformat()
    assert predicate["keep_seconds"] == 3600
    assert predicate["inputs"] == [{"name": "size", "kind": "number", "from": 9.0, "to": 16.0}]
    assert predicate["compat"]["api"] == "v1"
    assert predicate["compat"]["trainer"] == "sharded-sklearn 1"
    assert predicate["fallback_measured"] == {
        "at": MONDAY.isoformat(),
        "people": 45,
        "accuracy": 0.7,
    }


def test_a_fallback_that_is_not_declared_was_not_measured():
    nothing = replace(SERVED, fallback={})

    predicate = release_statement(nothing, PROMISE)["predicate"]

    assert isinstance(predicate, dict)
    assert predicate["fallback_measured"] is None


@pytest.mark.parametrize("later", [timedelta(microseconds=1), timedelta(days=400)])
def test_what_is_true_later_has_a_greater_number(later):
    assert sequence_at(MONDAY + later) > sequence_at(MONDAY)
    assert newest([MONDAY, None, MONDAY + later]) == MONDAY + later
    assert newest([None]) is None


def test_a_stop_names_what_answers_instead():
    statement = stop_statement(SERVED, why="a stop is down", since=MONDAY, as_of=MONDAY)

    assert statement["predicate"] == {
        "model": "triage",
        "stop": True,
        "sequence": sequence_at(MONDAY),
        "why": "a stop is down",
        "since": MONDAY.isoformat(),
        "fallback": {"label": "well"},
    }
    assert digest_of(sign(statement, signer=model_signer())) == digest_of(
        sign(
            stop_statement(SERVED, why="a stop is down", since=MONDAY, as_of=MONDAY),
            signer=model_signer(),
        )
    )
    unknown = stop_statement(SERVED, why="", since=None, as_of=None)["predicate"]
    assert isinstance(unknown, dict)
    assert unknown["since"] is None
