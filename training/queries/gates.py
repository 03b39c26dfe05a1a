"""Reads of what is declared about data, and of what the gates said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lineage.models import DatasetFamily
from training.gates import USUAL, Rules, parse
from training.models import GateDeclaration, GateVerdict
from training.plans import digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesShown:
    """What is declared about a family; number 0: nothing is, and this is what is usual."""

    family: str
    number: int
    digest: str
    rules: Mapping[str, object]
    declared_by: str
    declared_at: datetime | None


def gates_of(family_id: int) -> GateDeclaration | None:
    """Return what is declared about a family now; None: nothing is, and the usual rules hold."""
    return (
        GateDeclaration.objects.filter(family=family_id)
        .select_related("family")
        .order_by("-number")
        .first()
    )


def rules_of(declared: GateDeclaration | None) -> Rules:
    """Return the rules of a declaration, or those that are usual."""
    return USUAL if declared is None else parse(declared.rules)


def gates_shown(family: DatasetFamily) -> GatesShown:
    """Return what is declared about a family, or that nothing is."""
    declared = gates_of(family.pk)
    rules = rules_of(declared).as_json()
    return GatesShown(
        family=family.name,
        number=declared.number if declared else 0,
        digest=declared.digest if declared else digest_of(rules),
        rules=rules,
        declared_by=declared.declared_by if declared else "",
        declared_at=declared.declared_at if declared else None,
    )


def verdicts_of(run_id: UUID) -> list[GateVerdict]:
    """Return what the gates said in a run, in the order in which they were asked."""
    return list(GateVerdict.objects.filter(run=run_id).order_by("pk"))
