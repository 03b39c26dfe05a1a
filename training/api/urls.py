from django.urls import path

from training.api.views import (
    Attestations,
    Gates,
    Models,
    OneModel,
    ServedRelease,
    StopLift,
    StopProposal,
    Stops,
    TrainingRuns,
)

urlpatterns = [
    path("attestations", Attestations.as_view()),
    path("datasets/<str:family>/gates", Gates.as_view()),
    path("models", Models.as_view()),
    path("models/<str:name>", OneModel.as_view()),
    path("models/<str:name>/release", ServedRelease.as_view()),
    path("models/<str:name>/runs", TrainingRuns.as_view()),
    path("stops", Stops.as_view()),
    path("stops/<path:scope>/proposal", StopProposal.as_view()),
    path("stops/<path:scope>/lift", StopLift.as_view()),
]
