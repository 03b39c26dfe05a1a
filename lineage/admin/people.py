"""Where one person is: asked by POST, so that no address and no log holds an identifier."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from typing_extensions import override
from unfold.widgets import UnfoldAdminTextInputWidget

from audits.pages.access import DECIDERS, actor_of, may
from audits.pages.cells import NOTHING, Tone, badge, number, row_link
from audits.pages.confirmations import choice, refusals_in, sentence_of
from audits.pages.records import Figure
from audits.pages.sections import Table, Words
from lineage import actions, errors
from lineage.graph import NodeKind
from lineage.models import Namespace
from lineage.sharding import HOLD_OUT
from lineage.whereabouts import Reached, Stay, Whereabouts


class PersonForm(forms.Form):
    """Names a person; the value goes no further than the look-up."""

    namespace = forms.ChoiceField()
    value = forms.CharField(
        label="Identifier",
        max_length=512,
        help_text="Not kept, not written to any log, and not shown again.",
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"}),
    )

    @override
    def __init__(self, *args: Any, **changes: Any) -> None:
        super().__init__(*args, **changes)
        declared = Namespace.objects.order_by("name").values_list("name", "kind")
        self.fields["namespace"] = choice(
            "Namespace", [(name, f"{name} ({kind})") for name, kind in declared]
        )


_REFUSALS: Final = refusals_in(errors)


@sensitive_post_parameters("value")
@require_http_methods(["GET", "POST"])
def where_is(request: HttpRequest) -> HttpResponse:
    """Look a person up; that somebody asked is recorded."""
    if not may(request, DECIDERS):
        raise PermissionDenied
    form = PersonForm(request.POST or None)
    found: Whereabouts | None = None
    if request.method == "POST" and form.is_valid():
        try:
            found = actions.look_up(
                namespace=form.cleaned_data["namespace"],
                value=form.cleaned_data["value"],
                actor=actor_of(request),
                now=timezone.now(),
            )
        except _REFUSALS as refusal:
            messages.error(request, sentence_of(refusal))
        # An empty form: what was typed is not sent back to the screen.
        form = PersonForm(initial={"namespace": form.cleaned_data["namespace"]})
    return TemplateResponse(
        request,
        "officers/where_is.html",
        {
            **admin.site.each_context(request),
            "title": "Where is a person?",
            "form": form,
            "declared": bool(form.fields["namespace"].choices),  # type: ignore[attr-defined]  # PersonForm makes it a choice
            "found": found is not None,
            "figures": _figures(found) if found else (),
            "sections": _answer(found) if found else (),
        },
    )


def _figures(found: Whereabouts) -> list[Figure]:
    stays = [stay for stay in found.stays if stay.last is None]
    reached = found.reached()
    tainted = [thing for thing in reached if thing.tainted]
    return [
        Figure(
            label="Known to the index",
            value="yes" if found.stays else "no",
            note="forgotten before: on the suppression list" if found.forgotten else "",
            tone="warn" if found.stays else "calm",
        ),
        Figure(label="Training sets that hold them now", value=number(len(stays))),
        Figure(
            label="Models that learnt from them",
            value=number(len(tainted)),
            tone="warn" if tainted else "calm",
        ),
        Figure(label="Places without an index", value=number(len(found.unscanned))),
    ]


def _answer(found: Whereabouts) -> list[Table | Words]:
    unknown = Words(
        title="Not every place has an index",
        text="No index of people is kept, so only a deletion, which searches them, can say: "
        f"{', '.join(found.unscanned)}.",
        tone="warn",
    )
    absent = Words(
        title="The index does not know this person",
        text="No scanned training set holds them. A deletion request still searches every store.",
        tone="calm",
    )
    reached = found.reached()
    return [
        *([unknown] if found.unscanned else []),
        *([] if found.stays else [absent]),
        Table(
            title="Training sets",
            headers=["Training set", "Store", "Shard", "Versions"],
            rows=[_stay(stay) for stay in found.stays],
            empty="No training set holds this person.",
        ),
        _reached_table(
            "Model versions", reached, {NodeKind.MODEL_VERSION}, empty="No model was reached."
        ),
        _reached_table(
            "Anonymised releases and recipients",
            reached,
            {NodeKind.RELEASE, NodeKind.RECIPIENT},
            empty="No release and no recipient was reached.",
        ),
    ]


def _stay(stay: Stay) -> list[str | SafeString]:
    last = "still there" if stay.last is None else f"to {stay.last}"
    return [
        stay.family,
        stay.store,
        badge("held out", Tone.GOOD) if stay.shard == HOLD_OUT else f"shard {stay.shard}",
        f"from {stay.first}, {last}",
    ]


def _reached_table(
    title: str, reached: Iterable[Reached], kinds: set[NodeKind], *, empty: str
) -> Table:
    tones: Mapping[bool, SafeString] = {
        True: badge("tainted", Tone.WARN),
        False: badge("not tainted", Tone.GOOD),
    }
    return Table(
        title=title,
        headers=["Thing", "Taint", "How it was reached"],
        rows=[
            [
                row_link(f"{thing.node.name} {thing.node.version}", "lineage_node", thing.node.id),
                tones[thing.tainted] if thing.node.kind is NodeKind.MODEL_VERSION else NOTHING,
                " → ".join(
                    [
                        *(
                            f"{step.source.name} {step.source.version} → {step.by}"
                            for step in thing.way
                        ),
                        f"{thing.node.name} {thing.node.version}",
                    ]
                ),
            ]
            for thing in reached
            if thing.node.kind in kinds
        ],
        empty=empty,
    )
