"""Declaring what data has to be before anything learns from it."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from audits.trail import Actor, audited
from lineage.errors import FamilyRetired, NodeUnknown
from lineage.models import DatasetFamily
from lineage.queries import columns_of
from training.errors import GatesInvalid
from training.events import GatesDeclared
from training.gates import Rules, parse
from training.models import GateDeclaration
from training.plans import digest_of


def declare_gates(
    *, family_id: int, rules: Mapping[str, object], actor: Actor, now: datetime
) -> GateDeclaration:
    """Declare the rules of a family anew; the same again changes and records nothing.

    Runs that are open keep to what they were checked by; who is checked later, to the newest.
    """
    said = parse(rules)
    with transaction.atomic():
        family = DatasetFamily.objects.select_for_update(no_key=True).filter(pk=family_id).first()
        if family is None:
            raise NodeUnknown("no such dataset family")
        if family.retired_at is not None:
            raise FamilyRetired(family.name)
        _require_fit(said, family)
        newest = family.gate_declarations.order_by("-number").first()
        digest = digest_of(said.as_json())
        if newest is not None and newest.digest == digest:
            return newest
        with audited(actor=actor, now=now) as trail:
            declared = GateDeclaration.objects.create(
                family=family,
                number=newest.number + 1 if newest else 1,
                rules=said.as_json(),
                digest=digest,
                declared_by=actor,
                declared_at=now,
            )
            trail.record(
                GatesDeclared(
                    family=family.name,
                    number=declared.number,
                    digest=digest,
                    before=newest.digest if newest else "",
                    columns=tuple(said.columns),
                ),
                about=f"dataset/{family.name}",
            )
    return declared


def _require_fit(rules: Rules, family: DatasetFamily) -> None:
    """Raise `GatesInvalid` if the rules speak of columns that name people, or fill in the label."""
    naming = {column.name for column in columns_of(family.store_id)}
    beside = {
        place: part.column
        for place, part in (("day", rules.day), ("source", rules.source))
        if part is not None
    }
    for place, name in beside.items():
        if name in naming or name == family.label:
            raise GatesInvalid(f"{place}.column: names people, or is the label")
        if name in rules.columns:
            raise GatesInvalid(f"columns: the column of {place} has its rule there, and no other")
    if len(set(beside.values())) < len(beside):
        raise GatesInvalid("source.column: is the column of day already")
    if naming & rules.columns.keys():
        raise GatesInvalid("columns: one of them names people")
    label = rules.columns.get(family.label)
    if label is not None and (label.fill or label.back_filled_permille or label.may_go):
        raise GatesInvalid(
            "columns: the label is never imputed, never new and never gone: "
            "only holds, allowed and outside_permille are for it"
        )
