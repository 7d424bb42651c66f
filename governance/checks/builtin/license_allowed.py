"""`license.allowed`: the declared licences are ones that the policy allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from governance.checks.base import (
    MAX_FINDINGS,
    MAX_TEXT,
    MODEL_CARD,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    Finding,
    Json,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.licences import (
    CUSTOM_ID,
    Expression,
    Licence,
    LicenceExpressionError,
    base_id,
    evaluate,
    is_taken,
    licences_of,
    parse_licence,
)
from registry.model_card import ModelCardParseError, parse

MAX_CARD = 256 * 1024
"""Maximum size of a card in bytes."""
MAX_LICENCES = 200
"""Maximum number of licences that a card declares; more are a list of another kind."""

CARD_FIELD = "model card: license"
VERSION_FIELD = "version: licence"

LicenceId = Annotated[str, Field(min_length=1, max_length=250)]
CustomId = Annotated[str, Field(pattern=rf"^{CUSTOM_ID.pattern}$")]


class LicenseAllowed(Check):
    """Compares the licence of the model card, of the version and of declared data sets with the lists of a policy."""

    slug = "license.allowed"
    version = "1.0.0"
    title = "Licence is allowed"
    category = "documentation"
    description = "The licences that the model card, the version and its data sets declare are ones the policy allows."
    guide = """
