"""What a change proposal contains, as a person reads it."""

from typing import Any

from governance import policies
from governance.selectors.paths import warnings_of
from registry.models import ChangeProposal


def content_of(proposal: ChangeProposal) -> str:
    """The signed payload as text: its YAML where it holds one, otherwise one line a member.

    Args:
        proposal: any change proposal the reader may see.

    Returns:
        Text of several lines, as it was proposed.
    """
    if "source" in proposal.payload:
        return str(proposal.payload["source"])
    lines: list[str] = []
    for name, value in proposal.payload.items():
        if isinstance(value, dict):
            lines += [f"{name}.{key}: {_line(one)}" for key, one in value.items()]
            continue
        rows = value if isinstance(value, list) else [value]
        lines += [f"{name}: {_line(row)}" for row in rows]
    return "\n".join(lines)


def warnings_of_change(proposal: ChangeProposal) -> tuple[str, ...]:
    """What a person must know before a proposal takes effect: see `warnings_of` for a policy."""
    if proposal.kind != "policy.publication":
        return ()
    try:
        return warnings_of(policies.parse(str(proposal.payload.get("source", ""))))
    except ValueError:  # another release reads policies more strictly; confirming it is refused with the reason
        return ()


def _line(value: Any) -> str:
    return "  ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)
