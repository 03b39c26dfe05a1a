"""Model versions: what each was trained on, how it did, and whether it may serve."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.enums import ActionVariant

from audits.pages.access import BUILDERS, actor_of
from audits.pages.cells import NOTHING, Tone, badge, code, moment, number, row_link, state_badge
from audits.pages.confirmations import Because, Confirmation, button, refusals_in
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Section, Table, in_words, raw, shown
from audits.permissions import Role
from lineage.models import Edge
from training import errors
from training.actions import roll_back
from training.admin.badges import VERSION_TONES, accuracy_of
from training.admin.verdicts import verdicts_table
from training.models import ModelRelease, ModelVersion, Qualification
from training.queries.serving import unclean
from training.states import VersionState


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    seen_by = BUILDERS
    decided_by = frozenset({Role.ENGINEER, Role.OFFICER, Role.ADMINISTRATOR})
    refusals = refusals_in(errors)
    actions_detail = ("roll_back",)
    list_display = ("named", "state_shown", "accuracy", "trained_from", "trained", "destroyed")
    list_filter = ("state", "model")
    list_select_related = ("model", "dataset_version__family")
    page_related = ("model", "dataset_version__family", "node")
    ordering = ("-trained_at",)
    empty_sentence = "No model was trained yet."

    @admin.display(description="Version", ordering="model__name")
    def named(self, version: ModelVersion) -> str:
        return f"{version.model.name} {version.number}"

    @admin.display(description="State", ordering="state")
    def state_shown(self, version: ModelVersion) -> SafeString:
        return state_badge(version.state, VERSION_TONES)

    @admin.display(description="Accuracy")
    def accuracy(self, version: ModelVersion) -> str | SafeString:
        return accuracy_of(version.metrics)

    @admin.display(description="Trained on")
    def trained_from(self, version: ModelVersion) -> str:
        source = version.dataset_version
        return f"{source.family.name} {source.seq}" if source else "an anonymised release"

    @admin.display(description="Trained", ordering="trained_at")
    def trained(self, version: ModelVersion) -> SafeString:
        return moment(version.trained_at)

    @admin.display(description="Artefact", ordering="destroyed_at")
    def destroyed(self, version: ModelVersion) -> SafeString:
        if version.destroyed_at:
            return badge("destroyed")
        return badge("to be destroyed", Tone.WARN) if version.doomed_at else badge("kept")

    @override
    def offers(self, row: ModelVersion) -> frozenset[str]:
        if row.state != VersionState.STANDBY or row.release.qualified_until <= timezone.now():
            return frozenset()
        return frozenset() if unclean(row) else frozenset({"roll_back"})

    @button(description="Roll back to this version", icon="undo", variant=ActionVariant.DANGER)
    def roll_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the version serve again."""
        return self.confirm(
            request,
            object_id,
            question=lambda _row: ROLL_BACK,
            do=lambda row, said: _roll_back(request, row, said),
        )

    @override
    def page(self, row: ModelVersion, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"{row.model.name}, version {row.number}",
            badges=[
                self.state_shown(row),
                *([self.destroyed(row)] if row.doomed_at and not row.destroyed_at else []),
            ],
            figures=[
                Figure(label="Accuracy", value=self.accuracy(row), note="on the hold-out"),
                Figure(label="Trained", value=moment(row.trained_at)),
                Figure(label="Withdrawn", value=moment(row.withdrawn_at)),
                Figure(label="Artefact destroyed", value=moment(row.destroyed_at)),
            ],
            sections=[
                Facts(
                    title="Where it came from",
                    rows=[
                        ("Model", row_link(row.model.name, "training_model", row.model_id)),
                        ("In the graph", row_link(str(row.node), "lineage_node", row.node_id)),
                        ("Digest of the artefact", code(row.artefact_digest)),
                        ("Evidence for whoever left", badge(row.evidence_class)),
                        *_release(row),
                    ],
                ),
                _sources(row),
                *([verdicts_table(run)] if (run := getattr(row, "run", None)) else []),
                *_qualification(row),
                _snapshots(row),
                raw("Manifest", row.manifest),
                raw("Metrics", row.metrics),
            ],
        )


ROLL_BACK: Final = Confirmation(
    title="Roll back to this version",
    sentence="It serves again, and the version that serves now stands by in its place. It is "
    "refused if somebody whom the version learned from was erased, or is being erased.",
    button="Let it serve again",
    form=Because,
    grave=True,
)


def _roll_back(request: HttpRequest, row: ModelVersion, said: Mapping[str, Any]) -> str:
    roll_back(
        model_name=row.model.name,
        version=row.number,
        reason=said["reason"],
        actor=actor_of(request),
        now=timezone.now(),
    )
    return f"Version {row.number} of {row.model.name} serves again."


def _release(version: ModelVersion) -> list[tuple[str, str | SafeString]]:
    release = ModelRelease.objects.filter(version=version).first()
    if release is None:
        return [("Signed release", NOTHING)]
    return [
        ("Signed release", moment(release.released_at)),
        ("Qualified until", moment(release.qualified_until)),
        ("Release withdrawn", moment(release.withdrawn_at)),
    ]


def _sources(version: ModelVersion) -> Table:
    edges = Edge.objects.filter(target=version.node).select_related("source").order_by("pk")
    return Table(
        title="Whoever is in these taints it",
        headers=["Source", "How"],
        rows=[
            [
                row_link(
                    f"{edge.source.name} {edge.source.version}", "lineage_node", edge.source_id
                ),
                edge.kind,
            ]
            for edge in edges
        ],
        empty="It came from nothing that Lethe knows.",
    )


def _qualification(version: ModelVersion) -> list[Section]:
    found = Qualification.objects.filter(version=version).select_related("champion").first()
    if found is None:
        return []
    return [
        Facts(
            title="Qualification: measured against the champion on people it never saw",
            rows=[
                ("Verdict", _verdict(passed=found.passed)),
                ("Judged", moment(found.judged_at)),
                (
                    "Champion",
                    row_link(
                        f"version {found.champion.number}",
                        "training_modelversion",
                        found.champion.pk,
                    )
                    if found.champion
                    else "none: it is the first",
                ),
                *((in_words(name), shown(value)) for name, value in found.measured.items()),
            ],
        )
    ]


def _verdict(*, passed: bool) -> SafeString:
    return badge("qualified", Tone.GOOD) if passed else badge("not qualified", Tone.BAD)


def _snapshots(version: ModelVersion) -> Table:
    rows = version.snapshots.order_by("shard", "slice")
    return Table(
        title="Snapshots of its shards",
        headers=["Shard", "Slice", "Digest", "Fitted", "Destroyed"],
        rows=[
            [
                number(row.shard),
                number(row.slice),
                code(row.digest),
                moment(row.fitted_at),
                moment(row.destroyed_at),
            ]
            for row in rows
        ],
        empty="It has no snapshot of its own.",
    )
