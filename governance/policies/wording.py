"""A policy document as English sentences, for readers who do not read YAML. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from governance.policies.after_promotion import after_promotion_in_words
from governance.policies.document import ApprovalRule, CheckRule, PolicyDocument
from governance.policies.emergency import emergency_in_words
from governance.policies.escalation import escalation_in_words
from governance.policies.model_filter import describe_models
from governance.policies.monitoring import monitoring_in_words
from governance.policies.mutual_approvals import DEFAULT, mutual_approvals_in_words
from governance.policies.rollback import rollback_in_words
from governance.policies.timing import describe_hours
from governance.policies.waivable import waivable_in_words

NO_SELF_APPROVAL = (
    "A person who requested the change, or registered, trained or contributed to the version, does not approve it. "
    "No policy can turn that off."
)


def in_words(
    document: PolicyDocument, *, stages: Mapping[str, str] | None = None, checks: Mapping[str, str] | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Describe what a policy requires.

    Args:
        document: the policy.
        stages: names of stages by slug.
        checks: titles of checks by slug.

    Returns:
        Headings, each with its sentences.
    """
    return (
        ("Applies to", _applies(document, stages or {})),
        ("Checks", tuple(_check(rule, checks or {}) for rule in document.checks) or ("No check is required.",)),
        ("Approvals", tuple(_approvals(document.approvals)) or ("No approval is required: the checks decide.",)),
        *((("Conditions", stated),) if (stated := tuple(_conditions(document))) else ()),
        *((("Times", times),) if (times := tuple(_times(document))) else ()),
        *((("Reminders", tuple(escalation_in_words(document.escalation))),) if document.escalation else ()),
        *((("Monitoring", tuple(monitoring_in_words(document.monitoring))),) if document.monitoring else ()),
        *((("Rollback", tuple(rollback_in_words(document.rollback))),) if document.rollback else ()),
        *((("Emergency change", tuple(emergency_in_words(document.emergency))),) if document.emergency else ()),
        *(
            (("After promotion", tuple(after_promotion_in_words(document.after_promotion))),)
            if document.after_promotion
            else ()
        ),
        ("Otherwise", tuple(_rest(document))),
    )


def _applies(document: PolicyDocument, stages: Mapping[str, str]) -> tuple[str, ...]:
    applies_to = document.applies_to
    targets = _either([stages.get(slug, slug) for slug in applies_to.stages])
    if applies_to.sources:
        left = _either([stages.get(slug, slug) for slug in applies_to.sources])
        changes = [f"A version leaves {left}" + (f" for {targets}" if targets else ", for any stage") + "."]
    else:
        changes = [f"A version enters {targets}."] if targets else []
    if applies_to.aliases:
        changes.append(f"The alias {_either([f'@{name}' for name in applies_to.aliases])} is pointed at a version.")
    basis = " The tier must come from answers to the questionnaire." if document.requires_assessed_tier else ""
    return (*changes, f"It is for {describe_models(applies_to)}.{basis}")


def _check(rule: CheckRule, titles: Mapping[str, str]) -> str:
    title = titles.get(rule.check, "")
    name = f"{title} ({rule.check})" if title else rule.check
    sentence = f"{name} must pass." if rule.mode == "required" else f"{name} is run and need not pass."
    if rule.external:
        by = (
            "service accounts"
            if rule.reported_by == "service_account"
            else "any account, except people who requested it or made the version,"
        )
        sentence += f" It runs outside Countersign; results reported by {by} count."
    params = [_parameter(key, value) for key, value in rule.params.items()]
    if params:
        sentence += f" {'; '.join(params)}."
    if rule.max_age_days is not None:
        sentence += f" The result may be {_days(rule.max_age_days)} old."
    if rule.waivable is not None:
        sentence += f" {waivable_in_words(rule.waivable)}"
    return sentence


def _parameter(name: str, value: Any) -> str:
    words = name.replace("_", " ").capitalize()
    if name == "thresholds" and isinstance(value, list):
        return f"Limits: {', '.join(_limit(limit) for limit in value)}"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return f"{words}: {', '.join(str(item) for item in value)}"
    return f"{words}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _limit(limit: Any) -> str:
    if not isinstance(limit, dict):
        return json.dumps(limit, ensure_ascii=False)
    words = f"{limit.get('metric', '')} {limit.get('op', '>=')} {limit.get('value', '')}"
    words += f" on {limit['dataset']}" if limit.get("dataset") else ""
    return words + (f" for {limit['slice']}" if limit.get("slice") else "")


def _approvals(rules: tuple[ApprovalRule, ...]) -> list[str]:
    ordered = sorted(rules, key=lambda rule: rule.order)
    orders = sorted({rule.order for rule in rules})
    sentences = []
    for rule in ordered:
        people = "1 person" if rule.count == 1 else f"{rule.count} different people"
        before = "" if rule.order == orders[0] else " after the approvals above"
        sentences.append(f"{people} of {rule.label} must approve{before}.")
    return sentences


def _conditions(document: PolicyDocument) -> list[str]:
    stated = document.conditions
    parts = (stated.all_of or (stated,)) if stated is not None else ()
    sentences = [f"{_capital(part.title or part.words)}." for part in parts]
    rules = [(rule.check, rule.when) for rule in document.checks] + [(r.label, r.when) for r in document.approvals]
    sentences += [f"{_capital(name)} only when {when.words}." for name, when in rules if when is not None]
    return sentences


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _times(document: PolicyDocument) -> list[str]:
    sentences = []
    if document.approval_valid_days is not None:
        sentences.append(
            f"An approval is valid for {_days(document.approval_valid_days)}. Then it lapses and is needed again."
        )
    if document.wait_hours is not None:
        since = "the last approval" if document.approvals else "the request was opened"
        sentences.append(
            f"The change is carried out {describe_hours(document.wait_hours)} after {since} at the earliest."
        )
    sentences += [f"Nothing is promoted during {window.words}." for window in document.freeze_windows]
    if document.review_within_days is not None:
        sentences.append(
            f"When the change is carried out, the next review of the model is at most "
            f"{_days(document.review_within_days)} ahead."
        )
    return sentences


def _rest(document: PolicyDocument) -> list[str]:
    return [
        _comment(document),
        "The change is carried out automatically when every requirement is met."
        if document.on_ready == "promote"
        else "When every requirement is met, a person who may request promotions releases it.",
        f"A request expires after {_days(document.expires_after_days)}.",
        *([mutual_approvals_in_words(rule)] if (rule := document.mutual_approvals) != DEFAULT else []),
        NO_SELF_APPROVAL,
    ]


def _comment(document: PolicyDocument) -> str:
    if document.comment_min_length is not None:
        return f"Every decision needs a comment of at least {document.comment_min_length} characters."
    if document.comment_required:
        return "Every decision needs a comment."
    return "An approval needs no comment; other decisions do."


def _days(count: int) -> str:
    return f"{count} day{'s' if count != 1 else ''}"


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
