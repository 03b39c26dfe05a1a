"""A report as JSON: all of it, with the checkpoint's signed note."""

from audits.canonical import to_readable_json
from audits.reports import Report, RequestRow, Totals, days
from audits.told import RecipientRow


def plain(report: Report) -> dict[str, object]:
    """Return a report as JSON values; moments in UTC, days and per cents as decimal text."""
    checkpoint = report.checkpoint
    return {
        "origin": report.origin,
        "generated_at": report.now.isoformat(),
        "since": report.since.isoformat() if report.since else None,
        "until": report.until.isoformat() if report.until else None,
        "unsealed_facts": report.unsealed,
        "checkpoint": {
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "sealed_at": checkpoint.sealed_at.isoformat(),
            "note": checkpoint.note,
        }
        if checkpoint
        else None,
        "totals": [_plain_totals(totals) for totals in report.totals],
        "requests": [plain_row(row, report) for row in report.rows],
    }


def render(report: Report) -> bytes:
    """Return the report as a JSON file."""
    return to_readable_json(plain(report))


def plain_row(row: RequestRow, report: Report) -> dict[str, object]:
    """Return one request as JSON values."""
    return {
        "request_id": row.request_id,
        "regime": row.regime,
        "standing": row.standing.value,
        "verification": row.verification,
        "received_at": row.received_at.isoformat(),
        "acknowledge_by": row.acknowledge_by.isoformat() if row.acknowledge_by else None,
        "erase_by": row.erase_by.isoformat(),
        "erased_at": row.erased_at.isoformat() if row.erased_at else None,
        "data_clock": row.data_clock(report.now).value,
        "models_by": row.models_by.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
        "models_clock": row.models_clock(report.now).value,
        "cancelled_at": row.cancelled_at.isoformat() if row.cancelled_at else None,
        "denied_at": row.denied_at.isoformat() if row.denied_at else None,
        "denied_under": row.denied_under,
        "denied_because": row.denied_because,
        "denial_told_at": row.denial_told_at.isoformat() if row.denial_told_at else None,
        "held_since": row.held_since.isoformat() if row.held_since else None,
        "held_under": row.held_under,
        "paused_since": row.paused_since.isoformat() if row.paused_since else None,
        "paused_under": row.paused_under,
        "days_paused": str(days(row.paused_for)),
        "days_taken": str(days(row.taken)) if row.taken is not None else None,
        "outcomes": dict(sorted(row.outcomes.items())),
        "certificate_digest": row.certificate_digest,
        "recipients": [_plain_recipient(one) for _, one in sorted(row.told.items())],
    }


def _plain_recipient(row: RecipientRow) -> dict[str, object]:
    return {
        "recipient": row.recipient,
        "standing": row.standing.value,
        "told_at": row.told_at.isoformat() if row.told_at else None,
        "told_by": row.told_by,
        "recorded_by": row.recorded_by,
        "excused_on": row.excused_on,
        "proof_digest": row.proof_digest,
        "evidence": [
            {
                "name": one.name,
                "digest": one.digest,
                "attached_at": one.attached_at.isoformat(),
                "after_certificate": one.after_certificate,
            }
            for one in row.evidence
        ],
    }


def _plain_totals(totals: Totals) -> dict[str, object]:
    return {
        "regime": totals.regime,
        "received": totals.received,
        "complete": totals.complete,
        "in_time": totals.in_time,
        "late": totals.late,
        "open": totals.open,
        "overdue": totals.overdue,
        "held": totals.held,
        "held_past_date": totals.held_past_date,
        "paused": totals.paused,
        "cancelled": totals.cancelled,
        "denied": totals.denied,
        "denied_late": totals.denied_late,
        "median_days": _text(totals.median_days),
        "p95_days": _text(totals.p95_days),
        "attainment_percent": _text(totals.attainment),
    }


def _text(number: object) -> str | None:
    return None if number is None else str(number)
