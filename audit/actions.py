"""Register of action names. The log, the webhooks and the API use the same names; an unknown name is an error."""

from __future__ import annotations

import re

from audit.exceptions import BadActionName, UnknownActionError

# noun.past-participle: "model.registered", "promotion.changes_requested", "alias.rolled_back". The participle is
# regular (-ed) or one of the irregular ones in the pattern.
_NAME = re.compile(
    r"[a-z]+(?:_[a-z]+)*"
    r"\.(?:[a-z]+_)*"
    r"(?:[a-z]+(?:ed|en|wn)|begun|bound|built|cut|found|held|kept|left|lost|made|paid|put|repaid|run|sent|set|sold)"
    r"(?:_(?:back|down|in|off|on|out|up))?"
)


class Action(str):
    """A registered action: its name, and the phrase that follows the actor's name on a page."""

    __slots__ = ("sentence",)
    sentence: str

    def __new__(cls, name: str, sentence: str) -> Action:
        """Create the value without registering it; use :func:`register` instead."""
        action = super().__new__(cls, name)
        action.sentence = sentence
        return action


_register: dict[str, Action] = {}


def register(name: str, sentence: str) -> Action:
    """Register an action and return it. Each package keeps the returned values as constants.

    Args:
        name: noun.past-participle.
        sentence: completes "Ada …", as in "registered the model".

    Raises:
        BadActionName: the name has another form, the phrase is empty, or the name is registered with another phrase.
    """
    if not _NAME.fullmatch(name):
        raise BadActionName(f"{name!r} is not noun.past-participle in lower case, such as 'model.registered'.")
    if not sentence.strip():
        raise BadActionName(f"{name!r} needs the phrase that follows the actor's name, such as 'registered the model'.")
    earlier = _register.get(name)
    if earlier is None:
        return _register.setdefault(name, Action(name, sentence))
    if earlier.sentence != sentence:
        raise BadActionName(f"{name!r} is registered already, as {earlier.sentence!r}; one name has one meaning.")
    return earlier


def is_registered(name: str) -> bool:
    """Return whether the name is registered."""
    return name in _register


def get_action(name: str) -> Action:
    """Return the registered action with this name.

    Raises:
        UnknownActionError: the name is not registered.
    """
    try:
        return _register[name]
    except (KeyError, TypeError):
        raise UnknownActionError(name) from None


def all_actions() -> list[Action]:
    """Return all registered actions, sorted by name."""
    return sorted(_register.values())


LOG_OPENED = register("log.opened", "opened the log")
LOG_REOPENED = register("log.reopened", "continued the log under a new name after its database was restored")
KEY_ROTATED = register("key.rotated", "made a new key of the log")
KEY_RETIRED = register("key.retired", "ended the use of the former key of the log")
PRIVACY_ERASED = register("privacy.erased", "erased private texts of earlier events")
SCHEMA_MIGRATED = register("schema.migrated", "migrated the schema of the database")
