"""Which content a page may load: our own, and inline code in the skin of the admin only."""

from typing import Final

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase
from typing_extensions import override

STRICT: Final = {
    "default-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "object-src": [NONE],
}
RELAXED: Final = {
    # The skin of the admin compiles its templates in the browser (Alpine) and styles inline.
    "/admin/": {
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
    },
    # The page that shows the API has one inline style sheet and icons in data URLs.
    "/api/v1/docs/": {"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]},
}


class ContentPolicy(CSPMiddleware):
    """Adds what one part of the site needs to the strict policy of all."""

    @override
    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        for prefix, extra in RELAXED.items():
            if request.path_info.startswith(prefix):
                parts.replace = {**extra, **(parts.replace or {})}
        return parts
