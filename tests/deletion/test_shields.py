"""Retraining that a shield deferred: warned of before the shield ends, due when it has."""

from datetime import timedelta

import pytest

from audits.models import Alert
from config.traces import tables_naming
from deletion import actions, tasks
from deletion.models import Deferral
from lineage.graph import EdgeKind
from privacy.actions import register_recipe, reserve
from privacy.tasks import draw
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    events,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    train_off,
    walk,
)
from tests.lineage.builders import make_node, pseudonym
from tests.privacy.builders import make_account, make_declaration, make_policy
from tests.training.builders import make_model, make_patients, train, version_of
from training.actions import stop
from training.models import ModelVersion, TrainingRun

pytestmark = pytest.mark.django_db

LASTS = timedelta(days=30)


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def recipe(tmp_path):
    """A recipe on a training set that holds ALICE and BOB, with an account to draw from."""
    version = make_patients(tmp_path)
    make_account(version.family)
    return register_recipe(
        declaration=make_declaration(
            keys={"column": "label", "values": ["ill", "well"], "provenance": "codebook"},
            values=[{"column": "size", "bounds": [0, 20], "step": 1, "provenance": "codebook"}],
        ),
        actor=OFFICER,
        now=MONDAY,
    )


@pytest.fixture
def model(recipe):
    """A model behind a shielding release; ALICE was in it and her request is complete."""
    drawn(recipe)
    found = make_model(recipe.family, name="anonymised", trainer="release-centroids")
    train(found)
    make_policy(recipe.family, expires_at=right_now() + LASTS)
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "anonymised": "shielded"}
    return found


def drawn(recipe):
    """Draw a release from the newest version of the training set."""
    newest = recipe.family.versions.latest("seq")
    release = reserve(
        recipe_id=recipe.pk, dataset_version_id=newest.pk, actor=OFFICER, now=right_now()
    )
    draw(str(release.pk))
    release.refresh_from_db()
    return release


def watch(later=timedelta(0)):
    """Look at the shields as the task does, so much later."""
    now = right_now() + later
    due = actions.follow_shields(notice=timedelta(days=14), actor=tasks.WARDEN, now=now)
    for model_id in due:
        actions.retrain_unshielded(model_id=model_id, actor=tasks.WARDEN, now=now)
    return due


def alerts():
    return [
        (alert.kind, alert.about) for alert in Alert.objects.filter(resolved_at=None).order_by("pk")
    ]


def test_while_a_shield_holds_nothing_is_due_and_nobody_is_asked(model):
    assert Deferral.objects.count() == 1

    assert watch() == []

    assert alerts() == []
    assert Deferral.objects.get().ended_at is None
    assert TrainingRun.objects.count() == 1


def test_a_deferral_names_nobody(model):
    assert Deferral.objects.exists()
    assert tables_naming(ALICE) == tables_naming(str(pseudonym(ALICE))) == set()
    assert tables_naming(str(pseudonym(BOB))) == {"lineage_pseudonym"}


def test_people_are_warned_once_some_days_before_a_shield_ends(model):
    assert alerts() == []

    watch(timedelta(days=17))
    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("shield-ending", "model/anonymised")
    assert (alert.detail["policy"], alert.detail["people"]) == ("standard", 1)
    Alert.objects.update(resolved_at=right_now())
    watch(timedelta(days=18))

    assert Alert.objects.count() == 1


def test_when_a_shield_ends_people_are_alerted_once_with_model_policy_and_people(model):
    assert watch(LASTS - timedelta(hours=1)) == []
    assert alerts() == [("shield-ending", "model/anonymised")]

    assert watch(LASTS) == [model.pk]
    assert watch(LASTS) == [model.pk]

    assert alerts() == [("shield-ended", "model/anonymised")]
    alert = Alert.objects.get(kind="shield-ended")
    assert alert.detail["model"] == "anonymised"
    assert alert.detail["policy"] == "standard"
    assert alert.detail["people"] == 1
    assert events().count("ShieldEnded") == 1
    alert.resolved_at = right_now() + LASTS
    alert.save()
    watch(LASTS + timedelta(days=1))
    assert alerts() == []


def test_a_model_whose_only_source_is_the_release_of_these_people_is_not_forced_into_it(model):
    watch(LASTS)

    assert "draw the release anew" in str(Alert.objects.get(kind="shield-ended").detail["todo"])
    assert not TrainingRun.objects.filter(forced=True).exists()
    assert version_of(model, 1).state == "released"


