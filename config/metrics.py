"""What Prometheus reads at /metrics: counted from the rows at each scrape.

No process keeps a count of its own, so it does not matter which one answers, and a restart forgets
nothing. No label names a person.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Final

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from audits.permissions import Role, any_of
from audits.queries import newest_checkpoint, open_alerts, outbox_size, unsealed_since
from deletion.capacity import Demand
from deletion.outlook import Alarm
from deletion.queries.measures import (
    ClockMeasure,
    clock_measures,
    leases_lost,
    requests_by_state,
    runs_by_outcome,
)
from deletion.queries.workload import workload

Sample = tuple[Sequence[str], float]
"""The values of the labels, and the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that is counted, at one moment."""

    now: datetime
    requests: Mapping[tuple[str, str], int]
    clocks: Sequence[ClockMeasure]
    alarms: Sequence[Alarm]
    demands: Sequence[Demand]
    runs: Mapping[tuple[str, str], int]
    leases_lost: Mapping[str, int]
    unsealed: int
    unsealed_since: datetime | None
    sealed: int
    alerts: Mapping[str, int]

    def age(self, since: datetime | None) -> float:
        """Return the seconds since a moment, 0 without one."""
        return (self.now - since).total_seconds() if since is not None else 0.0


def look(*, now: datetime) -> Seen:
    """Count everything."""
    newest, waiting = newest_checkpoint(), workload()
    return Seen(
        now=now,
        requests=requests_by_state(),
        clocks=clock_measures(now=now),
        alarms=waiting.decide(now=now).alarms,
        demands=waiting.demands(now=now),
        runs=runs_by_outcome(),
        leases_lost=leases_lost(),
        unsealed=outbox_size(),
        unsealed_since=unsealed_since(),
        sealed=newest.size if newest is not None else 0,
        alerts=Counter(alert.kind for alert in open_alerts()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A name that a rule or a dashboard may use, and what stands under it."""

    name: str
    about: str
    labels: tuple[str, ...] = ()
    samples: Callable[[Seen], Iterable[Sample]]
    only_grows: bool = False

    @property
    def stored_as(self) -> str:
        """Return the name under which Prometheus keeps it."""
        return f"{self.name}_total" if self.only_grows else self.name


def _of_clocks(value: Callable[[ClockMeasure], float]) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: [((clock.regime, clock.clock), value(clock)) for clock in seen.clocks]


def _oldest(seen: Seen) -> Iterable[Sample]:
    return [((c.regime, c.clock), seen.age(c.oldest_received_at)) for c in seen.clocks]


def _until_due(seen: Seen) -> Iterable[Sample]:
    return [
        ((c.regime, c.clock), -seen.age(c.next_due_at))
        for c in seen.clocks
        if c.next_due_at is not None
    ]


def _ended(seen: Seen) -> Iterable[Sample]:
    for clock in seen.clocks:
        yield (clock.regime, clock.clock, "in time"), clock.in_time
        yield (clock.regime, clock.clock, "late"), clock.late


def _lateness(seen: Seen) -> Iterable[Sample]:
    for alarm in seen.alarms:
        late = alarm.expected_at - alarm.due_at if alarm.expected_at is not None else None
        yield (alarm.target, alarm.danger), late.total_seconds() if late is not None else inf


MEASURES: Final = (
    Measure(
        name="lethe_requests",
        about="Deletion requests.",
        labels=("regime", "state"),
        samples=lambda seen: seen.requests.items(),
    ),
    Measure(
        name="lethe_clocks_running",
        about="Requests whose clock (data erased, models clean) has not ended.",
        labels=("regime", "clock"),
        samples=_of_clocks(lambda clock: clock.running),
    ),
    Measure(
        name="lethe_clocks_overdue",
        about="Requests past a date, without those that are held, or were paused before.",
        labels=("regime", "clock"),
        samples=_of_clocks(lambda clock: clock.overdue),
    ),
    Measure(
        name="lethe_oldest_open_request_seconds",
        about="Age of the oldest request whose clock has not ended; 0 without one.",
        labels=("regime", "clock"),
        samples=_oldest,
    ),
    Measure(
        name="lethe_next_due_seconds",
        about="Time until the earliest date of what is neither held nor paused; below 0 once past.",
        labels=("regime", "clock"),
        samples=_until_due,
    ),
    Measure(
        name="lethe_clocks_ended",
        about="Clocks that ended, in time or late.",
        labels=("regime", "clock", "result"),
        samples=_ended,
        only_grows=True,
    ),
    Measure(
        name="lethe_forecast_lateness_seconds",
        about="How late a target is expected to be, where a date will probably be missed; +Inf"
        " when nobody can say.",
        labels=("target", "danger"),
        samples=_lateness,
    ),
    Measure(
        name="lethe_pool_demand_ratio",
        about="Peak of the known work that is due within a window, over what the pool's slots can"
        " do until then; above 1 somebody will be late.",
        labels=("pool", "window"),
        samples=lambda seen: [((one.pool, one.window), one.ratio) for one in seen.demands],
    ),
    Measure(
        name="lethe_runs",
        about="Runs of erasing and retraining, by how far they came.",
        labels=("kind", "state"),
        samples=lambda seen: seen.runs.items(),
    ),
    Measure(
        name="lethe_leases_lost",
        about="Leases that ran out, so that another worker took over.",
        labels=("kind",),
        samples=lambda seen: [((kind,), lost) for kind, lost in seen.leases_lost.items()],
        only_grows=True,
    ),
    Measure(
        name="lethe_outbox_oldest_seconds",
        about="Age of the oldest fact that waits for the sealer; 0 without one.",
        samples=lambda seen: [((), seen.age(seen.unsealed_since))],
    ),
    Measure(
        name="lethe_outbox_facts",
        about="Facts that wait for the sealer.",
        samples=lambda seen: [((), seen.unsealed)],
    ),
    Measure(
        name="lethe_trail_facts",
        about="Facts sealed under the newest checkpoint.",
        samples=lambda seen: [((), seen.sealed)],
    ),
    Measure(
        name="lethe_alerts_open",
        about="Alerts that nobody has answered.",
        labels=("kind",),
        samples=lambda seen: [((kind,), count) for kind, count in seen.alerts.items()],
    ),
)


class Rows(Collector):
    """The measures at one moment, as Prometheus' library wants them."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    @override
    def collect(self) -> Iterable[Metric]:
        for measure in MEASURES:
            kind = CounterMetricFamily if measure.only_grows else GaugeMetricFamily
            family = kind(measure.name, measure.about, labels=measure.labels)
            for labels, value in sorted(measure.samples(self._seen)):
                family.add_metric(labels, value)
            yield family


class PrometheusText(BaseRenderer):
    """Prometheus' text format; a refusal is a problem as everywhere."""

    media_type = "text/plain"
    format = "txt"


class Metrics(APIView):
    """The measures, for Prometheus."""

    permission_classes = [any_of(Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)]
    renderer_classes = [PrometheusText]

    @extend_schema(exclude=True)
    def get(self, _request: Request) -> HttpResponse:
        """Count everything and say it."""
        said = generate_latest(Rows(look(now=timezone.now())))
        return HttpResponse(said, content_type=CONTENT_TYPE_LATEST)
