"""A person of a base model: what was fine-tuned and distilled from it forgets them after it."""

import pytest

from deletion.models import Certificate, Obligation
from lineage.graph import NodeKind
from lineage.queries import reach_of, resolve
from tests.cast import ALICE, MONDAY
from tests.deletion.builders import (
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    statement_of,
    walk,
)
from tests.lineage.builders import pseudonym
from tests.training.builders import (
    MANY,
    artefact_files,
    artefact_folder,
    make_model,
    make_patients,
    make_trained_model,
    train,
    version_of,
)
from training.descent import Descent
from training.models import TrainingRun
from training.states import RunState, VersionState

pytestmark = pytest.mark.django_db

OTHERS = [f"guest-{number:03}" for number in range(160)]


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def base(tmp_path):
    return make_trained_model(tmp_path / "patients", name="base", parameters={"estimator": "sgd"})


@pytest.fixture
def tuned(base, tmp_path):
    """A model of other people, that went on from the base's weights."""
    guests = make_patients(tmp_path / "guests", OTHERS, name="guests").family
    model = make_model(
        guests,
        name="tuned",
        parameters={"estimator": "sgd"},
        parent=(Descent.FINE_TUNED, "base"),
    )
    assert train(model).state is RunState.SUCCEEDED
    return model


@pytest.fixture
def small(tuned):
    """A model that has learned what the tuned one answers."""
    model = make_model(
        tuned.family,
        name="small",
        parameters={"estimator": "naive-bayes"},
        parent=(Descent.DISTILLED, "tuned"),
    )
    assert train(model).state is RunState.SUCCEEDED
    return model


def reached(person):
    """Return the versions that somebody reaches, by the names of their models."""
    found = reach_of(resolve([pseudonym(person)]).values())
    return {
        (node.name, node.version)
        for node in found.graph.nodes.values()
        if node.kind is NodeKind.MODEL_VERSION and node.id in found.tainted()
    }


def test_a_person_of_the_base_leaves_all_three_in_order_with_one_certificate(base, tuned, small):
    chain = (base, tuned, small)
    artefacts = [artefact_folder() / version_of(model, 1).artefact for model in chain]
    assert all(path.exists() for path in artefacts)
    stays = next(person for person in MANY[2:] if reached(person))
    assert reached(ALICE) == reached(stays) == {("base", "1"), ("tuned", "1"), ("small", "1")}
    opened = make_request(raw(ALICE), now=right_now())

    walk(rounds=20)

    assert state(opened) == "complete"
    retrained = dict.fromkeys(("base", "tuned", "small"), "retrained")
    assert outcomes(opened) == {"patients": "erased", "guests": "absent", **retrained}
    (certificate,) = Certificate.objects.all()
    targets = [ending["target"] for ending in statement_of(certificate)["predicate"]["targets"]]
    assert {f"model/{name}" for name in retrained} <= {*targets}
    moments = []
    for model in chain:
        ended = Obligation.objects.get(model=model).discharged_at
        moments += [TrainingRun.objects.get(model=model, forced=True).created_at, ended or MONDAY]
    assert moments == sorted(moments)
    for model in chain:
        assert version_of(model, 1).state == VersionState.DESTROYED
        assert version_of(model, 2).state == VersionState.RELEASED
    assert not any(path.exists() for path in artefacts)
    assert reached(stays) >= {("base", "2"), ("tuned", "2"), ("small", "2")}
    assert version_of(tuned, 2).manifest["initialised from"] == {
        "how": "fine-tuned from",
        "model": "base",
        "version": 2,
        "artefact": version_of(base, 2).artefact_digest,
    }


def test_where_nothing_of_the_base_is_left_its_children_are_retired(base, tuned, small):
    base.margin_permille = 1  # no hold-out of this size can show so little
    base.save()
    opened = make_request(raw(ALICE), now=right_now())

    walk(rounds=20)

    assert state(opened) == "complete"
    assert {outcomes(opened)[name] for name in ("base", "tuned", "small")} == {"retired"}
    for model in (base, tuned, small):
        assert version_of(model, 1).state == VersionState.DESTROYED
        assert artefact_files(model) == set()
