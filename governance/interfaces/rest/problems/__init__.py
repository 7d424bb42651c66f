"""The catalogue of problem types: what each `code` means and what to do. Its pages are what `type` points at.

A test holds it complete: every code a refusal of the product carries is here.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings

from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.problems.identity import IDENTITY
from governance.interfaces.rest.problems.imports import IMPORTS
from governance.interfaces.rest.problems.people import PEOPLE
from governance.interfaces.rest.problems.problem_type import ProblemType
from governance.interfaces.rest.problems.protocol import PROTOCOL
from governance.interfaces.rest.problems.state import STATE

CATALOGUE: Final[dict[str, ProblemType]] = {**PROTOCOL, **IDENTITY, **STATE, **IMPORTS, **PEOPLE}

FALLBACK: Final = "refused"


def get_problem_type(code: str) -> ProblemType:
    """The type of a code; for one the catalogue lacks, that of a plain refusal."""
    return CATALOGUE.get(code, CATALOGUE[FALLBACK])


def url_of(code: str) -> str:
    """The address of a problem type: its page in this product."""
    known = code if code in CATALOGUE else FALLBACK
    return f"{settings.PUBLIC_URL}{PREFIX}/problems/{known}"
