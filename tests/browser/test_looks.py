"""The officers' pages in a real browser: usable, quiet, readable, and looked at as pictures."""

from pathlib import Path

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import expect

from audits.pages.records import ReadOnlyAdmin
from tests.browser.conftest import NARROW, WIDE
from tests.browser.story import make_staff, tell_everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FAINT = Path(__file__).with_name("faint.js").read_text()


def addresses(told):
    """Return every list, and a page of a row of each."""
    found = {
        f"request-{what.replace(' ', '-')}": f"/admin/deletion/deletionrequest/{one.pk}/change/"
        for what, one in told.items()
    }
    for shown in admin.site._registry.values():  # noqa: SLF001  # Django has no other list
        if isinstance(shown, ReadOnlyAdmin):
            name = f"{shown.opts.app_label}_{shown.opts.model_name}"
            found[f"{name}-list"] = reverse(f"admin:{name}_changelist")
            row = shown.model._default_manager.first()
            assert row is not None, name
            found[f"{name}-page"] = reverse(f"admin:{name}_change", args=[row.pk])
    return found


def faint_texts(page):
    """Return the texts that are too faint, in light and in dark."""
    light = page.evaluate(FAINT)
    page.evaluate("document.documentElement.classList.add('dark')")
    dark = page.evaluate(FAINT)
    page.evaluate("document.documentElement.classList.remove('dark')")
    return [*light, *(f"in the dark, {text}" for text in dark)]


def overflow(page):
    """Return what makes a page wider than its window."""
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
        [...document.querySelectorAll("#main *")]
            .filter((one) => !one.closest(".lt-scroll, .lt-chart-scroll, [data-simplebar]"))
            .filter((one) => one.getBoundingClientRect().right > window.innerWidth)
            .map((one) => `${one.tagName} ${one.className}: ${one.textContent.trim().slice(0, 40)}`)
        """
    )


def test_every_page_is_readable_in_light_and_dark_wide_and_narrow(visit, tmp_path):
    told = tell_everything(tmp_path, make_staff())
    visit.open("/admin/")
    visit.picture("login")
    visit.sign_in("clara")
    expect(visit.page.get_by_role("heading", name="What is late")).to_be_visible()
    wrong = {}

    for name, path in {"dashboard": "/admin/", **addresses(told)}.items():
        visit.open(path)
        expect(visit.page.locator("#main")).to_be_visible()
        visit.picture(name)
        faint = faint_texts(visit.page)
        visit.page.set_viewport_size(NARROW)
        too_wide = overflow(visit.page)
        if name in {"dashboard", "request-working", "deletion_deletionrequest-list"}:
            visit.picture(f"{name}-narrow")
        visit.page.set_viewport_size(WIDE)
        if faint or too_wide:
            wrong[name] = (faint, too_wide)

    assert wrong == {}
