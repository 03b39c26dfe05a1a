"""The first page: what is late, what waits for whom, and how the dates were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, F, Min, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import queries as trail
from audits.models import Alert
from audits.pages.access import WATCHERS, may
from audits.pages.cells import Tone, ago, badge, link, moment, number, row_link, span_words
from audits.pages.charts import Bars, bars_of
from audits.pages.records import Figure
from audits.pages.sections import Table, about_link, in_words
from deletion.admin.clocks import (
    NEXT_DUE,
    OPEN_STATES,
    TICKING,
    is_late,
    left_of,
    next_due,
    request_link,
    state_of,
)
from deletion.capacity import WINDOWS
from deletion.models import Batch, DeletionRequest, Run
from deletion.queries.workload import workload
from deletion.states import RequestState, RunState
from lineage.graph import VersionState as DataState
from lineage.models import DatasetVersion
from training.models import Model, Stop
from training.states import VersionState

_FULL: Final = 0.75  # of a pool: time to add slots
_SOON: Final = timedelta(days=7)
_SHOWN: Final = 8  # rows of a list on the first page
_DAYS: Final = 14  # of the chart
_SEALS_WITHIN: Final = timedelta(minutes=5)  # an older unsealed fact means that the sealer is down
_OPEN: Final = Q(state__in=OPEN_STATES)


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the first page shows to the context of the admin's index."""
    now = timezone.now()
    watching = may(request, WATCHERS)
    counted = _counted(now)
    return {
        **context,
        "title": "Dashboard",
        "asked_at": moment(now),
        "stops": _stops(now),
        "figures": [
            *_request_figures(counted, now=now, linked=watching),
            *_service_figures(now),
        ],
        "waiting": _needs_a_person(now) if watching else _needs_an_engineer(now),
        "upcoming": _upcoming(now) if watching else None,
        "pools": _pools(now),
        "chart": _chart(now),
    }


