"""Forms of the actions on accounts."""

from __future__ import annotations

from django import forms

from governance.interfaces.admin.forms import AutocompleteField, ReasonForm
from registry.models import AccountControl, Membership, SignInLink, User


class NewAccountForm(ReasonForm):
    """A new account."""

    kind = forms.ChoiceField(
        label="Kind",
        choices=User.Kind.choices,
        widget=forms.RadioSelect,
        initial=User.Kind.PERSON,
        help_text="Machines use service accounts with tokens; a service account cannot decide.",
    )
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="For signing in; letters, digits and @ . + - _ only.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    name = forms.CharField(label="Full name", max_length=200, help_text="Shown with signatures.")
    title = forms.CharField(label="Job title", max_length=120, required=False)
    email = forms.CharField(
        label="E-mail address", max_length=254, required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    password = forms.CharField(
        label="Initial password",
        required=False,
        strip=False,
        max_length=1024,
        help_text="For a person: at least 12 characters. It cannot sign decisions: also issue a sign-in link.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class AccountForm(ReasonForm):
    """Name and contact data of an account."""

    name = forms.CharField(label="Full name", max_length=200)
    title = forms.CharField(label="Job title", max_length=120, required=False)
    email = forms.CharField(
        label="E-mail address", max_length=254, required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )


class PasswordForm(ReasonForm):
    """A first password chosen by an administrator. It cannot be used for signatures until its holder replaces it."""

    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=1024,
        help_text="At least 12 characters, not a common one, not like the name. It lets the person sign in; it signs "
        "nothing until they replace it by a sign-in link, which you issue.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class LinkForm(ReasonForm):
    """How the link is delivered to the holder of the account."""

    way = forms.ChoiceField(
        label="The link is",
        choices=SignInLink.Way.choices,
        widget=forms.RadioSelect,
        initial=SignInLink.Way.MAILED,
        help_text="With the link the holder sets a password that can sign. Both of you are notified.",
    )


class DeactivateForm(ReasonForm):
    """The person who takes over the responsibilities of the account."""

    reassign_to = AutocompleteField(
        Membership._meta.get_field("user"),
        label="Reassign to",
        required=False,
        help_text="Becomes owner or accountable executive of everything listed above. Leave it empty to decide later.",
    )


class ReassignForm(ReasonForm):
    """The person who takes over the responsibilities of the account."""

    to = AutocompleteField(
        Membership._meta.get_field("user"),
        label="Reassign to",
        help_text="Becomes owner or accountable executive of everything listed above.",
    )


class HolderForm(ReasonForm):
    """A person who owns a service account or knows one of its secrets."""

    person = AutocompleteField(Membership._meta.get_field("user"), label="Person")
    kind = forms.ChoiceField(
        label="Kind",
        choices=[(kind.value, kind.label) for kind in (AccountControl.Kind.OWNER, AccountControl.Kind.USER)],
        widget=forms.RadioSelect,
        initial=AccountControl.Kind.OWNER,
        help_text="Owners and users cannot approve what the account registers, adds or requests (SoD-3).",
    )
