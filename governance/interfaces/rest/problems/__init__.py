"""Catalogue of problem types: meaning and remedy of each `code`. The `type` of a problem is the URL of its page.

A test checks that it is complete: every error code of the product is here.
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
    """Return the type of an error code; the type `refused` for an unknown code."""
    return CATALOGUE.get(code, CATALOGUE[FALLBACK])


def url_of(code: str) -> str:
    """Return the URL of the page of a problem type."""
    known = code if code in CATALOGUE else FALLBACK
    return f"{settings.PUBLIC_URL}{PREFIX}/problems/{known}"
