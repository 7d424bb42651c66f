"""The base score of a CVSS 3.x vector.

Source: FIRST, Common Vulnerability Scoring System v3.1: Specification Document, section 7. Pure.
"""

from __future__ import annotations

_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
"""Weights of PR where the scope changes."""


def base_score(vector: str) -> float | None:
    """Return the base score of a vector, 0.0 to 10.0; None if the text is no CVSS 3.0 or 3.1 vector.

    Args:
        vector: such as `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`. Temporal and environmental metrics are allowed
            and not counted.
    """
    head, *parts = vector.strip().split("/")
    if head not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    given: dict[str, str] = {}
    for part in parts:
        name, mark, value = part.partition(":")
        if not mark or name in given:
            return None
        given[name] = value
    if any(given.get(name) not in values for name, values in _WEIGHTS.items()):
        return None
    weight = {name: values[given[name]] for name, values in _WEIGHTS.items()}
    changed = given["S"] == "C"
    privileges = _PRIVILEGES_CHANGED[given["PR"]] if changed else weight["PR"]
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = impact + exploitability
    return _round_up(min(1.08 * total if changed else total, 10))


def _round_up(value: float) -> float:
    """Return the smallest number with one decimal that is not less, computed as in appendix A."""
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10
