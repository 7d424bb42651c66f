"""Sign off parts of the regulatory document of a version."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from governance.interfaces.html import errors
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web import sign_in_form
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import sign_offs as service
from registry import access, selectors
from registry.exceptions import DomainError, NotFoundError
from registry.models import ModelVersion


class SignOffForm(PageForm):
    """The chosen parts, and the signature."""

    parts = forms.MultipleChoiceField(
        label="Parts that you sign off", widget=forms.CheckboxSelectMultiple, required=False
    )
    document_sha256 = forms.CharField(widget=forms.HiddenInput)
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=f"Makes this your signature: “{service.MEANING}”",
    )

    def __init__(self, *args: Any, document: service.SignableDocument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parts = self.fields["parts"]
        assert isinstance(parts, forms.MultipleChoiceField)
        parts.choices = [
            (part.clause, f"{part.clause} {part.title}".strip()) for part in document.parts if part.part.text
        ]


def _ask_again(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return sign_in_form.ask_again(request, f"/models/{slug}/versions/{number}/sign-off/")


@sensitive_post_parameters("password")
@page_view("GET", "POST", signed_out=_ask_again)
def sign_off(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the parts of the document with their signatures, and sign the chosen ones."""
    found = selectors.version(request.actor, slug, number)
    document = service.signable_document(found)
    if request.method == "GET":
        unsigned = [part.clause for part in document.parts if part.part.text and not part.sign_offs]
        initial = {"document_sha256": document.evidence.blob_id, "parts": unsigned}
        return _page(request, found, document, SignOffForm(document=document, initial=initial))
    form = SignOffForm(request.POST, document=document)
    if not form.is_valid():
        return _page(request, found, document, form, status=400)
    given = dict(form.cleaned_data)
    try:
        made = service.sign_off(
            actor=request.actor, version=found, signature=service.SignOffSignature(given.pop("password")), **given
        )
    except NotFoundError:
        raise
    except DomainError as refusal:
        form.take_refusal(refusal)
        return _page(request, found, document, form, status=errors.kind_of(refusal).status)
    count = len(made.parts)
    messages.success(request, f"Signed off: {count} part{'s' if count != 1 else ''} of {document.evidence.filename}.")
    return redirect("web:sign-off", slug, number)


def _page(
    request: PageRequest,
    version: ModelVersion,
    document: service.SignableDocument,
    form: SignOffForm,
    status: int = 200,
) -> HttpResponse:
    answer = service.may_sign_off(actor=request.actor, version=version)
    context = {
        "version": version,
        "model": version.model,
        "document": document,
        "unsigned": sum(not part.sign_offs for part in document.parts),
        "form": form,
        "refusal": answer.refusal() if isinstance(answer, access.Denied) else None,
    }
    return render_page(request, "versions/sign_off.html", context, status=status)
