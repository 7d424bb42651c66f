"""An example of a check plug-in: the evaluation table has enough rows of each class."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

from governance.checks.base import (
    EVALUATION_TABLE,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    Finding,
    Parameters,
    RequiredEvidence,
    Severity,
)
from governance.checks.tables import TableFormatError


class RowsPerClass(Check):
    """Counts the rows of each label in the evaluation table."""

    slug = "bank.rows_per_class"
    version = "1.0.0"
    title = "Each class has enough rows"
    category = "performance"
    needs = (RequiredEvidence(EVALUATION_TABLE),)

    class Params(Parameters):
        """What a policy can set."""

        min_rows: Annotated[int, Field(ge=1, le=1_000_000, title="Rows of each class")] = 50

    def run(self, ctx: Context, params: Params) -> CheckOutcome:
        """Count the rows.

        Args:
            ctx: the evidence. `ctx.one` gives the evaluation table, because `needs` names it.
            params: the parameters of the policy.

        Returns:
            `success` if every class has at least `min_rows` rows, otherwise `failure` with one finding for each class.
        """
        table = ctx.one(EVALUATION_TABLE)
        assert table is not None
        try:
            rows = Counter(label for (label,) in ctx.table(table, required=("label",)))
        except TableFormatError as error:
            finding = Finding("table_unusable", str(error), Severity.HIGH, where=table.path)
            return CheckOutcome(Conclusion.ACTION_REQUIRED, "The evaluation table cannot be read.", (finding,))
        findings = tuple(
            Finding(
                "few_rows",
                f"Class {label} has {count} rows; at least {params.min_rows} are required. Add rows to the table.",
                Severity.HIGH,
                where=table.path,
            )
            for label, count in sorted(rows.items())
            if count < params.min_rows
        )
        smallest = min(rows.values(), default=0)
        summary = f"{len(rows)} classes; the smallest has {smallest} rows, {params.min_rows} are required."
        conclusion = Conclusion.FAILURE if findings or not rows else Conclusion.SUCCESS
        return CheckOutcome(conclusion, summary, findings, {"classes": len(rows), "smallest": smallest})
