"""What each column of each table says about people. A test demands that every field is here.

PERSONAL says something about a person, or may: in the clear, encrypted, or in an officer's words.
TAG      points to a person only for whoever holds a key, or together with a PERSONAL row.
PLAIN    says nothing about a person.
"""

from collections.abc import Mapping
from typing import Final

PERSONAL: Final = "personal"
TAG: Final = "tag"
PLAIN: Final = "plain"

LEASE: Final = (
    "lease_owner lease_until leased_at fencing_token attempts leases_lost not_before last_error"
)

CLASSIFIED: Final[Mapping[str, Mapping[str, str]]] = {
    "admin.LogEntry": {
        PERSONAL: "object_repr change_message",
        PLAIN: "id action_time user content_type object_id action_flag",
    },
    "audits.Alert": {
        PERSONAL: "resolution",
        PLAIN: "id kind about detail raised_at resolved_at resolved_by",
    },
    "audits.Checkpoint": {PLAIN: "size root note sealed_at"},
    "audits.Leaf": {TAG: "entry", PLAIN: "index recorded_at about event leaf_hash"},
    "audits.OutboxEntry": {TAG: "entry", PLAIN: "id recorded_at about event"},
    "audits.Tile": {PLAIN: "id level index hashes"},
    "auth.Group": {PLAIN: "id name"},
    "auth.Group_permissions": {PLAIN: "id group permission"},
    "auth.Permission": {PLAIN: "id name content_type codename"},
    "auth.User": {  # officers and machines, never the people who are forgotten
        PERSONAL: "username first_name last_name email password last_login date_joined",
        PLAIN: "id is_superuser is_staff is_active",
    },
    "auth.User_groups": {PLAIN: "id user group"},
    "auth.User_user_permissions": {PLAIN: "id user permission"},
    "contenttypes.ContentType": {PLAIN: "id app_label model"},
    "deletion.Agent": {
        PLAIN: (
            "id code name public_key email_namespace phone_namespace regime declared_by declared_at"
            " disabled_because disabled_at token_digest token_until set_up_at"
        ),
    },
    "deletion.Batch": {
        TAG: "plan",
        PLAIN: "id digest planned_at approved_at approved_by dissolved_at looked_at",
    },
    "deletion.Callback": {PLAIN: "id telling at answer hearing digest"},
    "deletion.Certificate": {TAG: "envelope", PLAIN: "id request digest issued_at"},
    "deletion.Deferral": {PLAIN: "id request release policy ended_at"},
    "deletion.DeletionRequest": {
        TAG: "idempotency_tag body_tag wrapped_key",
        PLAIN: (
            "id regime state received_at acknowledge_by erase_by models_by paused_since erased_at"
            " completed_at cancelled_at denied_at caller verification verified_at batch looked_at"
            " behind"
        ),
    },
    "deletion.Denial": {
        PLAIN: "id request article reason told_at in_time denied_by denied_at",
    },
    "deletion.EmailCheck": {
        PERSONAL: "sealed_address",
        TAG: "code_tag",
        PLAIN: (
            "id request expires_at wanted_at not_before failures codes code_made_at tries_left"
        ),
    },
    "deletion.Disgorgement": {
        PLAIN: (
            "id named_by name order reason state plan digest due_at proposed_by proposed_at"
            " decided_by decided_at carried_out_at envelope statement_digest"
        ),
    },
    "deletion.Delivery": {PLAIN: "id telling number at status trouble"},
    "deletion.Evidence": {PLAIN: "id telling name digest attached_by attached_at"},
    "deletion.Extension": {
        PLAIN: (
            "id request article reason told_at extended_by extended_at erase_by_before"
            " models_by_before"
        ),
    },
    "deletion.Found": {TAG: "request", PLAIN: "id part"},
    "deletion.Hold": {
        PERSONAL: "reason",
        PLAIN: "id request article placed_by placed_at released_by released_at",
    },
    "deletion.Import": {
        TAG: "upload_tag",
        PLAIN: (
            "id source started_by started_at last_at accepted known refused ended_at broken_because"
        ),
    },
    "deletion.Link": {TAG: "one other", PLAIN: "id linked_by linked_at"},
    "deletion.LinkedIdentifier": {
        PERSONAL: "sealed_digest",
        TAG: "pseudonym",
        PLAIN: "namespace",
    },
    "deletion.Obligation": {
        PLAIN: "id batch kind store model recipient because created_at due_at run discharged_at",
    },
    "deletion.Obligation_after": {PLAIN: "id from_obligation to_obligation"},
    "deletion.OrderNotice": {PLAIN: f"{LEASE} id disgorgement recipient item accepted_at"},
    "deletion.Pause": {
        PLAIN: (
            "id request article reason asked_at alert_at paused_by paused_at answered_at ended_by"
            " ended_at"
        ),
    },
    "deletion.Recipient": {
        PLAIN: (
            "id name way url namespaces waits_for_answer callback_key declared_by"
            " declared_at disabled_because disabled_at test_asked_at tested_at test_status"
            " test_trouble"
        ),
    },
    "deletion.RequestIdentifier": {
        PERSONAL: "sealed_digest",
        TAG: "pseudonym",
        PLAIN: "id request namespace leads by_link",
    },
    "deletion.Run": {
        PLAIN: (
            f"{LEASE} id kind store model state because started_at finished_at replay_since"
            " training_run rounds listed evidence"
        ),
    },
    "deletion.RunPart": {PLAIN: f"{LEASE} id run name round digest step evidence finished_at"},
    "deletion.Share": {PLAIN: "id obligation request expected outcome note decided_at run"},
    "deletion.Testimony": {
        PLAIN: "id disgorgement item finding reason evidence_digest said_by said_at",
    },
    "deletion.SignedDemand": {
        TAG: "message_tag",
        PLAIN: "id request agent agent_request_id",
    },
    "deletion.Telling": {
        PLAIN: (
            f"{LEASE} id share status sent_at answer answered_at expected_at told_by told_at"
            " recorded_by proof_digest"
        ),
    },
    "knox.AuthToken": {PLAIN: "digest token_key user created expiry"},
    "lineage.DatasetFamily": {
        PLAIN: "id namespace name store id_column label shards hold_out_permille expected_parts"
        " retired_at",
    },
    "lineage.DatasetVersion": {
        TAG: "member_digest",
        PLAIN: "id family seq node state row_count member_count parts registered_at",
    },
    "lineage.Edge": {PLAIN: "id source target kind"},
    "lineage.IdentifierColumn": {PLAIN: "id store name namespace"},
    "lineage.Membership": {TAG: "subject", PLAIN: "id family shard from_seq to_seq"},
    "lineage.Namespace": {PLAIN: "name kind"},
    "lineage.Node": {PLAIN: "id kind name version registered_at"},
    "lineage.Pseudonym": {TAG: "value subject", PLAIN: "namespace key_id"},
    "lineage.Store": {PLAIN: "id name kind uri registered_at seen_gone_at"},
    "lineage.Subject": {TAG: "id"},
    "lineage.Suppression": {TAG: "tag", PLAIN: "namespace key_id suppressed_at expires_at"},
    "privacy.Account": {PLAIN: "id family unit cap_nano_rho spent_nano_rho"},
    "privacy.JournalEntry": {PLAIN: "id account release nano_rho at"},
    "privacy.Recipe": {PLAIN: "id name revision declaration digest family registered_at"},
    "privacy.Release": {
        PLAIN: (
            f"{LEASE} id recipe dataset_version state cost_nano_rho epsilon delta node result"
            " reserved_at finished_at"
        ),
    },
    "privacy.ShieldPolicy": {
        PLAIN: (
            "id name family max_epsilon max_delta max_deletions reason approved_by approved_at"
            " expires_at"
        ),
    },
    "sessions.Session": {PERSONAL: "session_data", PLAIN: "session_key expire_date"},
    "training.Attestation": {
        PLAIN: "id node reason evidence_class evidence_digest attested_by attested_at"
    },
    "training.GateDeclaration": {
        PLAIN: "id family number rules digest declared_by declared_at",
    },
    "training.GateVerdict": {PLAIN: "id run gate passed reason measured"},
    "training.Model": {
        PLAIN: (
            "id name purpose trainer parameters features family margin_permille fallback uses"
            " qualified_days pool parent descent registered_at"
        ),
    },
    "training.ModelRelease": {
        PLAIN: "id version envelope released_at qualified_until withdrawn_at"
    },
    "training.ModelVersion": {
        PLAIN: (
            "id model number node state dataset_version artefact artefact_digest manifest"
            " evidence_class metrics trained_at withdrawn_at doomed_at destroyed_at"
        ),
    },
    "training.OutsideJob": {
        TAG: "key watermark given said",
        PLAIN: (
            "id run number work version revision state handle spec_digest answer_digest progress"
            " misses error created_at due_at ended_at emptied_at cleared_at"
        ),
    },
    "training.Qualification": {
        PLAIN: "id version champion passed reason measured tested judged_at",
    },
    "training.RollBack": {PLAIN: "id version replaced reason decided_by decided_at"},
    "training.ShardFit": {PLAIN: f"{LEASE} id run shard slice key people rows snapshot reused"},
    "training.Snapshot": {
        PLAIN: "id model shard slice key file digest fitted_at seconds doomed_at destroyed_at",
    },
    "training.Snapshot_versions": {PLAIN: "id snapshot modelversion"},
    "training.Stop": {
        PLAIN: "id scope reason raised_by raised_at lift_proposed_by lifted_by lifted_at",
    },
    "training.TrainingRun": {
        PLAIN: (
            f"{LEASE} id model source state reason forced plan shards_total shards_hit created_at"
            " started_at finished_at version gates parent"
        ),
    },
}


def fields_of(kind: str) -> set[tuple[str, str]]:
    """Return the model and field names of one kind."""
    return {
        (model, field)
        for model, kinds in CLASSIFIED.items()
        for field in kinds.get(kind, "").split()
    }
