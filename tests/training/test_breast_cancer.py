"""Real people: the 569 patients of the study that scikit-learn ships, end to end."""

import pytest

from config.demo.patients import write_patients
from lineage.queries import member_shards
from lineage.sharding import HOLD_OUT
from privacy import actions as privacy
from privacy import tasks as privacy_tasks
from privacy.queries import release_numbered
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import forget, make_family, make_store, make_version, pseudonym
from tests.privacy.builders import example_declaration, make_account
from tests.training.builders import artefact_folder, make_model, remove, train, version_of
from training import artefacts, queries
from training.states import RunState
from training.trainers import trainer_named

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(tmp_path):
    """Return the written study and its family: 8 shards, one person in five held out."""
    patients = write_patients(tmp_path / "patients")
    family = make_family(
        make_store(patients.folder, name="breast-cancer"),
        name="breast-cancer",
        label="diagnosis",
        shards=8,
        hold_out_permille=200,
    )
    make_version(family)
    return patients, family


def accuracy_of(summary):
    """Return how often the new version was right about the held-out people."""
    accuracy = summary.metrics["challenger accuracy"]
    assert isinstance(accuracy, float)
    return accuracy


@pytest.mark.parametrize(
    "parameters",
    [{"estimator": "logistic-regression"}, {"estimator": "hist-gradient-boosting", "max_iter": 60}],
    ids=lambda said: said["estimator"],
)
def test_eight_shards_recognise_nine_of_ten_patients_that_they_never_saw(study, parameters):
    _, family = study
    model = make_model(family, parameters=parameters, margin_permille=50)

    summary = train(model)

    assert summary.state is RunState.SUCCEEDED
    assert summary.shards_total == 8
    assert accuracy_of(summary) >= 0.9
    assert version_of(model, 1).metrics["accuracy by class"].keys() == {"benign", "malignant"}


def test_three_patients_leave_and_the_model_is_as_good(study):
    patients, family = study
    model = make_model(family, margin_permille=50, fallback={"label": "benign"})
    train(model)
    trained_on = version_of(model, 1).dataset_version
    assert trained_on
    shards = member_shards(version_id=trained_on.pk)
    leaving = [who for who in patients.identifiers if shards[pseudonym(who)] != HOLD_OUT][:3]
    hit = {shards[pseudonym(who)] for who in leaving}
    for who in leaving:
        remove(who, patients.folder)
    make_version(family)
    for who in leaving:
        forget(who)

    summary = train(model, forced=True)

    assert summary.state is RunState.SUCCEEDED, summary.reason
    assert summary.shards_hit == len(hit)
    assert accuracy_of(summary) >= 0.9
    assert version_of(model, 1).state == "destroyed"


def test_a_model_of_an_anonymised_release_sees_no_row(study):
    _, family = study
    make_account(family)
    recipe = privacy.register_recipe(declaration=example_declaration(), actor=OFFICER, now=MONDAY)
    version = queries.origin_of(_newest(family)).dataset
    release = privacy.reserve(
        recipe_id=recipe.pk, dataset_version_id=version.pk, actor=OFFICER, now=MONDAY
    )
    privacy_tasks.draw(str(release.pk))
    node = release_numbered(release.pk).node
    assert node
    model = make_model(family, name="anonymised", trainer="release-centroids", margin_permille=50)

    summary = train(model)

    assert summary.state is RunState.SUCCEEDED, summary.reason
    assert accuracy_of(summary) >= 0.85
    made = version_of(model, 1)
    assert made.dataset_version is None
    assert queries.newest_source(model.pk) == node.pk
    assert made.manifest["source"]["kind"] == "anonymised release"
    data = artefacts.load(artefact_folder(), made.artefact, digest=made.artefact_digest)
    assert len(data) < 2000  # two means of six columns
    assert trainer_named("release-centroids").load(data).features[0].name == "mean_concave_points"


def _newest(family):
    return family.versions.latest("seq").node_id
