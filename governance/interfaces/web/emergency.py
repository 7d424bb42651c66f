"""The page that requests an emergency change of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from governance import promotions
from governance import selectors as governance
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web import sign_in_form
from governance.interfaces.web.refused_requests import take_refusal
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import PromotionRequest
from governance.promotions.emergency_terms import MAX_INCIDENT, SIGNATURE_MEANING
from governance.selectors import EmergencyTarget
from registry import access, selectors
from registry.access import Permission
from registry.exceptions import DomainError, NotFoundError
from registry.models import ModelVersion

VERSIONS_OFFERED = 30


class EmergencyForm(PageForm):
    """The version, the place, the terms and the signature."""

    version = forms.TypedChoiceField(label="Version", coerce=int)
    target = forms.ChoiceField(label="Where to", widget=forms.RadioSelect)
    confirming_group = forms.ChoiceField(
        label="Who confirms", help_text="One person of this group who may decide on the model, and who is not you."
    )
    incident = forms.CharField(
        label="Incident",
        max_length=MAX_INCIDENT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="The reference in your incident system, such as INC-4711.",
    )
    hours = forms.IntegerField(
        label="For how many hours",
        min_value=1,
        max_value=720,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label="Why", max_length=5_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Why the ordinary path is not taken. Both people sign it.",
    )  # fmt: skip
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="It makes this your signature.",
    )
    pointers = {"/target/stage": "target"}  # noqa: RUF012  # never changed

    def __init__(
        self, versions: Sequence[ModelVersion], targets: Sequence[EmergencyTarget], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        groups = list(dict.fromkeys(group for target in targets for group in target.section.groups))
        choices: dict[str, list[tuple[Any, str]]] = {
            "version": [(one.number, f"v{one.number}, in {one.stage.name}") for one in versions],
            "target": [(target.key, target.name) for target in targets],
            "confirming_group": [(group, group) for group in groups],
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = offered
        if len(targets) == 1:
            self.fields["target"].initial = targets[0].key


def _ask_again(request: HttpRequest, slug: str) -> HttpResponse:
    return sign_in_form.ask_again(request, f"/models/{slug}/emergency/")


@sensitive_post_parameters("password")
@page_view("GET", "POST", signed_out=_ask_again)
def emergency(request: PageRequest, slug: str) -> HttpResponse:
    """Explain emergency changes of a model, and request one."""
    model = selectors.model(request.actor, slug)
    access.require_permission(request.actor, Permission.REQUEST_PROMOTION, model)
    targets = governance.emergency_targets(model)
    versions = list(selectors.versions_of(model).select_related("stage").order_by("-number")[:VERSIONS_OFFERED])
    given = request.GET.get("version", "")
    form = EmergencyForm(versions, targets, request.POST or None, initial={"version": given, "hours": 4})
    existing: PromotionRequest | None = None
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            given_values = form.cleaned_data
            kind, _, name = given_values["target"].partition(":")
            try:
                made = promotions.request_emergency(
                    actor=request.actor,
                    version=selectors.version(request.actor, slug, given_values["version"]),
                    target_stage=name if kind == "stage" else None,
                    target_alias=name if kind == "alias" else None,
                    reason=given_values["reason"],
                    terms=promotions.EmergencyTerms(
                        given_values["incident"], given_values["hours"], given_values["confirming_group"]
                    ),
                    signature=promotions.DecisionSignature(given_values["password"]),
                )
            except NotFoundError:
                raise
            except DomainError as refusal:
                existing, status = take_refusal(form, refusal)
            else:
                messages.success(request, f"Emergency change #{made.pk} is requested and signed.")
                return redirect("web:promotion", made.pk)
    context = {
        "model": model,
        "targets": targets,
        "form": form,
        "existing": existing,
        "meaning": SIGNATURE_MEANING,
        "changes": governance.emergency_changes(model),
    }
    return render_page(request, "models/emergency.html", context, status=status)
