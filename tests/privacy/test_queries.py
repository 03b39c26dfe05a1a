from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lineage.graph import EdgeKind, NodeKind
from lineage.models import Node
from privacy import queries
from privacy.draws import Step
from privacy.errors import AccountUnknown, RecipeUnknown, ReleaseUnknown, SourceNotClear
from privacy.models import Recipe, Release
from privacy.shielding import Shield
from tests.cast import MONDAY
from tests.lineage.builders import make_dataset, make_family, make_node, make_store, write_people
from tests.privacy.builders import (
    CAP,
    COST,
    make_account,
    make_drawing,
    make_policy,
    make_recipe,
    make_release,
    make_reservation,
)

pytestmark = pytest.mark.django_db
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def version(tmp_path):
    version = make_dataset(tmp_path)
    make_account(version.family)
    return version


def shields(*nodes: Any, deletions: int = 1, now: datetime = TUESDAY) -> dict[int, Shield]:
    return queries.shields(node_ids=nodes, deletions=deletions, now=now)


def node_of(release: Release) -> int:
    assert release.node_id is not None
    return release.node_id


def test_an_account_shows_what_is_spent_and_what_is_left(version):
    make_reservation(version)

    state = queries.account_state(version.family_id)

    assert (state.family, state.unit) == ("patients", "patient_id")
    assert (state.cap_nano_rho, state.spent_nano_rho) == (CAP, COST)
    assert state.left_nano_rho == CAP - COST
    assert (state.epsilon_spent, state.delta) == (Decimal("2.141939"), Decimal("0.000001"))
    assert queries.account_states() == [state]


def test_a_family_without_an_account_is_refused(version):
    with pytest.raises(AccountUnknown):
        queries.account_state(0)


def test_a_recipe_is_found_by_name_and_revision_the_newest_by_default(version):
    first = make_recipe()
    second = make_recipe(budget={"nano_rho": COST + 2, "delta": 0.000001})

    def named(**said: Any) -> Recipe:
        terms = {"family": "patients", "name": "sizes-by-ward", **said}
        return queries.recipe_named(**terms)

    assert (named(), named(revision=1)) == (second, first)
    for unknown in ({"revision": 3}, {"name": "other"}, {"family": "others"}):
        with pytest.raises(RecipeUnknown):
            named(**unknown)
    assert queries.newest_recipes(1) == [second]


def test_a_release_is_found_in_any_state(version):
    release = make_reservation(version)

    assert queries.release_numbered(release.pk) == release
    assert queries.newest_releases(10) == [release]
    with pytest.raises(ReleaseUnknown):
        queries.release_numbered(uuid4())


def test_a_draw_knows_its_recipe_its_source_and_what_was_paid(version):
    release = make_reservation(version)

    draw = queries.draw_of(release.pk)

    assert (draw.recipe.name, draw.charged) == ("sizes-by-ward", COST)
    assert (draw.store_id, draw.version_id) == (version.family.store_id, version.pk)
    assert draw.digests == {part["name"]: part["digest"] for part in version.parts}
    assert draw.digests


def test_the_source_of_a_new_release_is_the_newest_version(version, tmp_path):
    write_people(tmp_path / "empty" / "part.parquet", ["somebody"])
    empty = make_family(make_store(tmp_path / "empty", name="unscanned"), name="unscanned")

    assert queries.newest_source(version.family_id) == version.pk
    with pytest.raises(SourceNotClear):
        queries.newest_source(empty.pk)


def test_what_waits_is_listed_with_what_has_to_be_done(version):
    reserved = make_reservation(version)
    drawing, _ = make_drawing(version, name="drawing")
    make_release(version, name="committed")

    def waiting(now: datetime) -> dict[UUID, Step]:
        return dict(queries.waiting(most_attempts=5, now=now))

    assert waiting(MONDAY) == {reserved.pk: Step.DRAW}
    assert waiting(TUESDAY) == {reserved.pk: Step.DRAW, drawing.pk: Step.FAIL}
    assert queries.waiting(most_attempts=0, now=MONDAY) == [(reserved.pk, Step.VOID)]


def test_a_release_within_policy_shields_by_its_node(version):
    release = make_release(version)
    assert shields(release.node_id) == {}

    policy = make_policy(version.family)

    shield = shields(release.node_id)[node_of(release)]
    assert (shield.policy, shield.approved_by) == (policy.name, policy.approved_by)
    assert (shield.epsilon, shield.delta) == (Decimal("2.141939"), Decimal("0.000001"))
    assert queries.newest_policies(10) == [policy]


def test_only_committed_releases_that_were_asked_about_shield(version):
    make_policy(version.family)
    release = make_release(version)
    other = make_release(version, name="other")
    make_drawing(version, name="drawing")

    assert set(shields(release.node_id, version.node_id, 10**9)) == {release.node_id}
    assert set(shields(release.node_id, other.node_id)) == {release.node_id, other.node_id}
    assert shields() == {}
    assert shields(version.node_id) == {}


def test_a_shield_ends_with_its_policy_and_with_too_many_deletions(version):
    release = make_release(version)
    make_policy(version.family)

    assert release.node_id in shields(release.node_id, deletions=10)
    assert shields(release.node_id, deletions=11) == {}
    assert shields(release.node_id, now=MONDAY + timedelta(days=30)) == {}


def model_behind(*releases: Release) -> Node:
    return make_node(
        NodeKind.MODEL_VERSION,
        f"model of {len(releases)}",
        sources=[(node_of(release), EdgeKind.TRAINED_ON) for release in releases],
    )


def test_a_model_behind_two_releases_is_bounded_by_their_sum(version):
    first, second = make_release(version), make_release(version, name="second")
    apart = make_release(version, name="apart")
    make_policy(version.family, max_epsilon=Decimal("2.5"))
    model_behind(first)
    nodes = (first.node_id, second.node_id, apart.node_id)
    assert set(shields(*nodes)) == set(nodes)

    model_behind(first, second)

    # Together they cost 0.2 rho: ε = 3.1, more than the policy allows.
    assert set(shields(*nodes)) == {apart.node_id}
    make_policy(version.family, name="wider", max_epsilon=Decimal("3.2"))
    assert {shield.policy for shield in shields(first.node_id, second.node_id).values()} == {
        "wider"
    }
    assert shields(first.node_id)[node_of(first)].epsilon > 3


def test_measuring_a_model_on_a_release_does_not_add_to_its_bound(version):
    first, second = make_release(version), make_release(version, name="second")
    make_policy(version.family, max_epsilon=Decimal("2.5"))

    make_node(
        NodeKind.MODEL_VERSION,
        "measured",
        sources=[
            (node_of(first), EdgeKind.TRAINED_ON),
            (node_of(second), EdgeKind.EVALUATED_ON),
        ],
    )

    assert set(shields(first.node_id, second.node_id)) == {first.node_id, second.node_id}
