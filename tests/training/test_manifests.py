import json

from audits.statements import digest_of, open_envelope, sign
from tests.cast import MONDAY
from training.evidence import EvidenceClass
from training.manifests import (
    Served,
    ShardMade,
    SourceSaid,
    manifest_of,
    release_statement,
    stop_statement,
)
from training.queries import model_signer

SERVED = Served(model="triage", purpose="to see who needs a bed", fallback={"label": "well"})


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
    statement = release_statement(
        SERVED,
        version=3,
        artefact="1/versions/a.json",
        artefact_digest="ab" * 32,
        manifest=manifest(),
        metrics={"people": 45},
        features=["size"],
        released_at=MONDAY,
    )

    signer = model_signer()
    opened = open_envelope(sign(statement, signer=signer), public_keys={"k": signer.public_key})

    assert opened["subject"] == [{"name": "triage@3", "digest": {"sha256": "ab" * 32}}]
    predicate = opened["predicate"]
    assert isinstance(predicate, dict)
    assert predicate["stop"] is False
    assert predicate["uses"] == ["to see who needs a bed"]
    assert predicate["fallback"] == {"label": "well"}
    assert predicate["released_at"] == MONDAY.isoformat()


def test_a_stop_names_what_answers_instead():
    statement = stop_statement(SERVED, why="a stop is down", since=MONDAY)

    assert statement["predicate"] == {
        "model": "triage",
        "stop": True,
        "why": "a stop is down",
        "since": MONDAY.isoformat(),
        "fallback": {"label": "well"},
    }
    assert digest_of(sign(statement, signer=model_signer())) == digest_of(
        sign(stop_statement(SERVED, why="a stop is down", since=MONDAY), signer=model_signer())
    )
    unknown = stop_statement(SERVED, why="", since=None)["predicate"]
    assert isinstance(unknown, dict)
    assert unknown["since"] is None
