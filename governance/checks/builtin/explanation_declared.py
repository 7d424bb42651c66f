"""`explanation.declared`: the contribution of each feature to the results of the model is stated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.checks.base import (
    MAX_FINDINGS,
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Json,
    Parameters,
    RequiredEvidence,
    Sandbox,
)
from governance.checks.number_columns import NumberColumn
from governance.checks.tables import TableFormatError, rows
from registry.json_text import JsonTextError, parse_json

EXPLANATION = "explanation.global"
MAX_FILE = 4 << 20
"""Maximum bytes of an explanation: 5,000 features have about 300 kB."""
MAX_FEATURES = 5_000
SHOWN = 100
"""Number of features, by their share, that the measures contain."""
_AT_LEAST = 1e-12

Name = Annotated[str, Field(min_length=1, max_length=250)]


class _Feature(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    name: Name
    contribution: float


class _Explanation(BaseModel):
    model_config = ConfigDict(extra="ignore")

    method: Name = ""
    dataset: Annotated[str, Field(max_length=250)] = ""
    features: Annotated[list[_Feature], Field(min_length=1, max_length=MAX_FEATURES)]


class _UnreadableError(ValueError):
    """The evidence is no explanation; the message names the rule."""


class ExplanationDeclared(Check):
    """Reads global feature contributions and compares their distribution with the limits of a policy."""

    slug = "explanation.declared"
    version = "1.0.0"
    title = "Feature contributions are declared"
    category = "documentation"
    description = (
        "The contribution of each feature to the results of the model is stated and within the policy's limits."
    )
    guide = """
The evidence lists the features of the model and how much each contributes over a data set, for example the mean
absolute SHAP value or the permutation importance. The check verifies that every value is a finite number and every
name unique, and computes the share of each feature in the sum of the absolute values.

With `max_share`, no feature has more than this share: a model that relies on one feature fails. With `excluded`, the
named features have no share above `excluded_share`: features that the model must not use.

The check reads what is declared. It does not load the model and does not compute contributions.

