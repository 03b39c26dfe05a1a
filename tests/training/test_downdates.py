"""A model of sums, over the whole road: what is left is the model of everybody else."""

import pytest

from lineage.sharding import Shard
from tests.cast import ALICE
from tests.lineage.builders import forget, make_version
from tests.training.builders import (
    artefact_folder,
    files_holding,
    make_model,
    make_patients,
    remove,
    train,
    version_of,
)
from training import artefacts, queries
from training.fitting import read_shard
from training.models import Snapshot
from training.plans import planned_features
from training.states import RunState
from training.trainers import trainer_named
from training.trainers.additive import minus, plus

pytestmark = pytest.mark.django_db

WARD = "isolation-canary-5d"
WARDS = {"ward": [WARD, *(["north", "south"] * 79), "north"]}


def held(row, name):
    digest = row.artefact_digest if name == "artefact" else row.digest
    return artefacts.load(artefact_folder(), getattr(row, name), digest=digest)


@pytest.mark.parametrize("estimator", ["naive-bayes", "ridge"])
def test_to_forget_is_to_subtract(tmp_path, estimator):
    family = make_patients(tmp_path / "patients", changes=WARDS).family
    model = make_model(
        family, trainer="exact-statistics", parameters={"estimator": estimator}, margin_permille=900
    )
    assert train(model).state is RunState.SUCCEEDED
    first = version_of(model, 1)
    assert first.evidence_class == "retrained"
    whole = held(first, "artefact")
    assert WARD.encode() in whole
    before = {one.shard: held(one, "file") for one in first.snapshots.all()}
    remove(ALICE, tmp_path / "patients")
    make_version(family)
    forget(ALICE)

    summary = train(model, forced=True)

    second = version_of(model, 2)
    assert (summary.state, summary.shards_hit) == (RunState.SUCCEEDED, 1)
    assert second.evidence_class == summary.evidence["evidence class"] == "exact downdate"
    fitted = second.snapshots.exclude(pk__in=first.snapshots.all()).get()
    without = held(fitted, "file")
    # What her shard had added, but for what it adds without her, is what she had added.
    hers = minus(before[fitted.shard], without)
    assert WARD.encode() in hers
    assert held(second, "artefact") == minus(whole, hers)
    assert held(second, "artefact") == all_at_once(model, second)
    assert files_holding(WARD) == set()
    assert Snapshot.objects.exclude(destroyed_at=None).count() == 1


def all_at_once(model, version):
    """Return the artefact of a training that reads everybody who is left, and keeps nothing."""
    run, trainer = version.run, trainer_named(model.trainer)
    source = queries.source_of(queries.origin_of(run.source_id).dataset)
    return plus(
        *(
            trainer.fit_shard(
                read_shard(source, planned_features(run.plan), shard).data,
                parameters=model.parameters,
                seed=0,
            )
            for shard in map(Shard, range(4))
        )
    )
