from django.urls import path

from training.api.roll_backs import RollBacks
from training.api.views import (
    Attestations,
    Cancellation,
    Gates,
    Models,
    OneModel,
    OneTrainingRun,
    ServedRelease,
    StopLift,
    StopProposal,
    Stops,
    TrainingRuns,
    Withdrawals,
)
from training.api.work import Input, Output, Result

urlpatterns = [
    path("attestations", Attestations.as_view()),
    path("datasets/<str:family>/gates", Gates.as_view()),
    path("models", Models.as_view()),
    path("models/<str:name>", OneModel.as_view()),
    path("models/<str:name>/release", ServedRelease.as_view()),
    path("models/<str:name>/withdrawals", Withdrawals.as_view()),
    path("models/<str:name>/roll-backs", RollBacks.as_view()),
    path("models/<str:name>/runs", TrainingRuns.as_view()),
    path("training-runs/<uuid:run_id>", OneTrainingRun.as_view()),
    path("training-runs/<uuid:run_id>/cancellation", Cancellation.as_view()),
    path(
        "training-runs/<uuid:run_id>/inputs/<str:name>", Input.as_view(), name="training-run-input"
    ),
    path("training-runs/<uuid:run_id>/output", Output.as_view(), name="training-run-output"),
    path("training-runs/<uuid:run_id>/result", Result.as_view(), name="training-run-result"),
    path("stops", Stops.as_view()),
    path("stops/<path:scope>/proposal", StopProposal.as_view()),
    path("stops/<path:scope>/lift", StopLift.as_view()),
]
