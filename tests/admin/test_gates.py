"""An engineer declares gates on the pages, and sees there what holds."""

import pytest
from django.urls import reverse

from audits.permissions import Role
from tests.admin.test_buttons import press
from tests.lineage.builders import make_dataset
from training.models import GateDeclaration

pytestmark = pytest.mark.django_db


def said(client, page):
    return " ".join(client.get(page).content.decode().split())


def test_an_engineer_declares_gates_and_an_officer_only_looks(officer, as_role, tmp_path):
    make_dataset(tmp_path)
    page = reverse("admin:training_gatedeclaration_declare")
    rules = '{"drift": {"most": 0.3}, "columns": {"size": {"least": 0}}}'

    assert officer.get(page).status_code == 403
    engineer = as_role(Role.ENGINEER)
    wrong = engineer.post(page, {"family": "patients", "rules": '{"drift": {"most": 0}}'})
    assert "drift.most: a number from 0.01 to 100" in wrong.content.decode()
    (unknown,) = press(engineer, page, family="none", rules="{}")
    assert unknown.startswith("Nothing was changed.")
    assert press(engineer, page, family="patients", rules="{}") == [
        "Declaration 1 holds for patients."
    ]
    assert press(engineer, page, family="patients", rules=rules) == [
        "Declaration 2 holds for patients."
    ]

    old, new = GateDeclaration.objects.order_by("number")
    shown = said(officer, reverse("admin:training_gatedeclaration_change", args=[new.pk]))
    assert "in force" in shown
    assert "most 0.3" in shown
    assert "least 0" in shown
    assert "replaced" in said(
        officer, reverse("admin:training_gatedeclaration_change", args=[old.pk])
    )
