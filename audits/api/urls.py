from django.urls import path

from audits.api.views import (
    AlertResolution,
    Alerts,
    RequestReportCsv,
    RequestReportJson,
    RequestReportPdf,
    TrailCheckpoint,
)

urlpatterns = [
    path("reports/requests.json", RequestReportJson.as_view()),
    path("reports/requests.csv", RequestReportCsv.as_view()),
    path("reports/requests.pdf", RequestReportPdf.as_view()),
    path("trail/checkpoint", TrailCheckpoint.as_view()),
    path("alerts", Alerts.as_view()),
    path("alerts/<int:alert_id>/resolve", AlertResolution.as_view()),
]
