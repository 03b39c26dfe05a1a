"""Authorised agents are declared, shown and disabled where administrators look."""

import pytest
from django.urls import reverse

from audits.permissions import Role
from deletion.models import Agent
from lineage.identifiers import IdentifierKind
from tests.admin.test_buttons import press
from tests.admin.test_recipients import said
from tests.deletion.agent import BUSINESS, Signer
from tests.lineage.builders import make_namespace

pytestmark = pytest.mark.django_db

AGENTS = "/admin/deletion/agent/"
ADDRESS = "alice.canary@example.org"


def test_an_administrator_declares_disables_and_enables_and_officers_see_it(
    as_role, officer, settings
):
    settings.DRP_BUSINESS_ID = BUSINESS
    make_namespace("email", kind=IdentifierKind.EMAIL)
    make_namespace("phone", kind=IdentifierKind.TEXT)
    signer = Signer("CR")
    declaration = {
        "agent": "CR",
        "name": "Consumer Reports",
        "public_key": signer.key.public_key().public_bytes_raw().hex(),
        "email_namespace": "email",
        "phone_namespace": "",
        "regime": "ccpa",
    }
    page = reverse("admin:deletion_agent_declare")
    admin = as_role(Role.ADMINISTRATOR)
    assert "No agent is declared" in said(officer, AGENTS)

    assert officer.get(page).status_code == 403
    (refused,) = press(admin, page, **declaration | {"public_key": "00" * 32})
    assert refused.startswith("Nothing was changed. The declaration of an authorised agent")
    assert press(admin, page, **declaration) == ["CR is declared."]

    row = Agent.objects.get()
    shown = f"{AGENTS}{row.pk}/change/"
    assert "has no token" in said(officer, shown)
    signer.set_up()
    asked = signer.ask(ADDRESS, agent__request__id="req-1").json()
    assert "listened to" in said(officer, shown)
    assert asked["request_id"] in said(officer, shown)
    assert "req-1" in said(officer, shown)
    request_page = f"/admin/deletion/deletionrequest/{asked['request_id']}/change/"
    assert "agent:CR" in said(officer, request_page)
    assert "signed-agent" in said(officer, request_page)
    assert "canary" not in said(officer, shown) + said(officer, request_page)
    disable = reverse("admin:deletion_agent_disable", args=[row.pk])
    assert press(admin, disable, reason="stolen") == ["Nothing is taken from it any more."]
    assert "stolen" in said(officer, shown)
    enable = reverse("admin:deletion_agent_enable", args=[row.pk])
    assert press(admin, enable) == ["It is listened to again."]
    settings.DRP_BUSINESS_ID = ""
    assert "not listened to" in said(officer, AGENTS)