def _pools(now: datetime) -> Table:
    """Say how full the pools are, and how many runs are expected to be late all the same."""
    shown: dict[str, list[str | SafeString]] = {}
    for demand in workload().demands(now=now):
        row = shown.setdefault(demand.pool, [demand.pool, number(demand.slots)])
        tone = Tone.BAD if demand.ratio > 1 else Tone.WARN if demand.ratio > _FULL else Tone.GOOD
        row.append(badge(f"{100 * demand.ratio:.0f} %", tone))
    one_in = round(1 / (1 - settings.SAFE_QUANTILE))
    return Table(
        title="Known work against the pools' slots",
        headers=["Pool", "Slots", *(f"Next {window[:-1]} {window[-1]}" for window in WINDOWS)],
        rows=list(shown.values()),
        empty="No store and no model waits for a run.",
        note=f"The peak within each window. SAFE_QUANTILE is {settings.SAFE_QUANTILE:g}: of the "
        f"runs that start at the last safe moment, 1 in {number(one_in)} is expected to take "
        "longer than was left for it.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    open: int
    held: int
    paused: int
    held_past: int
    overdue: int
    soon: int
    kept: int  # complete, both dates met
    missed: int  # complete, one date missed
    oldest: datetime | None


def _counted(now: datetime) -> _Counted:
    """Count the requests in one statement."""
    running = Q(state__in=TICKING)
    complete = Q(state=RequestState.COMPLETE)
    kept = complete & Q(erased_at__lte=F("erase_by"), completed_at__lte=F("models_by"))
    found = DeletionRequest.objects.annotate(next_due=NEXT_DUE).aggregate(
        open=Count("pk", filter=_OPEN),
        held=Count("pk", filter=Q(state=RequestState.HELD)),
        held_past=Count("pk", filter=Q(state=RequestState.HELD, next_due__lt=now)),
        overdue=Count("pk", filter=is_late(now)),
        paused=Count("pk", filter=Q(state=RequestState.PAUSED)),
        soon=Count("pk", filter=running & Q(next_due__gte=now, next_due__lt=now + _SOON)),
        kept=Count("pk", filter=kept),
        missed=Count("pk", filter=complete & ~kept),
        oldest=Min("received_at", filter=_OPEN),
    )
    return _Counted(**found)


def _request_figures(counted: _Counted, *, now: datetime, linked: bool) -> list[Figure]:
    requests = reverse("admin:deletion_deletionrequest_changelist")

    def shown(count: int, query: str) -> str | SafeString:
        return link(number(count), f"{requests}?{query}") if linked and count else number(count)

    decided = counted.kept + counted.missed + counted.overdue
    return [
        Figure(
            label="Open requests",
            value=shown(counted.open, "due=open"),
            note=_held_note(counted),
        ),
        Figure(
            label="Oldest open request",
            value=span_words(now - counted.oldest) if counted.oldest else "none",
            note=_oldest_note(now, linked=linked) if counted.oldest else "",
        ),
        Figure(
            label="Due in 7 days",
            value=shown(counted.soon, "due=soon"),
            tone="warn" if counted.soon else "good",
        ),
        Figure(
            label="Overdue",
            value=shown(counted.overdue, "due=overdue"),
            tone="bad" if counted.overdue else "good",
            note="" if counted.overdue else "every date is kept",
        ),
        Figure(
            label="Dates kept",
            # Rounded down, and an overdue request counts as missed: as the report does it.
            value=f"{1000 * counted.kept // decided / 10:g} %" if decided else "—",
            note=f"{number(counted.kept)} of {number(decided)} requests"
            if decided
            else "nothing has come due yet",
            tone="calm" if not decided else "good" if counted.kept == decided else "bad",
        ),
    ]


def _held_note(counted: _Counted) -> str:
    paused = f", {number(counted.paused)} paused" if counted.paused else ""
    if not counted.held:
        return f"none on hold{paused}"
    past = f", {number(counted.held_past)} held, past its date" if counted.held_past else ""
    return f"{number(counted.held)} on hold{past}{paused}"


def _oldest_note(now: datetime, *, linked: bool) -> str | SafeString:
    oldest = DeletionRequest.objects.filter(_OPEN).order_by("received_at").first()
    if oldest is None:
        return ""
    return left_of(oldest, now=now) if linked else ""


def _service_figures(now: datetime) -> list[Figure]:
    alerts = Alert.objects.filter(resolved_at=None).aggregate(
        open=Count("pk"), oldest=Min("raised_at")
    )
    out = _out_of_service(now)
    checkpoint, unsealed = trail.newest_checkpoint(), trail.unsealed_since()
    late = unsealed is not None and now - unsealed > _SEALS_WITHIN
    return [
        Figure(
            label="Open alerts",
            value=link(
                number(alerts["open"]), f"{reverse('admin:audits_alert_changelist')}?answered=no"
            )
            if alerts["open"]
            else "0",
            note=f"oldest {ago(alerts['oldest'], now)}" if alerts["oldest"] else "all answered",
            tone="bad" if alerts["open"] else "good",
        ),
        Figure(
            label="Models out of service",
            value=link(number(out), reverse("admin:training_model_changelist")) if out else "0",
            note="what was released is withdrawn or stopped" if out else "nothing is withdrawn",
            tone="warn" if out else "good",
        ),
        Figure(
            label="Trail sealed",
            value=ago(checkpoint.sealed_at, now) if checkpoint else "never",
            note=(f"{number(checkpoint.size)} facts; " if checkpoint else "")
            + (
                f"the oldest unsealed one is {span_words(now - unsealed)} old"
                if unsealed
                else "none waits for the seal"
            ),
            tone="bad" if late else "good" if checkpoint else "calm",
        ),
    ]


def _out_of_service(now: datetime) -> int:
    """Count the models of which a version was released and none answers now."""
    scopes = set(Stop.objects.filter(lifted_at=None).values_list("scope", flat=True))
    models = Model.objects.filter(versions__release__isnull=False).distinct()
    if "everything" not in scopes:
        stopped = [scope.removeprefix("model/") for scope in scopes]
        served = models.filter(
            versions__state=VersionState.RELEASED, versions__release__qualified_until__gt=now
        ).exclude(name__in=stopped)
        models = models.exclude(pk__in=served)
    return models.count()


def _stops(now: datetime) -> list[str]:
    return [
        f"{stop.scope} is stopped since {ago(stop.raised_at, now)}: {stop.reason}"
        for stop in Stop.objects.filter(lifted_at=None).order_by("raised_at")
    ]


_HEADERS: Final = ["What", "Since", "Do"]


def _needs_a_person(now: datetime) -> Table:
    plans = [
        [
            row_link(f"Plan of batch {plan.pk}", "deletion_batch", plan.pk),
            ago(plan.planned_at, now),
            badge("approve or give up", Tone.WARN),
        ]
        for plan in Batch.objects.filter(approved_at=None, dissolved_at=None)
        .defer("plan")
        .order_by("planned_at")[:_SHOWN]
    ]
    return _waiting_table([*plans, *_troubles(now)])


def _needs_an_engineer(now: datetime) -> Table:
    return _waiting_table(_troubles(now))


def _waiting_table(rows: Sequence[Sequence[str | SafeString]]) -> Table:
    return Table(
        title="Needs a person",
        headers=_HEADERS,
        rows=rows,
        empty="Nothing waits for anybody. Plans to approve, stuck runs, quarantined data and "
        "alerts appear here.",
    )


def _troubles(now: datetime) -> list[list[str | SafeString]]:
    stuck = Run.objects.filter(state=RunState.STUCK).select_related("store", "model")
    quarantined = DatasetVersion.objects.filter(state=DataState.QUARANTINED).select_related(
        "family"
    )
    # An alert about one of these says the same again.
    said = {f"run/{run.pk}" for run in stuck} | {
        f"dataset/{version.family.name}" for version in quarantined
    }
    alerts = [alert for alert in trail.open_alerts() if alert.about not in said]
    return [
        *(
            [
                row_link(f"Run on {(run.store or run.model)}", "deletion_run", run.pk),
                ago(run.started_at, now),
                badge("repair, then try again", Tone.BAD),
            ]
            for run in stuck.order_by("started_at")[:_SHOWN]
        ),
        *(
            [
                row_link(
                    f"{version.family.name} {version.seq}", "lineage_datasetversion", version.pk
                ),
                ago(version.registered_at, now),
                badge("quarantined: erase again", Tone.BAD),
            ]
            for version in quarantined.order_by("registered_at")[:_SHOWN]
        ),
        *(
            [
                row_link(in_words(alert.kind.replace("-", "_")), "audits_alert", alert.id),
                ago(alert.raised_at, now),
                about_link(alert.about),
            ]
            for alert in alerts[:_SHOWN]
        ),
    ]


def _upcoming(now: datetime) -> Table:
    rows = (DeletionRequest.objects.filter(_OPEN).annotate(next_due=NEXT_DUE).order_by("next_due"))[
        :_SHOWN
    ]
    return Table(
        title="Due next",
        headers=["Request", "Time left", "State", "Due"],
        rows=[_due(row, now) for row in rows],
        empty="No request is open.",
    )


def _due(row: DeletionRequest, now: datetime) -> list[str | SafeString]:
    what, due_at = next_due(row)
    return [
        request_link(row.pk),
        left_of(row, now=now),
        state_of(row),
        format_html('{} <span class="lt-quiet">{}</span>', moment(due_at), what),
    ]


def _chart(now: datetime) -> Bars:
    first = (now - timedelta(days=_DAYS - 1)).date()
    days = [first + timedelta(days=count) for count in range(_DAYS)]
    received = _per_day("received_at", first)
    completed = _per_day("completed_at", first)
    return bars_of(
        title=f"Requests received and completed, the last {_DAYS} days",
        labels=[f"{day:%d %b}" for day in days],
        series={
            "received": [received.get(day, 0) for day in days],
            "completed": [completed.get(day, 0) for day in days],
        },
    )


def _per_day(column: str, first: date) -> Mapping[date, int]:
    rows = (
        DeletionRequest.objects.filter(**{f"{column}__date__gte": first})
        .annotate(day=TruncDate(column))
        .values("day")
        .annotate(count=Count("pk"))
    )
    return {row["day"]: row["count"] for row in rows}
