"""Taking releases back whose source was given up by order."""

import json
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from audits.trail import Actor, Trail, audited
from privacy.actions.endings import fail, void
from privacy.actions.locks import lock_account
from privacy.events import ReleaseWithdrawn
from privacy.models import Account, Release
from privacy.states import ANSWERING, ReleaseState, require_move

BECAUSE = "its source was given up by order"


def withdraw_releases(*, family_ids: Collection[int], actor: Actor, now: datetime) -> int:
    """End every draw on some families and erase its result; return how many there were.

    A draw that never began is paid back. What was drawn stays charged: withdrawing a result does
    not make unsaid what it said. The families are retired before this, so that no draw begins.
    """
    ended = 0
    accounts = Account.objects.filter(family__in=list(family_ids)).order_by("family_id")
    for family_id in accounts.values_list("family_id", flat=True):
        account = lock_account(family_id)
        found = Release.objects.select_for_update(no_key=True, of=("self",)).filter(
            dataset_version__family=family_id, state__in=ANSWERING
        )
        releases = list(found.order_by("reserved_at", "pk"))
        if releases:
            with audited(actor=actor, now=now) as trail:
                for release in releases:
                    _end(release, account, trail=trail)
        ended += len(releases)
    return ended


def _end(release: Release, account: Account, *, trail: Trail) -> None:
    about = f"release/{release.pk}"
    match ReleaseState(release.state):
        case ReleaseState.RESERVED:
            trail.record(void(release, account, reason=BECAUSE, now=trail.now), about=about)
        case ReleaseState.DRAWING:
            trail.record(fail(release, reason=BECAUSE, now=trail.now), about=about)
        case _:
            trail.record(_withdraw(release), about=about)


def _withdraw(release: Release) -> ReleaseWithdrawn:
    require_move(ReleaseState(release.state), ReleaseState.WITHDRAWN)
    digest = sha256(json.dumps(release.result, sort_keys=True).encode()).hexdigest()
    release.state = ReleaseState.WITHDRAWN
    release.result = None
    release.save(update_fields=["state", "result"])
    return ReleaseWithdrawn(release_id=str(release.pk), result_digest=digest)
