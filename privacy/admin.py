"""Accounts, recipes, releases and shielding policies as people look at them."""

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from typing_extensions import override

from audits import queries as trail
from audits.pages.access import BUILDERS, username_of
from audits.pages.cells import (
    NOTHING,
    Tone,
    badge,
    bar,
    code,
    moment,
    number,
    row_link,
    span_words,
    state_badge,
)
from audits.pages.records import Figure, Page, ReadOnlyAdmin
from audits.pages.sections import Facts, Table, Words, name_of, raw, timeline_of
from privacy import queries
from privacy.ledger import NanoRho, rho_of
from privacy.models import Account, Recipe, Release, ShieldPolicy
from privacy.states import ReleaseState

RELEASE_TONES: Final = {
    ReleaseState.RESERVED: Tone.BUSY,
    ReleaseState.DRAWING: Tone.BUSY,
    ReleaseState.COMMITTED: Tone.GOOD,
    ReleaseState.FAILED_CHARGED: Tone.BAD,
    ReleaseState.WITHDRAWN: Tone.CALM,
    ReleaseState.VOID: Tone.CALM,
}
_LOW: Final = 80  # per cent of a cap: from here on the bar warns


def rho_words(nano_rho: int) -> str:
    """Return a loss as people compare it: in rho, without trailing zeros."""
    return f"ρ {rho_of(NanoRho(nano_rho)).normalize():f}"  # noqa: RUF001  # the letter is its name


def budget_bar(account: Account) -> SafeString:
    """Return how much of an account is spent."""
    spent, cap = account.spent_nano_rho, account.cap_nano_rho
    percent = 100 * spent // cap
    tone = Tone.BAD if spent == cap else Tone.WARN if percent >= _LOW else Tone.GOOD
    words = f"{rho_words(spent)} of {rho_words(cap)} ({percent} %)"
    return bar(spent, cap, words=words, tone=tone)


class PrivacyAdmin(ReadOnlyAdmin):
    """What engineers may see as well."""

    seen_by = BUILDERS


@admin.register(Account)
class AccountAdmin(PrivacyAdmin):
    list_display = ("of", "unit", "budget")
    list_select_related = ("family", "unit")
    page_related = ("family", "unit")
    empty_sentence = "No training set has a privacy account, so nothing can be released from it."

    @admin.display(description="Training set", ordering="family__name")
    def of(self, account: Account) -> str:
        return account.family.name

    @admin.display(description="Spent")
    def budget(self, account: Account) -> SafeString:
        return budget_bar(account)

    @override
    def page(self, row: Account, *, request: HttpRequest, now: datetime) -> Page:
        state = queries.account_state(row.family_id)
        movements = row.journal.select_related("release__recipe").order_by("-pk")[:200]
        return Page(
            title=f"Privacy account of {row.family.name}",
            lead="What may still be said about these people. Every release is paid for before "
            "noise is drawn, and nothing is paid back once noise may have been drawn.",
            figures=[
                Figure(label="Spent", value=budget_bar(row)),
                Figure(
                    label="ε of everything spent",
                    value=f"{state.epsilon_spent.normalize():f}",
                    note=f"at δ = {state.delta}, per {row.unit_id}",
                ),
                Figure(label="Left", value=rho_words(state.left_nano_rho)),
            ],
            sections=[
                Table(
                    title="Journal",
                    headers=["At", "Release", "Movement"],
                    rows=[
                        [
                            moment(entry.at),
                            row_link(
                                str(entry.release.recipe), "privacy_release", entry.release_id
                            ),
                            ("debited " if entry.nano_rho >= 0 else "paid back ")
                            + rho_words(abs(entry.nano_rho)),
                        ]
                        for entry in movements
                    ],
                    empty="Nothing was ever debited.",
                ),
                Facts(
                    title="Terms",
                    rows=[
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id),
                        ),
                        ("Who is protected", f"one {row.unit_id}"),
                        ("Cap", rho_words(row.cap_nano_rho)),
                    ],
                ),
                timeline_of(trail.timeline(f"account/{row.family.name}")),
            ],
        )


@admin.register(Recipe)
class RecipeAdmin(PrivacyAdmin):
    list_display = ("name", "revision", "family", "registered")
    list_select_related = ("family",)
    list_filter = ("family",)
    page_related = ("family",)
    ordering = ("family__name", "name", "-revision")
    empty_sentence = "No recipe is registered. See manage.py draw_release."

    @admin.display(description="Registered", ordering="registered_at")
    def registered(self, recipe: Recipe) -> SafeString:
        return moment(recipe.registered_at)

    @override
    def page(self, row: Recipe, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"{row.name}, revision {row.revision}",
            lead="The declaration of an anonymised input. A changed declaration is a new revision.",
            sections=[
                Facts(
                    title="Declaration",
                    rows=[
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id),
                        ),
                        ("Digest", code(row.digest)),
                        ("Registered", moment(row.registered_at)),
                    ],
                ),
                releases_table(row.releases.select_related("recipe", "dataset_version__family")),
                raw("The whole declaration", row.declaration),
            ],
        )


def releases_table(releases: QuerySet[Release]) -> Table:
    """Return releases as a table."""
    return Table(
        title="Releases",
        headers=["Release", "State", "Drawn from", "ε", "δ", "Cost", "Reserved"],
        rows=[
            [
                row_link(str(release.recipe), "privacy_release", release.pk),
                state_badge(release.state, RELEASE_TONES),
                f"{release.dataset_version.family.name} {release.dataset_version.seq}",
                f"{release.epsilon.normalize():f}",
                f"{release.delta.normalize():f}",
                rho_words(release.cost_nano_rho),
                moment(release.reserved_at),
            ]
            for release in releases.order_by("-reserved_at")
        ],
        empty="It was never drawn.",
    )


