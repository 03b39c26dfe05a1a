"""What the rows, the trail, the stores, Redis and the logs say afterwards.

python -m benchmarks.survival.verdict < what_happened.json

It reads what the callers know, looks at everything, and prints one JSON object. Only here Django is
set up, with the settings of the service that is judged.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import django

django.setup()

from django.conf import settings  # noqa: E402  # Django must be set up first
from django.contrib.auth import get_user_model  # noqa: E402  # likewise
from django.db.models import Max, Sum  # noqa: E402  # likewise

from audits.merkle import Hash, hash_leaf, inclusion_at, verify_inclusion  # noqa: E402  # likewise
from audits.models import Leaf, OutboxEntry  # noqa: E402  # likewise
from audits.queries import newest_checkpoint, read_tile  # noqa: E402  # likewise
from audits.tiles import node_in  # noqa: E402  # likewise
from benchmarks.survival.people import CANARY, TABLE, People, unlike  # noqa: E402  # likewise
from config.traces import redis_naming, tables_naming  # noqa: E402  # likewise
from deletion.keys import idempotency_tag  # noqa: E402  # likewise
from deletion.models import Certificate, DeletionRequest, Run, RunPart  # noqa: E402  # likewise
from deletion.states import ENDED_WELL, OPEN, RequestState, RunState  # noqa: E402  # likewise
from lineage.stores.protocol import Step  # noqa: E402  # likewise
from training.models import ShardFit, TrainingRun  # noqa: E402  # likewise

MEANWHILE: Final = "ChangedMeanwhile"  # somebody was held, or a file replaced, during the work
LEASED: Final = (Run, RunPart, TrainingRun, ShardFit)


def judge(told: dict[str, Any]) -> dict[str, float]:
    """Return every count that has a goal, and some that explain them."""
    people = People(folder=Path(told["folder"]), names=tuple(told["names"]))
    requests = _by_key(told["accepted"])
    erased = {
        told["accepted"][key]
        for key, found in requests.items()
        if any(request.state == RequestState.COMPLETE for request in found)
    }
    after = people.rows(os.environ["DATABASE_URL"])
    before = {store: [tuple(row) for row in rows] for store, rows in told["before"].items()}
    left = {str(row[0]) for rows in after.values() for row in rows} | people.named_beneath()
    return {
        "accepted": len(requests),
        "requests": DeletionRequest.objects.count(),
        "lost": sum(not found for found in requests.values()),
        "doubled": sum(len(found) > 1 for found in requests.values()),
        "open": DeletionRequest.objects.filter(state__in=OPEN).count(),
        "complete": len(erased),
        "cancelled": DeletionRequest.objects.filter(state=RequestState.CANCELLED).count(),
        "erased_and_there": len(erased & left),
        "others_touched": unlike(before, after, gone=erased),
        "logs_naming": sum(
            CANARY.encode() in Path(log).read_bytes() for log in told["logs"] if Path(log).exists()
        ),
        "redis_naming": len(redis_naming(CANARY, url=settings.REDIS_URL)),
        "tables_naming": len(tables_naming(CANARY) - {TABLE}),
        **_by_trail(),
        **_proofs(),
        **_work(),
        **_times(told["recovered_at"]),
    }


def _by_key(accepted: Iterable[str]) -> dict[str, list[DeletionRequest]]:
    """Return the requests that were opened with each key."""
    caller = f"user:{get_user_model().objects.get(username='clara').pk}"
    tags = {
        idempotency_tag(
            key, caller=caller, key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY
        ): key
        for key in accepted
    }
    found: dict[str, list[DeletionRequest]] = {key: [] for key in accepted}
    for request in DeletionRequest.objects.filter(idempotency_tag__in=list(tags)):
        found[tags[request.idempotency_tag]].append(request)
    return found


def _facts(*events: str) -> list[tuple[str, dict[str, Any]]]:
    rows = Leaf.objects.filter(event__in=events).order_by("index").values_list("event", "entry")
    return [(event, json.loads(bytes(entry))["facts"]) for event, entry in rows]


def _by_trail() -> dict[str, int]:
    """Count what the trail says was done twice. What was planned again may be decided again."""
    decided: Counter[tuple[str, str]] = Counter()
    reopened: Counter[str] = Counter()
    once: Counter[tuple[str, str]] = Counter()
    for event, facts in _facts(
        *("OutcomeDecided", "RequestReopened", "DeletionRequested", "RequestCompleted"),
        *("RequestCancelled", "RunFinished", "TrainingFinished"),
    ):
        match event:
            case "OutcomeDecided":
                if facts["outcome"] in ENDED_WELL:
                    decided[facts["request_id"], facts["target"]] += 1
            case "RequestReopened":
                reopened[facts["request_id"]] += 1
            case _:
                once[event, str(facts.get("request_id") or facts.get("run_id"))] += 1
    steps = [facts["step"] for _, facts in _facts("PartStep")]
    begun = [facts for _, facts in _facts("AttemptBegan")]
    failed = [facts for _, facts in _facts("AttemptFailed", "StepFailed", "FitFailed")]
    excused = {(f["run_id"], f["part"], f["attempts"] + 1) for f in failed if "part" in f}
    again = [(f["run_id"], f["part"], f["attempt"]) for f in begun if f["attempt"] > 1]
    certified = Certificate.objects.count()
    return {
        "decided_twice": sum(times > 1 + reopened[who] for (who, _), times in decided.items()),
        "shares_decided": len(decided),
        "reopened": reopened.total(),
        "recorded_twice": sum(times > 1 for times in once.values()),
        "certificates_wrong": abs(certified - sum(event == "RequestCompleted" for event, _ in once))
        + DeletionRequest.objects.filter(state=RequestState.COMPLETE, certificate=None).count(),
        "proven_twice": steps.count(Step.PROVEN) - RunPart.objects.filter(step=Step.PROVEN).count(),
        "again_without_cause": len(set(again) - excused),
        "failed_otherwise": sum(not f["error"].startswith(MEANWHILE) for f in failed),
        "failed": len(failed),
        "attempts": len(begun),
        "most_attempts": max((facts["attempt"] for facts in begun), default=0),
    }


def _proofs() -> dict[str, int]:
    """Hash every leaf again and verify its inclusion under the newest checkpoint."""
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        return {"leaves": 0, "unproven": 1}
    node = node_in(cache(read_tile))
    unproven = 0
    rows = Leaf.objects.filter(index__lt=checkpoint.size).order_by("index")
    for index, entry in rows.values_list("index", "entry").iterator(chunk_size=2000):
        unproven += not verify_inclusion(
            leaf=hash_leaf(bytes(entry)),
            index=index,
            size=checkpoint.size,
            proof=inclusion_at(node, index=index, size=checkpoint.size),
            root=Hash(checkpoint.root),
        )
    count = rows.count()
    beyond = Leaf.objects.count() - count + OutboxEntry.objects.count()
    return {"leaves": count, "unproven": unproven + beyond + abs(checkpoint.size - count)}


def _work() -> dict[str, int]:
    """Count what leases and attempts say."""
    lost = sum(model.objects.aggregate(lost=Sum("leases_lost"))["lost"] or 0 for model in LEASED)
    return {
        "leases_lost": lost,
        "stuck": Run.objects.filter(state=RunState.STUCK).count(),
        "unfinished": Run.objects.exclude(state=RunState.SUCCEEDED).count(),
        "runs": Run.objects.count(),
        "parts": RunPart.objects.count(),
    }


def _times(recovered_at: str | None) -> dict[str, float]:
    """Return the longest life of a request, and the longest since the service was whole again."""
    ended = DeletionRequest.objects.filter(state=RequestState.COMPLETE, holds=None)
    spans = ended.values_list("received_at", "completed_at")
    lives = sorted(end - begin for begin, end in spans if end is not None)
    said: dict[str, float] = {
        "longest_life": max(lives, default=timedelta(0)).total_seconds(),
        "median_life": lives[len(lives) // 2].total_seconds() if lives else 0.0,
    }
    last = DeletionRequest.objects.aggregate(last=Max("completed_at"))["last"]
    if recovered_at and last:
        since = (last - datetime.fromisoformat(recovered_at)).total_seconds()
        said["longest_after_recovery"] = max(0.0, since)
    return said


if __name__ == "__main__":
    json.dump(judge(json.load(sys.stdin)), sys.stdout)
