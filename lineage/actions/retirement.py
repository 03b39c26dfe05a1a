"""Giving training sets up by order: nothing is registered or made of them from then on."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.locks import lock_declarations
from lineage.errors import StoreUnknown
from lineage.events import FamilyGivenUp, StoreSeenGone
from lineage.graph import VersionState
from lineage.models import DatasetFamily, DatasetVersion, Store


def hold_families(family_ids: Collection[int]) -> list[DatasetFamily]:
    """Let nothing be declared or registered of families until the transaction ends."""
    lock_declarations()
    found = DatasetFamily.objects.select_for_update(no_key=True).filter(pk__in=list(family_ids))
    return list(found.order_by("pk"))


def retire_families(*, family_ids: Collection[int], actor: Actor, now: datetime) -> int:
    """Give families up for ever; return how many were not given up before.

    Their members and versions stay: they say what was there, and open requests still need them.
    """
    with transaction.atomic():
        wanted = [one for one in hold_families(family_ids) if one.retired_at is None]
        if not wanted:  # a second order about the same data: there is nothing to change
            return 0
        with audited(actor=actor, now=now) as trail:
            for family in wanted:
                clear = DatasetVersion.objects.filter(family=family, state=VersionState.CLEAR)
                seqs = tuple(clear.order_by("seq").values_list("seq", flat=True))
                clear.update(state=VersionState.RETIRED)
                family.retired_at = now
                family.save(update_fields=["retired_at"])
                trail.record(
                    FamilyGivenUp(family=family.name, versions=seqs), about=f"dataset/{family.name}"
                )
    return len(wanted)


def note_seen_gone(*, store_id: int, finding: str, actor: Actor, now: datetime) -> Store:
    """Note that somebody had Lethe look at a place that was given up, and nothing is there.

    Who calls this has looked. From then on a missing place is no trouble to a search for people:
    should it come back, what is in it is found again.
    """
    with audited(actor=actor, now=now) as trail:
        store = Store.objects.select_for_update(no_key=True).filter(pk=store_id).first()
        if store is None:
            raise StoreUnknown
        store.seen_gone_at = now
        store.save(update_fields=["seen_gone_at"])
        trail.record(StoreSeenGone(store=store.name, finding=finding), about=f"store/{store.name}")
    return store