@admin.register(Release)
class ReleaseAdmin(PrivacyAdmin):
    tells_about = "release"
    list_display = ("named", "state_shown", "drawn_from", "epsilon_shown", "cost", "reserved")
    list_filter = ("state", "recipe__family")
    list_select_related = ("recipe", "dataset_version__family")
    page_related = ("recipe", "dataset_version__family", "node")
    ordering = ("-reserved_at",)
    empty_sentence = "Nothing was released yet."

    @admin.display(description="Release", ordering="recipe__name")
    def named(self, release: Release) -> str:
        return str(release.recipe)

    @admin.display(description="State", ordering="state")
    def state_shown(self, release: Release) -> SafeString:
        return state_badge(release.state, RELEASE_TONES)

    @admin.display(description="Drawn from")
    def drawn_from(self, release: Release) -> str:
        return f"{release.dataset_version.family.name} {release.dataset_version.seq}"

    @admin.display(description="ε per person", ordering="epsilon")
    def epsilon_shown(self, release: Release) -> str:
        return f"{release.epsilon.normalize():f}"

    @admin.display(description="Cost", ordering="cost_nano_rho")
    def cost(self, release: Release) -> str:
        return rho_words(release.cost_nano_rho)

    @admin.display(description="Reserved", ordering="reserved_at")
    def reserved(self, release: Release) -> SafeString:
        return moment(release.reserved_at)

    @override
    def page(self, row: Release, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Release of {row.recipe}",
            badges=[state_badge(row.state, RELEASE_TONES)],
            figures=[
                Figure(
                    label="ε per person",
                    value=f"{row.epsilon.normalize():f}",
                    note=f"at δ = {row.delta.normalize():f}",
                ),
                Figure(label="Cost", value=rho_words(row.cost_nano_rho)),
                Figure(label="Reserved", value=moment(row.reserved_at)),
                Figure(label="Finished", value=moment(row.finished_at)),
            ],
            sections=[
                Facts(
                    title="Where it came from",
                    rows=[
                        ("Recipe", row_link(str(row.recipe), "privacy_recipe", row.recipe_id)),
                        (
                            "Drawn from",
                            row_link(
                                self.drawn_from(row),
                                "lineage_datasetversion",
                                row.dataset_version_id,
                            ),
                        ),
                        (
                            "In the graph",
                            row_link(str(row.node), "lineage_node", row.node_id)
                            if row.node_id
                            else NOTHING,
                        ),
                        ("Attempts", number(row.attempts)),
                        ("Last trouble", row.last_error or NOTHING),
                    ],
                ),
                *([raw("What it says", row.result)] if row.result else []),
                timeline_of(trail.timeline(f"release/{row.pk}")),
            ],
        )


@admin.register(ShieldPolicy)
class ShieldPolicyAdmin(PrivacyAdmin):
    tells_about = "policy"
    tells_by = "name"
    list_display = ("name", "family", "bound", "people", "approver", "expires", "in_force")
    list_select_related = ("family",)
    list_filter = ("family",)
    page_related = ("family",)
    ordering = ("-expires_at",)
    empty_sentence = "No shielding policy is approved: every tainted model is retrained."

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ShieldPolicy]:
        found: QuerySet[ShieldPolicy] = super().get_queryset(request)
        return found.annotate(approver_name=username_of("approved_by"))

    @admin.display(description="Bound")
    def bound(self, policy: ShieldPolicy) -> str:
        return f"ε ≤ {policy.max_epsilon.normalize():f}, δ ≤ {policy.max_delta.normalize():f}"

    @admin.display(description="For at most", ordering="max_deletions")
    def people(self, policy: ShieldPolicy) -> str:
        return f"{number(policy.max_deletions)} deletions"

    @admin.display(description="Approved by", ordering="approved_by")
    def approver(self, policy: Any) -> str:
        return str(policy.approver_name or policy.approved_by)

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, policy: ShieldPolicy) -> SafeString:
        return moment(policy.expires_at)

    @admin.display(description="State")
    def in_force(self, policy: ShieldPolicy) -> SafeString:
        return _standing(policy, now=timezone.now())

    @override
    def page(self, row: ShieldPolicy, *, request: HttpRequest, now: datetime) -> Page:
        return Page(
            title=f"Shielding policy {row.name}",
            badges=[_standing(row, now=now)],
            figures=[
                Figure(label="ε at most", value=f"{row.max_epsilon.normalize():f}"),
                Figure(label="δ at most", value=f"{row.max_delta.normalize():f}"),
                Figure(
                    label="Deletions at most",
                    value=number(row.max_deletions),
                    note="then the models are retrained",
                ),
                Figure(label="Expires", value=moment(row.expires_at)),
            ],
            sections=[
                Words(
                    title="What a shield is, and is not",
                    text="A decision about risk that its approver answers for until it expires. "
                    "The records are erased all the same; only the retraining waits. It is no "
                    "legal exemption.",
                ),
                Facts(
                    title="Approval",
                    rows=[
                        ("Approved by", name_of(row.approved_by)),
                        ("Approved", moment(row.approved_at)),
                        ("Reason", row.reason),
                        (
                            "Training set",
                            row_link(row.family.name, "lineage_datasetfamily", row.family_id),
                        ),
                    ],
                ),
                timeline_of(trail.timeline(f"policy/{row.name}")),
            ],
        )


def _standing(policy: ShieldPolicy, *, now: datetime) -> SafeString:
    if policy.expires_at <= now:
        return badge("expired", Tone.CALM)
    left = span_words(policy.expires_at - now)
    return badge(f"in force, {left} left", Tone.GOOD)
