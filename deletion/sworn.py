"""The statement that a person signs when an order to give data up is carried out. Pure.

It says what was ordered, what went with it, and what became of each thing. Under which penalty it
is signed is for counsel to write: laws differ, and this service cannot know.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from audits.canonical import to_json
from audits.statements import statement_of
from deletion.disgorgement import Standing, left_of

PREDICATE_TYPE: Final = "https://lethe.example/disgorgement/v1"

_WIDTH: Final = 88
_LINE: Final = "_" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order to give data up, and who decided what about it."""

    id: int
    named_by: str
    name: str
    reference: str
    plan_digest: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str
    approved_at: datetime | None
    due_at: datetime
    measured: tuple[str, ...]

    @property
    def about(self) -> str:
        """Return what the trail and the statement call it."""
        return f"disgorgement/{self.id}"


def predicate_of(
    order: Order, standings: Sequence[Standing], *, carried_out_at: datetime | None
) -> dict[str, Any]:
    """Return what is stated; without `carried_out_at` it is a draft that nobody may sign."""
    return {
        "disgorgement": order.id,
        "order": order.reference,
        "data": {"named_by": order.named_by, "name": order.name},
        "plan_digest": order.plan_digest,
        "proposed": {"by": order.proposed_by, "at": _moment(order.proposed_at)},
        "approved": {"by": order.approved_by, "at": _moment(order.approved_at)},
        "due_at": _moment(order.due_at),
        "carried_out_at": _moment(carried_out_at),
        "in_time": carried_out_at <= order.due_at if carried_out_at else None,
        "items": [_item(standing) for standing in standings],
        "left": len(left_of(standings)),
        "measured": list(order.measured),
    }


def sworn_statement(order: Order, predicate: Mapping[str, Any]) -> dict[str, object]:
    """Return the in-toto Statement to sign."""
    digest = sha256(to_json(dict(predicate))).hexdigest()
    return statement_of(
        subjects={order.about: digest}, predicate_type=PREDICATE_TYPE, predicate=predicate
    )


def document_of(predicate: Mapping[str, Any], *, signed_digest: str = "") -> str:
    """Return the statement as plain text, with lines for a signature once nothing is left."""
    done = predicate["carried_out_at"] is not None
    data = predicate["data"]
    lines = [
        "STATEMENT ON THE DISGORGEMENT OF DATA AND OF WHAT WAS MADE FROM IT",
        *([] if done else ["", "DRAFT. Not carried out: nobody may sign this."]),
        "",
        f"Order           {predicate['order']}",
        f"Data            the {data['named_by']} {data['name']}",
        f"Disgorgement    {predicate['disgorgement']}",
        f"Proposed        {_said(predicate['proposed'])}",
        f"Approved        {_said(predicate['approved'])}",
        f"Due             {_readable(predicate['due_at'])}",
        f"Carried out     {_readable(predicate['carried_out_at'])}",
        f"Plan (SHA-256)  {predicate['plan_digest']}",
        *([f"Signed record   {signed_digest} (SHA-256)"] if signed_digest else []),
        "",
        f"1. WHAT WAS GIVEN UP ({len(predicate['items'])}; still there: {predicate['left']})",
    ]
    for place, one in enumerate(predicate["items"], start=1):
        lines += ["", *_block(f"1.{place}", one)]
    lines += ["", "2. WHAT WAS ONLY MEASURED ON THE DATA, AND IS NOT MADE OF IT", ""]
    lines += [f"   {one}" for one in predicate["measured"]] or ["   nothing"]
    lines += [
        "",
        *textwrap.wrap(
            "3. Where it says that Lethe destroyed a file, the file was unlinked, and a second"
            " look found it gone. Where it says that somebody attested or told something, Lethe"
            " has their word and the digest of what they keep, and has not proven it.",
            width=_WIDTH,
        ),
    ]
    if done:
        lines += [
            "",
            "4. [Counsel: the wording under penalty of perjury that the order asks for.]",
            "",
            f"Name        {_LINE}",
            "",
            f"Date        {_LINE}",
            "",
            f"Signature   {_LINE}",
        ]
    return "\n".join(lines) + "\n"


def _item(standing: Standing) -> dict[str, Any]:
    became = standing.became
    return {
        "item": standing.item.key,
        "way": list(standing.item.way),
        "files": list(standing.item.files),
        "approved": not standing.is_late,
        "became": became.what,
        "settled": became.is_settled,
        "at": _moment(became.at),
        "evidence": became.evidence,
    }


def _block(number: str, one: Mapping[str, Any]) -> list[str]:
    at = f", {_readable(one['at'])}" if one["at"] else ""
    late = "" if one["approved"] else " (reached after the approval)"
    found = [f"{number:<6}{one['item']}{late}", *_wrapped(f"{one['became']}{at}")]
    if one["evidence"]:
        found += _wrapped(f"evidence: {one['evidence']}")
    found += _wrapped(f"how it was reached: {'; '.join(one['way'])}")
    for file in one["files"]:
        found += _wrapped(f"with: {file}")
    return found


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=" " * 6,
        subsequent_indent=" " * 8,
        break_on_hyphens=False,
    )


def _said(one: Mapping[str, Any]) -> str:
    return f"by {one['by']}, {_readable(one['at'])}" if one["at"] else "not yet"


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _readable(at: str | None) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S} UTC" if at else "not yet"
