"""How the officers' pages look."""

from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static

_TEAL: Final = {
    "50": "#f0fdfa",
    "100": "#ccfbf1",
    "200": "#99f6e4",
    "300": "#5eead4",
    "400": "#2dd4bf",
    "500": "#14b8a6",
    "600": "#0f766e",  # one step darker than usual: white text on it reads at 5.5 to 1
    "700": "#115e59",
    "800": "#134e4a",
    "900": "#0f3f3c",
    "950": "#042f2e",
}


def _style(_request: HttpRequest) -> str:
    return static("lethe/officers.css")


def _script(_request: HttpRequest) -> str:
    return static("lethe/officers.js")


def _icon(_request: HttpRequest) -> str:
    return static("lethe/favicon.svg")


LOOK: Final[dict[str, Any]] = {
    "SITE_TITLE": "Lethe",
    "SITE_HEADER": "Lethe",
    "SITE_SUBHEADER": "Forgetting on time, with proof",
    "SITE_URL": None,
    "SITE_ICON": _icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": _TEAL},
    "STYLES": [_style],
    "SCRIPTS": [_script],
    "DASHBOARD_CALLBACK": "config.dashboard.fill",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "config.navigation.groups",
    },
}
