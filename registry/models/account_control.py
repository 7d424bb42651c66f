"""Who could act as an account of another person."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint


class AccountControl(TemporalModel):
    """A person who could act as another account, or who set how its holder signs in, from one event to another.

    For a service account: its owners, its other recorded users, and those who issued or received a token of it. For a
    person's account: those who created it, set its password, changed its address or were shown its sign-in link. A
    `password_set` or `link_shown` row ends when the holder sets a password by another link. A row that ended still
    counts for what was requested or registered before its end.
    """

    class Kind(models.TextChoices):
        CREATED = "created", "made the account"
        OWNER = "owner", "owns the service account"
        USER = "user", "uses the service account"
        TOKEN_ISSUED = "token_issued", "issued a token of it"
        TOKEN_RECEIVED = "token_received", "received the secret of a token"
        PASSWORD_SET = "password_set", "set its password"
        ADDRESS_SET = "address_set", "changed its e-mail address"
        LINK_SHOWN = "link_shown", "was shown its sign-in link"

    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="controls")
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="controls_held")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    token = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="controls"
    )

    class Meta:
        ordering = ("account", "opened_at", "id")
        constraints: ClassVar[list[Any]] = [
            closed_event_constraint("account_control_closed_with_event"),
            models.UniqueConstraint(
                name="account_control_one_open",
                fields=["account", "person", "kind", "token"],
                condition=IS_CURRENT,
                nulls_distinct=False,
                violation_error_code="already_recorded",
            ),
            models.CheckConstraint(
                name="account_control_is_of_another", condition=~models.Q(account=models.F("person"))
            ),
            models.CheckConstraint(
                name="account_control_token_where_it_has_one",
                condition=models.Q(kind__in=("token_issued", "token_received"), token__isnull=False)
                | (~models.Q(kind__in=("token_issued", "token_received")) & models.Q(token__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.get_kind_display()}: {self.account}"