def test_what_was_deferred_is_trained_again_from_a_release_without_these_people(model, recipe):
    drawn(recipe)
    assert version_of(model, 1).state == "released"

    assert watch(LASTS) == [model.pk]
    assert watch(LASTS) == [model.pk]
    run = TrainingRun.objects.get(forced=True)
    assert run.reason == "shield ended: policy standard"
    assert run.source.release.dataset_version.state == "clear"
    train_off()

    assert version_of(model, 1).state == "destroyed"
    assert version_of(model, 2).state == "released"
    assert alerts() == [("shield-ended", "model/anonymised")]
    assert watch(LASTS) == []
    assert alerts() == []
    assert Alert.objects.get(kind="shield-ended").resolution == (
        "no version that was made with them is left"
    )
    assert TrainingRun.objects.filter(forced=True).count() == 1


def test_a_release_drawn_anew_after_the_end_makes_the_training_begin(model, recipe):
    watch(LASTS)
    assert not TrainingRun.objects.filter(forced=True).exists()

    drawn(recipe)
    watch(LASTS)

    assert TrainingRun.objects.filter(forced=True).exists()


def test_a_renewed_policy_answers_the_alert(model):
    watch(LASTS)
    assert alerts() == [("shield-ended", "model/anonymised")]

    make_policy(model.family, name="renewed", expires_at=right_now() + 3 * LASTS)
    assert watch(LASTS) == []

    assert alerts() == []
    assert Alert.objects.get(kind="shield-ended").resolution == "a policy shields it"
    assert (Deferral.objects.get().policy, Deferral.objects.get().ended_at) == ("renewed", None)
    assert events().count("ShieldRenewed") == 1
    watch(LASTS)
    assert events().count("ShieldRenewed") == 1
    watch(4 * LASTS)
    assert [alert.detail["policy"] for alert in Alert.objects.filter(resolved_at=None)] == [
        "renewed"
    ]


def test_a_retired_model_answers_the_alert(model):
    watch(LASTS)
    assert alerts() != []

    ModelVersion.objects.update(state="destroyed")
    assert watch(LASTS) == []

    assert alerts() == []


def test_a_shield_ends_as_well_when_too_many_people_rely_on_it(model):
    assert watch() == []

    model.family.shield_policies.update(max_deletions=0)

    assert watch() == [model.pk]
    assert alerts() == [("shield-ended", "model/anonymised")]


def test_a_stop_keeps_the_training_from_beginning_and_the_alert_open(model, recipe):
    drawn(recipe)
    stop(scope="model/anonymised", reason="a doubt", actor=OFFICER, now=right_now())

    watch(LASTS)

    assert alerts() == [("shield-ended", "model/anonymised")]
    assert not TrainingRun.objects.filter(forced=True).exists()


def test_a_training_that_failed_for_good_is_asked_for_again_a_day_later(model, recipe):
    drawn(recipe)
    watch(LASTS)
    TrainingRun.objects.filter(forced=True).update(state="failed", finished_at=right_now() + LASTS)

    watch(LASTS)
    assert TrainingRun.objects.filter(forced=True).count() == 1
    watch(LASTS + timedelta(days=2))
    assert TrainingRun.objects.filter(forced=True).count() == 2


def test_another_tools_model_behind_the_shield_is_alerted_and_left_to_its_maker(model, recipe):
    release = recipe.releases.get()
    make_node(name="elsewhere", sources=[(release.node_id, EdgeKind.TRAINED_ON)])

    assert watch(LASTS) == [model.pk]

    assert alerts() == [
        ("shield-ended", "model/anonymised"),
        ("shield-ended", "model/elsewhere 1"),
    ]
    alert = Alert.objects.get(about="model/elsewhere 1")
    assert "whoever did must retrain or retire it" in str(alert.detail["todo"])


def test_the_task_looks_at_the_shields_and_has_the_model_trained(model, recipe):
    drawn(recipe)
    model.family.shield_policies.update(
        approved_at=right_now() - 2 * LASTS, expires_at=right_now() - timedelta(hours=1)
    )

    tasks.watch_shields()

    assert alerts() == [("shield-ended", "model/anonymised")]
    assert TrainingRun.objects.filter(forced=True).exists()


def test_where_nobody_was_deferred_there_is_nothing_to_do(db):
    assert watch() == []
    assert alerts() == []
