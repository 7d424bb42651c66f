"""Checks of an imaginary organisation: two that work, one that breaks at will, and plug-ins with one fault each."""

import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from governance.checks.base import Check, CheckOutcome, Conclusion, Context, Parameters, RequiredEvidence, Sandbox


def _given(file: Any) -> Any:
    """What was asked for in `needs` is there when the check runs."""
    assert file is not None
    return file


class Patience(Check):
    """Passes once a file exists: what a test holds a running check with."""

    slug, version, title, category = "acme.patience", "1.0.0", "Waits for a file", "tests"
    sandbox = Sandbox(memory=512 << 20, wall=120)

    class Params(Parameters):
        until: str

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        while not Path(params.until).exists():
            time.sleep(0.02)
        return CheckOutcome(Conclusion.SUCCESS, "The file is there.")


class Rows(Check):
    """Counts the rows of the evaluation table."""

    slug, version, title, category = "acme.rows", "1.2.0", "Evaluation set is large enough", "tests"
    needs = (RequiredEvidence("evaluation.table"),)
    sandbox = Sandbox(memory=512 << 20, wall=60)

    class Params(Parameters):
        min_rows: Annotated[int, Field(ge=1, title="Rows")] = 1000

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        rows = sum(1 for _ in ctx.table(_given(ctx.one("evaluation.table")), required=("label",)))
        good = rows >= params.min_rows
        return CheckOutcome(Conclusion.SUCCESS if good else Conclusion.FAILURE, f"{rows} rows", measures={"rows": rows})


def find_notes_fault(file: Any) -> str:
    """What is wrong with notes; ends with an error if they say so."""
    content = file.local.read_bytes()
    if content == b"fail":
        raise RuntimeError("the reader has an error")
    return f"{file.path} is wrong." if content == b"wrong" else ""


class Notes(Check):
    """Reads evidence of a kind of its own, and says why a file cannot be read."""

    slug, version, title, category = "acme.notes", "1.0.0", "Notes can be read", "tests"
    needs = (RequiredEvidence("acme.notes", find_fault=find_notes_fault),)
    sandbox = Sandbox(memory=512 << 20, wall=60)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        return CheckOutcome(Conclusion.SUCCESS, "They are there.")


class Flaky(Check):
    """Breaks as long as a file is missing."""

    slug, version, title, category = "acme.flaky", "1.0.0", "Breaks at will", "tests"
    sandbox = Sandbox(memory=512 << 20, wall=60)

    class Params(Parameters):
        mended: str

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        if not Path(params.mended).exists():
            raise RuntimeError("not mended yet")
        return CheckOutcome(Conclusion.SUCCESS, "Mended.")


class Twin(Rows):
    slug = "acme.twin"


class OtherTwin(Patience):
    slug = "acme.twin"


class Intruder(Rows):
    slug = "integrity.digest"


class Unfinished(Check):
    slug, version, title, category = "acme.unfinished", "1.0.0", "Has no run()", "tests"


class Future(Rows):
    api = 2
    slug = "acme.future"


class Loose(Rows):
    slug = "acme.loose"

    class Params(BaseModel):
        anything: int = 1


class Curious(Rows):
    """Asks for a fact that does not exist."""

    slug = "acme.curious"
    facts = ("salaries",)


class Clumsy(Rows):
    """Raises whatever it can outside the sandbox."""

    slug = "acme.clumsy"

    class Params(Parameters):
        size: int = 2

        @field_validator("size")
        @classmethod
        def _known(cls, value: int) -> int:
            return {2: 2, 3: 3}[value]

    def missing(self, available: frozenset[str], facts: Any, params: Any) -> tuple[str, ...]:
        raise RuntimeError("missing() does not work")

    def combine(self, first: Any, second: Any) -> Any:
        raise RuntimeError("combine() does not work")
