"""Register of the actions that account for each table: the actions whose events may record a change of its rows.

The database holds a copy, updated by ``manage.py migrate``. The guards of :mod:`audit.migration_guards` refuse a row
whose event has another action. A table that is not declared accepts every registered action.
"""

from __future__ import annotations

from audit import actions
from audit.exceptions import UnknownActionError

_register: dict[str, set[str]] = {}


def declare(table: str, *names: str) -> None:
    """Allow events of these actions to account for the rows of ``table``, in addition to those declared before.

    Args:
        table: a governed table.
        names: registered actions; "promotion.*" means every registered action of the noun "promotion".
    """
    _register.setdefault(table, set()).update(names)


def all_declared() -> dict[str, list[str]]:
    """Return the declared actions of each table, sorted.

    Raises:
        UnknownActionError: a declared name is not registered, or matches no registered action.
    """
    return {table: sorted(_expanded(names)) for table, names in sorted(_register.items())}


def _expanded(names: set[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        if name.endswith(".*"):
            of_noun = {str(action) for action in actions.all_actions() if action.startswith(name[:-1])}
            if not of_noun:
                raise UnknownActionError(name)
            found |= of_noun
        else:
            found.add(str(actions.get_action(name)))
    return found
