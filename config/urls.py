"""Every address of the service, in one place."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from audits.permissions import Role, any_of
from config import health, tokens, well_known
from config.metrics import Metrics
from lineage.admin import where_is

anybody_known = [any_of(*Role)]

api: list[URLPattern | URLResolver] = [
    path("", include("audits.api.urls")),
    path("", include("lineage.api.urls")),
    path("", include("privacy.api.urls")),
    path("", include("training.api.urls")),
    path("", include("deletion.api.urls")),
    path("tokens", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/current", tokens.CurrentToken.as_view(), name="current-token"),
    path(
        "schema/",
        SpectacularAPIView.as_view(
            permission_classes=anybody_known,
            renderer_classes=[OpenApiJsonRenderer2, OpenApiYamlRenderer2],
        ),
        name="schema",
    ),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(permission_classes=anybody_known, url_name="schema"),
        name="docs",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path(".well-known/webhook-keys", well_known.webhook_keys, name="webhook-keys"),
    path("api/v1/", include(api)),
    path("drp/v1/", include("deletion.api.drp")),
    path("admin/lineage/where-is/", admin.site.admin_view(where_is), name="where-is"),
    path("admin/", admin.site.urls),
]

handler400 = "config.api_errors.bad_request"
handler404 = "config.api_errors.not_found"
handler500 = "config.api_errors.server_error"
