"""Every change of the deletion tables, one file a noun."""

from deletion.actions.agents import (
    accept_demand,
    declare_agent,
    disable_agent,
    enable_agent,
    revoke_demand,
    set_up_token,
)
from deletion.actions.batches import (
    approve_plan,
    ask_where,
    dissolve_plan,
    note_unchanged,
    plan_batch,
)
from deletion.actions.bulk import Upload, check_requests, import_requests, start_import
from deletion.actions.callbacks import take_callback
from deletion.actions.clocks import extend
from deletion.actions.completion import complete_request, complete_requests, note_waiting
from deletion.actions.deadlines import follow_dates, warn_of
from deletion.actions.deliveries import (
    claim_telling,
    telling_accepted,
    telling_answered,
    telling_failed,
    telling_impossible,
)
from deletion.actions.denials import deny
from deletion.actions.disgorgement import (
    approve_disgorgement,
    follow_disgorgement,
    note_places_gone,
    propose_disgorgement,
    refuse_disgorgement,
    testify,
)
from deletion.actions.evidence import attach_evidence
from deletion.actions.feasibility import follow_windows
from deletion.actions.hangs import HUNG, kill_closing, kill_part
from deletion.actions.holds import place_hold, release_hold
from deletion.actions.identity import (
    code_not_sent,
    confirm_code,
    follow_checks,
    make_code,
    want_code,
)
from deletion.actions.links import LinkCount, declare_links, take_links_back, undo_link
from deletion.actions.merging import take_turn, undo_merge
from deletion.actions.order_notices import claim_notice, notice_accepted, notice_failed
from deletion.actions.parts import (
    claim_part,
    drop_part,
    fail_part,
    finish_part,
    keep_part,
    record_step,
)
from deletion.actions.pauses import end_pause, follow_pauses, pause
from deletion.actions.pools import follow_pools
from deletion.actions.recipients import (
    ask_test,
    declare_recipient,
    disable_recipient,
    enable_recipient,
    record_test,
)
from deletion.actions.replays import start_replay
from deletion.actions.requests import Opened, cancel, request_deletion
from deletion.actions.retraining import start_retraining, watch_retraining
from deletion.actions.runs import (
    claim_run,
    fail_run,
    finish_erasure,
    keep_run,
    list_parts,
    retry_run,
)
from deletion.actions.shields import follow_shields, retrain_unshielded
from deletion.actions.starts import start_erasure
from deletion.actions.tellings import (
    ask_about_answers,
    ask_people,
    excuse,
    record_told,
    retry_telling,
)

__all__ = [
    "HUNG",
    "LinkCount",
    "Opened",
    "Upload",
    "accept_demand",
    "approve_disgorgement",
    "approve_plan",
    "ask_about_answers",
    "ask_people",
    "ask_test",
    "ask_where",
    "attach_evidence",
    "cancel",
    "check_requests",
    "claim_notice",
    "claim_part",
    "claim_run",
    "claim_telling",
    "code_not_sent",
    "complete_request",
    "complete_requests",
    "confirm_code",
    "declare_agent",
    "declare_links",
    "declare_recipient",
    "deny",
    "disable_agent",
    "disable_recipient",
    "dissolve_plan",
    "drop_part",
    "enable_agent",
    "enable_recipient",
    "end_pause",
    "excuse",
    "extend",
    "fail_part",
    "fail_run",
    "finish_erasure",
    "finish_part",
    "follow_checks",
    "follow_dates",
    "follow_disgorgement",
    "follow_pauses",
    "follow_pools",
    "follow_shields",
    "follow_windows",
    "import_requests",
    "keep_part",
    "keep_run",
    "kill_closing",
    "kill_part",
    "list_parts",
    "make_code",
    "note_places_gone",
    "note_unchanged",
    "note_waiting",
    "notice_accepted",
    "notice_failed",
    "pause",
    "place_hold",
    "plan_batch",
    "propose_disgorgement",
    "record_step",
    "record_test",
    "record_told",
    "refuse_disgorgement",
    "release_hold",
    "request_deletion",
    "retrain_unshielded",
    "retry_run",
    "retry_telling",
    "revoke_demand",
    "set_up_token",
    "start_erasure",
    "start_import",
    "start_replay",
    "start_retraining",
    "take_callback",
    "take_links_back",
    "take_turn",
    "telling_accepted",
    "telling_answered",
    "telling_failed",
    "telling_impossible",
    "testify",
    "undo_link",
    "undo_merge",
    "want_code",
    "warn_of",
    "watch_retraining",
]
