"""The database itself came back from a backup: its trail goes on, and all stores are searched."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from audits.actions import recover_trail, tell_witness
from audits.recovery import Loss
from audits.trail import Actor
from deletion.actions.replays import start_replay
from deletion.errors import RunUnderWay
from lineage.models import Store

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a recovery did. `loss` is None if it only told the witness of an earlier one."""

    loss: Loss | None
    replayed: tuple[str, ...]  # stores in which everybody on the suppression list is looked for
    busy: tuple[str, ...]  # stores with a run under way: replay them when it has ended


def recover(
    *, recovered_by: str, approved_by: str, export: Path | None, actor: Actor, now: datetime
) -> Recovery:
    """Recover the trail and begin a replay of all erasures in every store, in one transaction.

    Nobody knows which stores were restored together with the database, and whom it forgot after
    the backup was made; so the whole list is looked for, everywhere.
    """
    replayed, busy = [], []
    with transaction.atomic():
        loss = recover_trail(
            recovered_by=recovered_by, approved_by=approved_by, export=export, actor=actor, now=now
        )
        for store in Store.objects.order_by("name") if loss is not None else ():
            try:
                if start_replay(store_id=store.pk, since=EVER, actor=actor, now=now):
                    replayed.append(store.name)
            except RunUnderWay:
                busy.append(store.name)
    tell_witness()
    return Recovery(loss=loss, replayed=tuple(replayed), busy=tuple(busy))
