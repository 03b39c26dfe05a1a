"""The way through the officers' pages: what a role cannot open is not offered to it."""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from audits.models import Alert
from audits.pages.access import BUILDERS, DECIDERS, WATCHERS, may
from audits.permissions import Role
from deletion.models import Batch

Item = dict[str, Any]


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links that the account behind a request may follow."""

    def page(
        title: str, icon: str, view: str, roles: Collection[Role] = BUILDERS, *, badge: int = 0
    ) -> list[Item]:
        if not may(request, roles):
            return []
        item: Item = {"title": title, "icon": icon, "link": reverse(view)}
        return [{**item, "badge": str(badge)} if badge else item]

    def rows(title: str, icon: str, model: str, roles: Collection[Role] = BUILDERS) -> list[Item]:
        return page(title, icon, f"admin:{model}_changelist", roles)

    alerts = Alert.objects.filter(resolved_at=None).count()
    plans = Batch.objects.filter(approved_at=None, dissolved_at=None).count()
    found: list[tuple[str, list[list[Item]]]] = [
        (
            "",
            [
                page("Dashboard", "space_dashboard", "admin:index"),
                page(
                    "Alerts",
                    "notification_important",
                    "admin:audits_alert_changelist",
                    badge=alerts,
                ),
            ],
        ),
        (
            "Forgetting",
            [
                rows("Deletion requests", "person_remove", "deletion_deletionrequest", WATCHERS),
                page(
                    "Batches",
                    "fact_check",
                    "admin:deletion_batch_changelist",
                    WATCHERS,
                    badge=plans,
                ),
                rows("Runs", "play_circle", "deletion_run"),
                rows("Disgorgements", "gavel", "deletion_disgorgement", WATCHERS),
                rows("Imports", "upload_file", "deletion_import", WATCHERS),
                rows("Agents", "support_agent", "deletion_agent", WATCHERS),
                rows("Recipients", "forward_to_inbox", "deletion_recipient", WATCHERS),
                page("Where is a person?", "person_search", "where-is", DECIDERS),
            ],
        ),
        (
            "Models",
            [
                rows("Models", "model_training", "training_model"),
                rows("Model versions", "deployed_code", "training_modelversion"),
                rows("Trainings", "published_with_changes", "training_trainingrun"),
                rows("Stops", "front_hand", "training_stop"),
                rows("Attestations", "verified_user", "training_attestation"),
            ],
        ),
        (
            "Data",
            [
                rows("Training sets", "dataset", "lineage_datasetfamily"),
                rows("Dataset versions", "layers", "lineage_datasetversion"),
                rows("Gates", "rule", "training_gatedeclaration"),
                rows("Stores", "database", "lineage_store"),
                rows("Graph", "account_tree", "lineage_node"),
                rows("Identifiers", "fingerprint", "lineage_namespace"),
            ],
        ),
        (
            "Privacy",
            [
                rows("Budgets", "savings", "privacy_account"),
                rows("Releases", "blur_on", "privacy_release"),
                rows("Recipes", "receipt_long", "privacy_recipe"),
                rows("Shielding policies", "shield", "privacy_shieldpolicy"),
            ],
        ),
        (
            "Proof",
            [
                rows("Trail", "history_edu", "audits_leaf", WATCHERS),
                rows("Checkpoints", "verified", "audits_checkpoint", WATCHERS),
            ],
        ),
        ("Accounts", [rows("Accounts", "group", "auth_user", {Role.ADMINISTRATOR})]),
    ]
    return [
        {"title": title, "items": [item for items in offered for item in items]}
        for title, offered in found
        if any(offered)
    ]
