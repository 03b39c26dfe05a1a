from datetime import timedelta
from uuid import UUID

import pytest

from lineage.models import DatasetVersion
from privacy import actions as privacy
from privacy.models import Release
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import forget, make_node, make_version
from tests.privacy.builders import make_account, make_drawing, make_release
from tests.training.builders import (
    make_model,
    make_patients,
    make_trained_model,
    remove,
    start,
    train,
    version_of,
)
from training import queries, tasks
from training.errors import DataRefused, RunUnknown
from training.states import RunState

pytestmark = pytest.mark.django_db

BY_LABEL = {
    "keys": {"column": "label", "values": ["ill", "well"], "provenance": "codebook"},
    "values": [{"column": "size", "bounds": [0, 30], "step": 1, "provenance": "codebook"}],
}


@pytest.fixture
def version(tmp_path):
    return make_patients(tmp_path / "patients")


def commit(version, *, name="by-label", **changes):
    """Commit a release by label whose result is made up."""
    release, token = make_drawing(version, name=name, **BY_LABEL | changes)
    return privacy.commit_release(
        release_id=release.pk,
        token=token,
        result={
            "counts": {"ill": 50, "well": 70},
            "sums": {"size": {"ill": 760.0, "well": 720.0}},
            "means": {},
            "bounds": {"size": [0.0, 30.0]},
        },
        actor=OFFICER,
        now=MONDAY,
    )


def test_the_newest_clear_version_is_trained_on(version, tmp_path):
    model = make_model(version.family)
    assert queries.newest_source(model.pk) == version.node_id
    remove(ALICE, tmp_path / "patients")
    newest = make_version(version.family)

    assert queries.newest_source(model.pk) == newest.node_id


def test_a_quarantined_version_is_not_trained_on(version, tmp_path):
    model = make_model(version.family)
    remove(ALICE, tmp_path / "patients")
    newest = make_version(version.family)
    DatasetVersion.objects.filter(pk=newest.pk).update(state="quarantined")
    DatasetVersion.objects.filter(pk=version.pk).update(state="clear")

    assert queries.newest_source(model.pk) == version.node_id


def test_where_nothing_is_clear_the_gates_say_why(version):
    model = make_model(version.family)
    forget(ALICE)
    quarantined = make_version(version.family)
    assert quarantined.state == "quarantined"

    summary = train(model)

    assert queries.newest_source(model.pk) == quarantined.node_id
    assert summary.state is RunState.REFUSED
    assert summary.reason == "source: this is version 2 of patients, which is quarantined"


def test_a_release_of_the_right_question_is_trained_on(version):
    model = make_model(version.family, trainer="release-centroids")
    make_account(version.family)
    by_label = commit(version)
    make_release(version)  # grouped by ward: newer, and of no use

    assert queries.newest_source(model.pk) == by_label.node_id


def test_a_release_of_a_clear_version_is_preferred(version, tmp_path):
    model = make_model(version.family, trainer="release-centroids")
    make_account(version.family)
    old = commit(version)
    remove(ALICE, tmp_path / "patients")
    assert queries.newest_source(model.pk) == old.node_id
    new = commit(make_version(version.family))
    Release.objects.filter(pk=old.pk).update(finished_at=MONDAY + timedelta(days=1))

    assert queries.newest_source(model.pk) == new.node_id


def test_a_release_drawn_from_replaced_data_makes_no_new_model(version, tmp_path):
    model = make_model(version.family, trainer="release-centroids")
    make_account(version.family)
    commit(version)
    remove(ALICE, tmp_path / "patients")
    make_version(version.family)

    summary = train(model)

    assert summary.state is RunState.REFUSED
    assert "the release was drawn from version 1 of patients, which is superseded" in summary.reason


def test_a_release_that_changed_its_question_is_refused_by_a_gate(version):
    model = make_model(version.family, trainer="release-centroids", features=["size"])
    make_account(version.family)
    release = commit(version)
    run_id = start(model)
    Release.objects.filter(pk=release.pk).update(result={"counts": {"ill": 1, "well": 1}})

    assert tasks.drive(run_id) is RunState.REFUSED
    assert "no sum of size" in queries.run_summary(run_id).reason


def test_a_model_of_a_release_is_measured_on_the_newest_hold_out(version):
    model = make_model(version.family, trainer="release-centroids")
    make_account(version.family)
    commit(version)

    summary = train(model)

    assert summary.state is RunState.SUCCEEDED, summary.reason
    assert summary.metrics["people"] == 45
    assert (summary.shards_hit, summary.shards_total) == (1, 1)


def test_the_hold_out_of_a_release_is_that_of_a_clear_version(version, tmp_path):
    make_account(version.family)
    release = commit(version)
    origin = queries.origin_of(release.node_id)
    assert queries.evaluation_of(origin) == version
    remove(ALICE, tmp_path / "patients")
    newest = make_version(version.family)

    assert queries.evaluation_of(queries.origin_of(release.node_id)) == newest
    DatasetVersion.objects.update(state="quarantined")
    assert queries.evaluation_of(queries.origin_of(release.node_id)) == version


def test_without_any_source_there_is_nothing_to_train_on(version):
    model = make_model(version.family, trainer="release-centroids")

    with pytest.raises(DataRefused, match="nothing to train triage on in patients"):
        queries.newest_source(model.pk)
    with pytest.raises(DataRefused):
        queries.origin_of(make_node().pk)


def test_a_run_or_fit_that_is_not_there_is_unknown():
    with pytest.raises(RunUnknown):
        queries.run_summary(UUID(int=0))
    with pytest.raises(RunUnknown):
        queries.fit_numbered(0)
    assert queries.fitted_run(0) is None


def test_evidence_holds_digests_and_counts_only(tmp_path):
    model = make_trained_model(tmp_path)
    summary = queries.runs_of(model.pk, newest=5)[0]

    assert summary.evidence == {
        "source": "dataset version patients 1",
        "gates": dict.fromkeys(
            [
                *("source", "source missing", "features", "unexpected input"),
                *("duplicates", "missing values"),
            ],
            True,
        ),
        "artefact": version_of(model, 1).artefact_digest,
        "qualified": True,
        "evidence class": "retrained",
        "versions destroyed": [],
        "snapshots destroyed": 0,
    }
