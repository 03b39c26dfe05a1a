"""A browser that reports everything a page does wrong, and keeps pictures of what it saw."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

import pytest
from django.db import connections
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    ViewportSize,
    sync_playwright,
)

from tests.browser.story import PASSWORD

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}


@dataclass
class Visit:
    """One person at one browser, and everything that went wrong on their pages."""

    page: Page
    site: str
    pictures: Path
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site}{path}")

    def sign_in(self, name: str) -> None:
        self.open("/admin/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.site}/admin/")

    def sign_out(self) -> None:
        self.page.context.clear_cookies()

    def picture(self, name: str) -> None:
        """Keep what the page shows, in light and in dark."""
        self.page.screenshot(path=self.pictures / f"{name}-light.png", full_page=True)
        self.page.evaluate("document.documentElement.classList.add('dark')")
        self.page.screenshot(path=self.pictures / f"{name}-dark.png", full_page=True)
        self.page.evaluate("document.documentElement.classList.remove('dark')")

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type} on {self.page.url}: {message.text}")

    def asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme != "data" and f"{asked.scheme}://{asked.netloc}" != self.site:
            self.wrong.append(f"asked another origin: {request.url}")

    def answered(self, response: Response) -> None:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.wrong.append(f"{response.status} from {response.url}")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where pictures are kept: the folder that LETHE_SHOTS names, or one that goes away."""
    named = os.environ.get("LETHE_SHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visit(live_server, pictures, monkeypatch) -> Iterator[Visit]:
    """Open a browser window; at the end nothing may have gone wrong on any page.

    Playwright's loop runs in this thread from here to the end of the test, not longer: Django would
    refuse its database to every later test. The pages are served by another thread.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium: neither chromium, chromium-browser nor google-chrome is here")
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setenv("TMPDIR", gettempdir())  # Playwright looks for no other folder than /tmp
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        visit = _visit(browser, site=live_server.url, pictures=pictures)
        yield visit
        browser.close()
        # Beside a running loop Django opens a connection of its own, which nobody else would close.
        connections.close_all()
    assert visit.wrong == []


def _visit(browser: Browser, *, site: str, pictures: Path) -> Visit:
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    visit = Visit(page=page, site=site, pictures=pictures)
    page.on("console", visit.heard)
    page.on("pageerror", lambda error: visit.wrong.append(f"error on {page.url}: {error}"))
    page.on("request", visit.asked)
    page.on("response", visit.answered)
    return visit
