"""What a change proposal contains, as a person reads it."""

from typing import Any

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


def _line(value: Any) -> str:
    return "  ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)
