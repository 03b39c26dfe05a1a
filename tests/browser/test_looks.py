"""The officers' pages in a real browser: usable, quiet, and looked at as pictures."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW
from tests.browser.story import make_staff, tell_everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_officer_sees_at_a_glance_what_is_late_and_what_waits(visit, tmp_path):
    told = tell_everything(tmp_path, make_staff())

    visit.open("/admin/")
    visit.picture("login")
    visit.sign_in("clara")

    expect(visit.page.get_by_role("heading", name="What is late")).to_be_visible()
    visit.picture("dashboard")
    visit.page.set_viewport_size(NARROW)
    visit.picture("dashboard-narrow")
    visit.page.set_viewport_size({"width": 1280, "height": 900})
    pages = {
        "requests": "/admin/deletion/deletionrequest/",
        **{
            f"request-{what.replace(' ', '-')}": f"/admin/deletion/deletionrequest/{one.pk}/change/"
            for what, one in told.items()
        },
        "plans": "/admin/deletion/batch/",
        "runs": "/admin/deletion/run/",
        "alerts": "/admin/audits/alert/",
        "trail": "/admin/audits/leaf/",
        "models": "/admin/training/model/",
        "versions": "/admin/training/modelversion/",
        "stops": "/admin/training/stop/",
        "families": "/admin/lineage/datasetfamily/",
        "dataset-versions": "/admin/lineage/datasetversion/",
        "graph": "/admin/lineage/node/",
        "budgets": "/admin/privacy/account/",
        "releases": "/admin/privacy/release/",
        "policies": "/admin/privacy/shieldpolicy/",
    }
    for name, path in pages.items():
        visit.open(path)
        expect(visit.page.locator("#main")).to_be_visible()
        visit.picture(name)
