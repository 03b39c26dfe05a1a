from django.urls import path

from lineage.api.views import (
    Datasets,
    DatasetVersions,
    Downstream,
    Namespaces,
    Stores,
    SuppressionLifts,
    VersionsOfDataset,
    WhereIs,
)

urlpatterns = [
    path("namespaces", Namespaces.as_view()),
    path("stores", Stores.as_view()),
    path("datasets", Datasets.as_view()),
    path("datasets/<str:family>/versions", VersionsOfDataset.as_view()),
    path("dataset-versions", DatasetVersions.as_view()),
    path("lineage/where-is", WhereIs.as_view()),
    path("suppression/lifts", SuppressionLifts.as_view()),
    path("lineage/nodes/<int:node_id>/downstream", Downstream.as_view()),
]
