"""A page that asks before something changes, then calls an action and says what it answered."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from audits.pages.sections import Section
from audits.problems import reasons_in

Refusals = tuple[type[Exception], ...]
_Method = TypeVar("_Method", bound=Callable[..., HttpResponse])


class Nothing(forms.Form):
    """Asks for nothing but the button."""


class Because(forms.Form):
    """Asks for a reason; it is kept where it can be erased."""

    reason = forms.CharField(
        max_length=300,
        label="Reason",
        help_text="Kept with the record. Name nobody: neither a person nor an address.",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )


def choice(label: str, options: Sequence[tuple[str, str]], *, hint: str = "") -> forms.ChoiceField:
    """Return a field that offers a closed list."""
    return forms.ChoiceField(
        label=label, choices=options, help_text=hint, widget=UnfoldAdminSelectWidget()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a person is asked before something changes."""

    title: str
    sentence: str  # what will happen when the button is pressed
    button: str
    form: type[forms.Form] = Nothing
    sections: Sequence[Section] = ()
    grave: bool = False  # it cannot be taken back


def button(
    *, description: str, icon: str, variant: ActionVariant = ActionVariant.DEFAULT
) -> Callable[[_Method], _Method]:
    """Make a method of an admin a button above its pages, for those who may decide."""

    def mark(method: _Method) -> _Method:
        made: _Method = action(
            description=description, permissions=["decide"], icon=icon, variant=variant
        )(method)
        return made

    return mark


def refusals_in(*modules: ModuleType) -> Refusals:
    """Return every reason to say no that some `errors` modules name."""
    return reasons_in(*modules)


def sentence_of(refusal: Exception) -> str:
    """Return a refusal in words: what its class says, for its text may be about a person."""
    return " ".join((inspect.getdoc(type(refusal)) or type(refusal).__name__).split())


def ask(  # noqa: PLR0913  # a page, a question, an answer and two ways out
    request: HttpRequest,
    site: AdminSite,
    *,
    confirmation: Confirmation,
    do: Callable[[Mapping[str, Any]], str],
    back: str,
    refusals: Refusals,
    context: Mapping[str, object] | None = None,
) -> HttpResponse:
    """Show a question; when its button is pressed, do it and go back with the answer."""
    form = confirmation.form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            said = do(form.cleaned_data)
        except refusals as refusal:
            messages.error(request, f"Nothing was changed. {sentence_of(refusal)}")
        else:
            messages.success(request, said)
        return HttpResponseRedirect(back)
    return TemplateResponse(
        request,
        "officers/confirmation.html",
        {
            **site.each_context(request),
            **(context or {}),
            "title": confirmation.title,
            "confirmation": confirmation,
            "form": form,
            "back": back,
        },
    )
