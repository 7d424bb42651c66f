"""Verification keys: officers propose and revoke them here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import QueryDict

from audit.actor import Actor
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.forms import AutocompleteField, ReasonForm
from governance.interfaces.html.forms import MomentField
from registry import selectors
from registry.access import OrgPermission
from registry.models import VerificationKey
from registry.public_keys import ALGORITHMS, MAX_TEXT, PublicKeyError, read_public_key
from registry.services import verification_keys

_STATES = {
    "in_force": ("In force", "ok"),
    "not_yet_valid": ("Not yet valid", "wait"),
    "expired": ("Expired", "none"),
    "revoked": ("Revoked", "bad"),
}


class KeyForm(ReasonForm):
    """A public key, and for what it counts."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="Policies can name the key, so give it the name of its team or system."
    )
    owner = forms.CharField(label="Held by", max_length=200, help_text="The team or system that has the private key.")
    public_key = forms.CharField(
        label="Public key",
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off", "wrap": "off"}),
        help_text="The text that begins with -----BEGIN PUBLIC KEY-----, as openssl pkey -in KEY.pem -pubout writes "
        "it. ECDSA on P-256, P-384 or P-521, or Ed25519. Never paste a private key.",
    )
    purposes = forms.MultipleChoiceField(
        label="Counts for",
        choices=[("signature", "signatures of files"), ("provenance", "provenance of builds")],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    model = AutocompleteField(
        VerificationKey._meta.get_field("model"),
        label="Model",
        required=False,
        help_text="Only for versions of this model. Empty: for all models.",
    )
    valid_from = MomentField(label="Valid from", required=False, help_text="Empty: when the proposal is confirmed.")
    valid_until = MomentField(label="Valid until", required=False, help_text="Empty: until it is revoked.")

    def clean_public_key(self) -> str:
        """Return the key in PEM. A text that is no public key is not shown again: it can be a private key."""
        try:
            return read_public_key(self.cleaned_data["public_key"]).pem
        except PublicKeyError as error:
            self._forget_key()
            raise ValidationError(error.detail, code=error.code) from None

    def _forget_key(self) -> None:
        if isinstance(self.data, QueryDict):
            self.data = self.data.copy()
            self.data[self.add_prefix("public_key")] = ""

    def full_clean(self) -> None:
        """Validate; a text that is too long to be read as a key is not shown again either."""
        super().full_clean()
        if "public_key" in self.errors:
            self._forget_key()


def _propose(actor: Actor, row: None, form: KeyForm) -> ActionResult:
    return proposed(verification_keys.propose(actor=actor, **form.cleaned_data))


def _revoke(actor: Actor, row: VerificationKey, form: ReasonForm) -> ActionResult:
    done = verification_keys.revoke(actor=actor, key=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"The key {done.name} is revoked; open requests are evaluated again within a minute.", done)


class VerificationKeyAdmin(AuditedModelAdmin):
    """Public keys whose signatures count as evidence."""

    section, position, icon = "Policies", 4, "key"
    singular, plural = "verification key", "verification keys"
    about = "Public keys whose signatures of files and builds count in checks."
    object_type = "verification_key"
    model_path = "model"
    change_permission = OrgPermission.MANAGE_POLICIES
    adding = AdminAction(
        "add",
        "Propose a verification key",
        "The key counts when a second officer confirms the proposal.",
        OrgPermission.MANAGE_POLICIES,
        _propose,
        KeyForm,
        initial=lambda row: {"purposes": ["signature"]},
    )
    commands = (
        AdminAction(
            "revoke",
            "Revoke",
            "Signatures by this key no longer count, also those made before. Results that used it become stale, and "
            "the key cannot be added again.",
            OrgPermission.MANAGE_POLICIES,
            _revoke,
            is_available=lambda row: row.closed_at is None,
            is_destructive=True,
        ),
    )

    list_display = ("name", "holder", "kind", "counts_for", "scope", "until", "state")
    list_filter = ("algorithm", "for_signatures", "for_provenance")
    list_select_related = ("model",)
    search_fields = ("name", "owner", "key_id__startswith", "model__slug")
    search_help_text = "Name, holder, model, or the beginning of the key id"
    ordering = ("name", "pk")
    fieldsets = (
        (None, {"fields": ("name", "holder", "kind", "counts_for", "scope", "state")}),
        ("Validity", {"fields": ("begins", "until", "revoked", "revoked_because", "revoked_by_name", "agreed")}),
        ("Public key", {"fields": ("identifier", "pem"), "classes": ("wide-field",)}),
    )

    @admin.display(description="held by", ordering="owner")
    def holder(self, row: VerificationKey) -> str:
        return row.owner

    @admin.display(description="algorithm", ordering="algorithm")
    def kind(self, row: VerificationKey) -> str:
        return ALGORITHMS.get(row.algorithm, row.algorithm)

    @admin.display(description="counts for")
    def counts_for(self, row: VerificationKey) -> Any:
        return formatting.tags(row.purposes)

    @admin.display(description="model", ordering="model__slug")
    def scope(self, row: VerificationKey) -> Any:
        return formatting.admin_link(row.model) if row.model is not None else "all models"

    @admin.display(description="valid from", ordering="valid_from")
    def begins(self, row: VerificationKey) -> Any:
        return formatting.format_datetime(row.valid_from)

    @admin.display(description="valid until", ordering="valid_until")
    def until(self, row: VerificationKey) -> Any:
        return formatting.format_datetime(row.valid_until) if row.valid_until is not None else formatting.NONE

    @admin.display(description="state")
    def state(self, row: VerificationKey) -> Any:
        return formatting.badge(*_STATES[selectors.state_of(row)])

    @admin.display(description="revoked", ordering="closed_at")
    def revoked(self, row: VerificationKey) -> Any:
        return formatting.format_datetime(row.closed_at) if row.closed_at is not None else formatting.NONE

    @admin.display(description="reason of the revocation")
    def revoked_because(self, row: VerificationKey) -> str:
        return row.revocation_reason or formatting.NONE

    @admin.display(description="revoked by")
    def revoked_by_name(self, row: VerificationKey) -> Any:
        return formatting.admin_link(selectors.who_revoked(row))

    @admin.display(description="change proposal")
    def agreed(self, row: VerificationKey) -> Any:
        return formatting.admin_link(row.proposal)

    @admin.display(description="key id (SHA-256)")
    def identifier(self, row: VerificationKey) -> Any:
        return formatting.code(row.key_id)

    @admin.display(description="PEM")
    def pem(self, row: VerificationKey) -> Any:
        return formatting.block(row.public_key)

    def _made_elsewhere(self) -> str:
        return "an officer proposes it from the list."