The check reads `license` in the front matter of the model card, the licence that was given when the version was
registered, and the licences of data sets where the card names them (`dataset_licenses`, or `license` of an entry of
`datasets`). Each is parsed as an [SPDX licence expression](https://spdx.org/licenses/) and judged as a tree:
all licences joined by `AND` must be allowed, one of those joined by `OR` is enough.

- Older forms count as the form of the SPDX list: `LGPL-2.1` is `LGPL-2.1-only`.
- Identifiers of the Hugging Face Hub are read. `openrail` or `llama3.1` can be listed in `allow` by these names. Where
  the card has `license: other`, the identifier in `license_name` is judged.
- An exception belongs to its licence: allow `GPL-2.0-only WITH Classpath-exception-2.0`, not the exception alone.
- An identifier in `deny` covers its `-only` and `-or-later` forms and every exception. `deny` is stronger than `allow`.
- `LicenseRef-…`, `NOASSERTION`, `bsd` and `gpl` identify no licence, unless `custom_ids` defines the identifier.

The check reads what is declared. It does not compare the files with the text of a licence, and is no legal advice.

| finding | how to fix it |
| --- | --- |
| `licence_missing`, `licence_empty` | Add `license:` with the licence that applies to the front matter of the card. |
| `licence_unreadable` | Write an expression, such as `MIT OR Apache-2.0`. A slash or a comma does not say which. |
| `licence_unknown` | Write an identifier of the SPDX list, or let an officer define the identifier in `custom_ids`. |
| `licence_not_allowed`, `licence_denied` | Use other components, or let an officer change the policy. |
| `licence_too_long` | Write a shorter expression, or fewer of them. |
| `card_unreadable`, `card_too_long` | As for the check `docs.model_card`. |
| `licence_differs` | The card and the version declare different licences. Correct the one that is wrong. |
"""
    needs = (
        RequiredEvidence(
            MODEL_CARD,
            required=False,
            form="Markdown with YAML front matter. `license` contains an SPDX expression.",
            example="model_card.md",
        ),
    )
    facts = ("licence",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """Which licences are allowed."""

        allow: Annotated[
            tuple[LicenceId, ...] | None,
            Field(
                max_length=500,
                title="Allowed licences",
                description="identifiers, with their exceptions; null: every identified licence that is not refused",
            ),
        ] = ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "Unlicense", "Zlib")
        deny: Annotated[tuple[LicenceId, ...], Field(max_length=500, title="Refused licences")] = ()
        custom_ids: Annotated[
            tuple[CustomId, ...],
            Field(
                max_length=200, title="Identifiers of the organisation", description="such as LicenseRef-Bank-Internal"
            ),
        ] = ()
        on_unknown: Annotated[
            Literal["action_required", "failure"], Field(title="Conclusion where a licence cannot be identified")
        ] = "action_required"

        @model_validator(mode="after")
        def _identified(self) -> Self:
            """Refuse identifiers that could never match."""
            for name in self.custom_ids:
                if is_taken(name):
                    raise ValueError(f"custom_ids: “{name}” has a meaning already; choose another identifier")
            for name, given in (("allow", self.allow or ()), ("deny", self.deny)):
                for text in given:
                    try:
                        found = parse_licence(text, self.custom_ids)
                    except LicenceExpressionError as error:
                        raise ValueError(f"{name}: {error}") from error
                    if not isinstance(found, Licence):
                        raise ValueError(f"{name}: “{text}” joins licences; write each as an entry of its own")
                    if found.problem:
                        raise ValueError(f"{name}: {found.problem} Other identifiers are listed in custom_ids")
            if self.allow is None and not self.deny:
                raise ValueError("allow: null needs a list in deny, otherwise every licence would be allowed")
            return self

        def canonical(self, given: tuple[str, ...]) -> frozenset[str]:
            """Return the identifiers of a list in the form in which licences are compared."""
            parsed = (parse_licence(text, self.custom_ids) for text in given)
            return frozenset(licence.text for licence in parsed if isinstance(licence, Licence))

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return what both allow: the common licences, the refused ones of both, identifiers that both define."""
        custom = tuple(name for name in first.custom_ids if name in second.custom_ids)
        # An identifier that one set does not define stays unknown, so it leaves the lists.
        foreign = {name.casefold() for name in {*first.custom_ids, *second.custom_ids} - set(custom)}

        def own(given: frozenset[str]) -> tuple[str, ...]:
            return tuple(sorted(text for text in given if text.split(" WITH ")[0].casefold() not in foreign))

        lists = [each.canonical(each.allow) for each in (first, second) if each.allow is not None]
        return first.model_copy(
            update={
                "allow": own(lists[0].intersection(*lists)) if lists else None,
                "deny": own(first.canonical(first.deny) | second.canonical(second.deny)),
                "custom_ids": custom,
                "on_unknown": "failure" if "failure" in (first.on_unknown, second.on_unknown) else first.on_unknown,
            }
        )

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return the model card if neither it nor the version declares a licence."""
        return () if MODEL_CARD in available or facts["licence"] else (MODEL_CARD,)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every declared licence is allowed."""
        unknown = Conclusion(params.on_unknown)
        file = ctx.one(MODEL_CARD)
        metadata: Mapping[str, Any] = {}
        if file is not None and file.local is not None:
            if file.size > MAX_CARD:
                message = f"The model card has {file.size:,} bytes; more than {MAX_CARD:,} are not read. Shorten it."
                return CheckOutcome(unknown, message, (Finding("card_too_long", message),))
            try:
                metadata = parse(file.local.read_text("utf-8")).metadata
            except (ModelCardParseError, UnicodeDecodeError) as error:
                message = f"The model card cannot be read: {error}"[:MAX_TEXT]
                return CheckOutcome(unknown, message, (Finding("card_unreadable", message),))
        declared = list(_declared(metadata, ctx.facts["licence"]))
        if not any(where in (CARD_FIELD, VERSION_FIELD) for where, _ in declared):
            message = "Neither the model card nor the version declares a licence. Add `license` to the front matter."
            return CheckOutcome(unknown, message, (Finding("licence_missing", message, where=CARD_FIELD),))
        if len(declared) > MAX_LICENCES:
            message = f"The card declares {len(declared)} licences; at most {MAX_LICENCES} are read."
            return CheckOutcome(unknown, message, (Finding("licence_too_long", message),))
        return _judge(declared, params, unknown)


def _declared(metadata: Mapping[str, Any], of_version: str) -> Iterator[tuple[str, str]]:
    """Yield where a licence is declared, and its text. A list means that all of its licences apply."""
    if "license" in metadata:
        given = metadata["license"]
        if str(given).strip().casefold() == "other" and str(metadata.get("license_name") or "").strip():
            given = metadata["license_name"]
        for text in _texts(given):
            yield CARD_FIELD, text
    if of_version.strip():
        yield VERSION_FIELD, of_version
    licences = metadata.get("dataset_licenses")
    for name, given in licences.items() if isinstance(licences, dict) else ():
        for text in _texts(given):
            yield f"data set {str(name)[:120]}", text
    if licences is not None and not isinstance(licences, dict):
        for text in _texts(licences):
            yield "data sets", text
    datasets = metadata.get("datasets")
    for entry in datasets if isinstance(datasets, list) else ():
        if isinstance(entry, dict) and "license" in entry:
            for text in _texts(entry["license"]):
                yield f"data set {str(entry.get('name') or entry.get('id') or '')[:120]}".strip(), text


def _texts(given: Any) -> list[str]:
    if isinstance(given, list) and given:
        return [_text(member) for member in given]
    return [_text(given)]


def _text(given: Any) -> str:
    return given if isinstance(given, str) else "" if given is None or given in ([], {}) else repr(given)[:200]


def _judge(declared: list[tuple[str, str]], params: Any, unknown: Conclusion) -> CheckOutcome:
    allow = params.canonical(params.allow) if params.allow is not None else None
    deny = params.canonical(params.deny)
    denied = frozenset(base_id(text) for text in deny if " WITH " not in text)

    def is_denied(licence: Licence) -> bool:
        return licence.text in deny or base_id(licence.id) in denied

    def is_allowed(licence: Licence) -> bool | None:
        if licence.problem:
            return None
        return not is_denied(licence) and (allow is None or licence.text in allow)

    findings: list[Finding] = []
    results: list[bool | None] = []
    read: dict[str, list[str]] = {}
    for where, text in declared:
        try:
            expression = parse_licence(text, params.custom_ids)
        except LicenceExpressionError as error:
            findings.append(Finding(error.code, str(error)[:MAX_TEXT], Severity.HIGH, where))
            results.append(None)
            continue
        read.setdefault(where, []).append(expression.text)
        result = evaluate(expression, is_allowed)
        results.append(result)
        if not result:
            findings += _faults(expression, where, is_allowed, is_denied)
    of_card, of_version = read.get(CARD_FIELD), read.get(VERSION_FIELD)
    if of_card and of_version and sorted(of_card) != sorted(of_version):
        message = (
            f"The model card declares {' and '.join(of_card)}, the version {' and '.join(of_version)}. Both are judged."
        )
        findings.append(Finding("licence_differs", message[:MAX_TEXT], Severity.WARNING, CARD_FIELD))
    licences: dict[str, Json] = {where: list(texts) for where, texts in read.items()}
    kept = tuple(findings[:MAX_FINDINGS])
    if False in results:
        conclusion = Conclusion.FAILURE
    elif None in results:
        conclusion = unknown
    else:
        named = ", ".join(dict.fromkeys(text for texts in read.values() for text in texts))
        return CheckOutcome(Conclusion.SUCCESS, f"Allowed: {named}."[:MAX_TEXT], kept, {"licences": licences})
    return CheckOutcome(conclusion, kept[0].message, kept, {"licences": licences})


def _faults(expression: Expression, where: str, is_allowed: Any, is_denied: Any) -> Iterator[Finding]:
    """Yield why each licence that is not allowed is not, each once."""
    for licence in dict.fromkeys(licences_of(expression)):
        allowed = is_allowed(licence)
        if allowed:
            continue
        if allowed is None:
            yield Finding("licence_unknown", licence.problem[:MAX_TEXT], Severity.HIGH, where)
        elif is_denied(licence):
            yield Finding("licence_denied", f"The policy refuses {licence.text}.", Severity.HIGH, where)
        else:
            message = f"{licence.text} is not among the licences that the policy allows."
            yield Finding("licence_not_allowed", message, Severity.HIGH, where)
