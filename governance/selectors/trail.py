"""Which part of the audit log is read: all of it, or the events of one model, version or promotion request."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from audit import selectors as log
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.models import PromotionRequest
from governance.selectors.requests import get_request_status, visible_requests
from registry import access
from registry.models import ModelVersion, RegisteredModel

_NUMBER = re.compile(r"#(\d{1,9})")
_VERSION = re.compile(r"([a-z0-9][a-z0-9._-]*)(?:/| v| )(\d{1,9})")


@dataclass(frozen=True)
class Concern:
    """What the events are about. At most one object is set; none means the whole log. `text` is the remaining
    search text.
    """

    model: RegisteredModel | None = None
    version: ModelVersion | None = None
    request: PromotionRequest | None = None
    text: str = ""

    @property
    def about(self) -> ObjectRef | None:
        """The object that every event refers to."""
        if self.request is not None:
            return ObjectRef("promotion", str(self.request.uid))
        return ObjectRef("version", str(self.version.uid)) if self.version is not None else None

    @property
    def is_open_to_readers_of_the_model(self) -> bool:
        """Whether the events belong to one model, whose history is readable for everyone who sees the model."""
        return self.model is not None or self.version is not None or self.request is not None


def rows_by_uid(
    kind: type[Model], uids: Collection[str], *, joins: Collection[str] = (), model: str = "", actor: Actor
) -> list[Any]:
    """Return the rows of one kind that events refer to, as far as they are visible to the actor.

    Args:
        kind: the kind of the rows.
        uids: their uids; a text that is no UUID is ignored.
        joins: relations that are read with the rows.
        model: lookup of the registered model that a row belongs to; empty if visibility does not depend on a model.
        actor: who reads the events.
    """
    rows = kind._default_manager.filter(uid__in=[uid for uid in uids if len(uid) == 36 and uid.count("-") == 4])
    if model:
        rows = rows.filter(**{f"{model}__in": access.visible_models(actor)})
    return list(rows.select_related(*joins))


def named_in_log(actor: Actor, text: str) -> Concern:
    """Resolve a search text of the log to a visible object. At most three queries.

    The log contains identifiers, not names, so names are resolved here: `#63`, a model's slug, `name v14`, `name/14`.

    Args:
        actor: who reads.
        text: the search text.

    Returns:
        The object, or the text to search for in the records.
    """
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        request = visible_requests(actor).filter(pk=int(number[1])).first()
        return Concern(request=request) if request is not None else Concern(text=text)
    visible = access.visible_models(actor)
    if found := _VERSION.fullmatch(text):
        versions = ModelVersion.objects.filter(model__in=visible, model__slug=found[1], number=int(found[2]))
        if (version := versions.select_related("model").first()) is not None:
            return Concern(version=version)
    model = visible.filter(slug=text).first() if text else None
    return Concern(model=model) if model is not None else Concern(text=text)


def trail_of_request(actor: Actor, number: int, *, cursor: str | None = None, limit: int = log.PAGE_SIZE) -> log.Page:
    """Return the events about a request, its decisions, check runs and packets, newest first.

    Args:
        actor: who reads; everyone who sees the request may.
        number: number of the request.
        cursor: position from the previous page.
        limit: events per page.

    Raises:
        NotFoundError: there is no such request visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    request = get_request_status(actor, number)
    return log.search(about=ObjectRef("promotion", str(request.uid)), cursor=cursor, limit=limit)