| finding | how to fix it |
| --- | --- |
| `explanation_unreadable` | Write the file as in the example. The message names the place and the rule. |
| `feature_repeated` | List each feature once, with the sum of its contributions. |
| `no_contribution` | All values are zero. Compute them on data for which the results of the model differ. |
| `too_few_features` | List all features of the model. |
| `share_too_large` | Review why the model relies on the feature, or let an officer change the limit. |
| `excluded_feature` | Train without the feature. |
"""
    needs = (
        RequiredEvidence(
            EXPLANATION,
            form="JSON: `method`, `dataset` (both optional) and `features`, a list of `name` and `contribution`. Or "
            "CSV with the columns `feature` and `contribution`. At most 5,000 features.",
            example="explanation_global.json",
            find_fault=lambda file: _read(file)[1],
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """Limits on the contributions."""

        min_features: Annotated[int, Field(ge=1, le=MAX_FEATURES, title="Features at least")] = 1
        max_share: Annotated[float, Field(gt=0, le=1, title="Largest share of one feature")] = 1.0
        excluded: Annotated[tuple[Name, ...], Field(max_length=500, title="Features that are not used")] = ()
        excluded_share: Annotated[
            float, Field(ge=0, le=1, title="Share that does not count as use", description="of an excluded feature")
        ] = 0.0

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the stricter limit of each kind, and what either excludes."""
        return first.model_copy(
            update={
                "min_features": max(first.min_features, second.min_features),
                "max_share": min(first.max_share, second.max_share),
                "excluded": tuple(dict.fromkeys((*first.excluded, *second.excluded))),
                "excluded_share": min(first.excluded_share, second.excluded_share),
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if the contributions can be read and are within the limits."""
        file = ctx.one(EXPLANATION)
        if file is None or file.local is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, f"There is no evidence {EXPLANATION}: attach it.")
        explanation, message = _read(file)
        if explanation is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, message, (Finding("explanation_unreadable", message),))
        findings = tuple(_faults(explanation, params))[:MAX_FINDINGS]
        shares = _shares(explanation.features)
        largest = sorted(explanation.features, key=lambda f: (-abs(f.contribution), f.name))[:SHOWN]
        measures: dict[str, Json] = {
            "method": explanation.method,
            "dataset": explanation.dataset,
            "features": len(explanation.features),
            "contributions": [
                {"name": f.name, "contribution": f.contribution, "share": shares.get(f.name, 0.0)} for f in largest
            ],
        }
        if findings:
            more = f" {len(findings) - 1} more findings." if len(findings) > 1 else ""
            summary = f"{findings[0].message}{more}"[:MAX_TEXT]
            return CheckOutcome(Conclusion.FAILURE, summary, findings, measures)
        first = largest[0]
        summary = f"{len(explanation.features)} features; {first.name} contributes most, {shares[first.name]:.1%}."
        return CheckOutcome(Conclusion.SUCCESS, summary, (), measures)


def _read(file: File) -> tuple[_Explanation | None, str]:
    """Return the explanation, or None and why it cannot be read."""
    try:
        return _parse(file), ""
    except (_UnreadableError, TableFormatError) as error:
        return None, f"The explanation cannot be read: {error}"[:MAX_TEXT]


def _parse(file: File) -> _Explanation:
    """Read JSON or CSV. Raises _UnreadableError or TableFormatError."""
    assert file.local is not None
    if file.size > MAX_FILE:
        raise _UnreadableError(f"it has {file.size:,} bytes; at most {MAX_FILE:,} are read.")
    raw = file.local.read_bytes()
    if not raw.strip():
        raise _UnreadableError("it is empty.")
    if not raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return _of_table(file)
    try:
        given = parse_json(raw.decode("utf-8-sig"))
        return _Explanation.model_validate({"features": given} if isinstance(given, list) else given)
    except (JsonTextError, UnicodeDecodeError) as error:
        raise _UnreadableError(f"{error}.") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = "/".join(str(part) for part in fault["loc"]) or "the document"
        raise _UnreadableError(f"{place}: {fault['msg']}.") from error


def _of_table(file: File) -> _Explanation:
    """Read CSV. Raises _UnreadableError or TableFormatError."""
    names: list[str] = []
    values = NumberColumn("row ", "contribution")
    for number, (name, value) in enumerate(rows(file, required=("feature", "contribution")), 1):
        if number > MAX_FEATURES:
            raise _UnreadableError(f"it has more than {MAX_FEATURES:,} features.")
        if not 0 < len(name.strip()) <= 250:
            raise _UnreadableError(f"row {number}: the name of a feature has 1 to 250 characters.")
        names.append(name.strip())
        values.add([value], number)
    if not names:
        raise _UnreadableError("it has no rows.")
    pairs = zip(names, values.finish().tolist(), strict=True)
    return _Explanation(features=[_Feature(name=name, contribution=value) for name, value in pairs])


def _shares(features: list[_Feature]) -> dict[str, float]:
    largest = max(abs(f.contribution) for f in features)
    if largest == 0:
        return {}
    # Divided first, so that the sum of very large values is finite.
    total = math.fsum(abs(f.contribution) / largest for f in features)
    return {f.name: abs(f.contribution) / largest / total for f in features}


def _faults(explanation: _Explanation, params: Any) -> Iterator[Finding]:
    names = [f.name for f in explanation.features]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield Finding("feature_repeated", f"The feature {name[:120]} is listed more than once.", where=name)
        seen.add(name)
    if len(seen) < params.min_features:
        message = f"{len(seen)} features are listed; at least {params.min_features} are required."
        yield Finding("too_few_features", message)
    shares = _shares(explanation.features)
    if not shares:
        yield Finding("no_contribution", "No feature contributes anything: all values are zero.")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share > params.max_share + _AT_LEAST:
            message = f"{name[:120]} contributes {share:.1%}; at most {params.max_share:.1%} are allowed."
            yield Finding("share_too_large", message, where=name)
    excluded = {name.casefold() for name in params.excluded}
    for name, share in shares.items():
        if name.casefold() in excluded and share > params.excluded_share + _AT_LEAST:
            message = f"{name[:120]} contributes {share:.1%} and is a feature that the policy excludes."
            yield Finding("excluded_feature", message, where=name)
