from django.urls import path

from privacy.api.views import OneRelease, PrivacyAccounts, Recipes, Releases, ShieldPolicies

urlpatterns = [
    path("privacy/accounts", PrivacyAccounts.as_view()),
    path("privacy/recipes", Recipes.as_view()),
    path("privacy/releases", Releases.as_view()),
    path("privacy/releases/<uuid:release_id>", OneRelease.as_view()),
    path("privacy/policies", ShieldPolicies.as_view()),
]
