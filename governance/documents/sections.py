"""Registry data as content blocks, by fact name. Reads only; every query is bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Prefetch

from governance.documents.content_blocks import Block, facts, moment, number, table, text
from governance.models import CheckRun, Decision, PromotionRequest, Waiver
from governance.policies import PolicyDocument, facts_of_model
from governance.policies.metric_limits import limits_for
from registry import model_card as cards
from registry.comparison import read_lock
from registry.json_text import JsonTextError, parse_json
from registry.models import ModelVersion, Stage, StageOccupancy
from registry.selectors import VersionContents

MAX_LISTED = 100
"""Maximum number of requests, versions and stage occupancies read."""

RECORD, VERSION, LOG = "record of the model", "record of the version", "promotion requests and their decisions"


class SectionBuilder:
    """The registry data of one version. `answer` takes the fact names of the template."""

    def __init__(
        self, version: ModelVersion, documents: Sequence[PolicyDocument], contents: VersionContents | None = None
    ) -> None:
        self.version = version
        self.documents = documents
        self.contents = contents or VersionContents(version)
        self._answered: dict[str, list[Block]] = {}
        self._known: dict[str, Callable[[], list[Block]]] = {
            "purpose": self._purpose,
            "prohibited use": lambda: text("Not for", RECORD, version.model.prohibited_use),
            "version": self._version,
            "relatives": self._relatives,
            "environment": self._environment,
            "files": self._files,
            "code": self._code,
            "parents": self._parents,
            "base models": lambda: self._front_matter("Base models", "base_model"),
            "parameters": self._parameters,
            "inputs": lambda: self._signature("Input", "inputs"),
            "outputs": lambda: self._signature("Output", "outputs"),
            "datasets": self._datasets,
            "metrics": lambda: self._metrics("Metrics", sliced=False),
            "slices": lambda: self._metrics("Metrics by slice", sliced=True),
            "checks": self._checks,
            "evidence": self._evidence,
            "decisions": self._decisions,
            "limits": self._limits,
            "risk": self._risk,
            "history": self._history,
            "requests": self._requests,
            "standards": lambda: self._front_matter("Standards", "standards"),
            "declaration": lambda: self._evidence_of("conformity.declaration"),
            "review": lambda: facts("Review", RECORD, [("next review", _day(version.model.next_review))]),
        }

    def answer(self, name: str) -> list[Block]:
        """Return the blocks of a fact; empty if there is no data. Cached, because several points use the same fact."""
        if name not in self._answered:
            self._answered[name] = self._known[name]()
        return self._answered[name]

    def section(self, headings: Sequence[str]) -> list[Block]:
        """Return the first section of the card under one of these headings with more than a placeholder."""
        if self.parsed is None or self.card is None:
            return []
        for heading in headings:
            found = cards.section_of(self.parsed, heading)
            if found is not None and found.words:
                source = f"model card, revision {self.card.revision}, section “{found.title}”"
                return text(found.title, source, self.parsed.source(found))
        return []

    @cached_property
    def card(self) -> Any:
        """The newest revision of the card."""
        return self.contents.card(self.version)

    @cached_property
    def parsed(self) -> cards.Card | None:
        """The parsed card; None if there is none or it cannot be parsed."""
        try:
            return cards.parse(self.card.text) if self.card is not None else None
        except cards.ModelCardParseError:
            return None

    @cached_property
    def requests(self) -> list[PromotionRequest]:
        """The version's promotion requests, newest first, with their decisions."""
        decisions = Prefetch(
            "decisions", Decision.objects.select_related("on_behalf_of", "delegation").order_by("signed_at", "pk")
        )
        rows = PromotionRequest.objects.filter(version=self.version).order_by("-pk")
        joined = rows.select_related("source_stage", "target_stage", "requested_by", "policy_revision__policy")
        return list(joined.prefetch_related(decisions, "policies")[:MAX_LISTED])

    # --- answers

    def _purpose(self) -> list[Block]:
        model = self.version.model
        people = {True: "yes", False: "no", None: None}[model.affects_people]
        items = [("use case", model.purpose), ("affects people", people), ("team", model.team)]
        return (
            [*text("Intended use", RECORD, model.intended_use), *facts("Use", RECORD, items)]
            if (model.intended_use or model.purpose)
            else []
        )

    def _version(self) -> list[Block]:
        v, model = self.version, self.version.model
        return facts(
            "Version",
            VERSION,
            [
                ("model", f"{model.slug} ({model.title})" if model.title else model.slug),
                ("version", str(v.number)),
                ("fingerprint", f"sha256:{v.fingerprint}" if v.fingerprint else None),
                ("stage", v.stage.name),
                ("registered", moment(v.registered_at)),
                ("registered by", v.registered_by.name),
                ("trained by", v.trained_by.name if v.trained_by is not None else None),
                ("licence", v.licence),
                ("owner of the model", model.owner.name if model.owner is not None else None),
            ],
        )

    def _relatives(self) -> list[Block]:
        rows = (
            ModelVersion.objects.filter(
                model=self.version.model, number__lt=self.version.number, status=ModelVersion.Status.REGISTERED
            )
            .select_related("stage")
            .order_by("-number")[:20]
        )
        listed = [[f"v{v.number}", moment(v.registered_at), v.stage.name] for v in rows]
        return table("Earlier versions", VERSION, ("version", "registered", "stage"), listed)

    def _parents(self) -> list[Block]:
        rows = self.version.parents.select_related("model").order_by("model__slug", "number")[:MAX_LISTED]
        # A parent's model may not be visible to readers of this one: only its fingerprint is shown.
        mine = self.version.model_id
        listed = [
            [f"{p.model.slug} v{p.number}" if p.model_id == mine else "a version of another model", p.fingerprint]
            for p in rows
        ]
        return table("Made from", VERSION, ("version", "fingerprint"), listed)

    def _environment(self) -> list[Block]:
        lock = read_lock(self.version.environment_lock)
        rows = [[p.name, p.version] for _, p in sorted(lock.packages.items())]
        if not rows:
            return text("Environment", VERSION, self.version.environment_lock[:4_000])
        return table(f"Environment ({lock.form})", VERSION, ("package", "version"), rows)

    def _files(self) -> list[Block]:
        rows = [[a.path, f"{a.size:,}", a.sha256] for a in self.contents.files(self.version)]
        return table("Files", VERSION, ("file", "bytes", "SHA-256"), rows)

    def _code(self) -> list[Block]:
        v = self.version
        clean = {True: "clean", False: "with local changes", None: None}[v.code_clean]
        items = [
            ("repository", v.code_repository),
            ("commit", v.code_commit),
            ("working copy", clean),
            ("training run", v.run_id),
            ("source", v.source),
        ]
        return facts("Code", VERSION, items)

    def _parameters(self) -> list[Block]:
        rows = [[name, value] for name, value in _leaves(self.version.parameters)]
        return table("Parameters", VERSION, ("parameter", "value"), rows)

    def _signature(self, title: str, side: str) -> list[Block]:
        given = self.version.signature.get(side)
        if isinstance(given, str):
            try:
                given = parse_json(given)
            except JsonTextError as fault:
                if fault.code == "syntax":
                    return text(title, VERSION, given)
                return facts(title, VERSION, [("signature", f"unreadable: {fault.detail}")])
        if not isinstance(given, list):
            return facts(title, VERSION, [("signature", _json(given) if given else None)])
        rows = [_column(n, spec) for n, spec in enumerate(given)]
        return table(f"{title} signature", VERSION, ("field", "type", "required"), rows)

    def _datasets(self) -> list[Block]:
        rows = [
            [d.role, d.name, d.reference or d.uri, f"{d.digest_algorithm}:{d.digest}" if d.digest else "", d.strength]
            for d in self.contents.datasets(self.version)
        ]
        return table("Data sets", VERSION, ("role", "name", "reference", "identity", "strength"), rows)

    def _metrics(self, title: str, *, sliced: bool) -> list[Block]:
        rows = [m for m in self.contents.metrics(self.version) if bool(m.slice) is sliced]
        if sliced:
            listed = [[m.name, m.slice, m.dataset, number(m.value)] for m in rows]
            return table(title, VERSION, ("metric", "slice", "data set", "value"), listed)
        return table(
            title, VERSION, ("metric", "data set", "value"), [[m.name, m.dataset, number(m.value)] for m in rows]
        )

    def _checks(self) -> list[Block]:
        rows = CheckRun.objects.filter(version=self.version, status=CheckRun.Status.COMPLETED)
        newest = rows.order_by("check_slug", "-pk").distinct("check_slug").defer("findings", "measures", "conditions")
        listed = [
            [f"{r.check_slug} {r.check_version}", r.get_conclusion_display(), moment(r.completed_at), r.summary]
            for r in newest[:MAX_LISTED]
        ]
        checks = table("Checks", "check runs", ("check", "conclusion", "when", "what it found"), listed)
        return [*checks, *self._waivers()]

    def _waivers(self) -> list[Block]:
        """The waivers of checks; no table without any."""
        rows = [
            [
                f"{w.pk}: {w.check_slug}" + (f" ({', '.join(w.codes)})" if w.codes else ""),
                w.signed_name,
                f"{moment(w.granted_at)} to {moment(w.valid_until)}",
                w.get_end_display(),
                w.reason,
                w.control,
            ]
            for w in Waiver.objects.filter(version=self.version).order_by("pk")[:MAX_LISTED]
        ]
        columns = ("waiver", "risk accepted by", "valid", "ended", "reason", "compensating control")
        return table("Waived checks", LOG, columns, rows) if rows else []

    def _evidence(self) -> list[Block]:
        rows = self.contents.evidence(self.version)
        return table("Evidence", VERSION, ("kind", "file", "SHA-256", "added"), [_evidence(e) for e in rows])

    def _evidence_of(self, kind: str) -> list[Block]:
        rows = [e for e in self.contents.evidence(self.version) if e.kind == kind]
        return table("Declaration", VERSION, ("kind", "file", "SHA-256", "added"), [_evidence(e) for e in rows])

    def _decisions(self) -> list[Block]:
        rows = [
            [
                f"#{r.pk} to {r.target_name}",
                d.signer,
                ", ".join(d.groups),
                d.get_outcome_display() + _ended(d),
                moment(d.signed_at),
                d.signed_meaning,
            ]
            for r in self.requests
            for d in r.decisions.all()
        ]
        columns = ("request", "signed by", "for", "decision", "when", "meaning of the signature")
        return table("Decisions", LOG, columns, rows)

    def _requests(self) -> list[Block]:
        rows = [
            [
                f"#{r.pk}",
                f"{r.source_stage.name} → {r.target_name}",
                r.get_state_display(),
                moment(r.created_at),
                "; ".join(f"{b.policy_revision.described} ({b.get_basis_display()})" for b in r.governing),
                r.reason,
            ]
            for r in self.requests
        ]
        columns = ("request", "move", "state", "asked", "policies", "reason")
        return table("Promotion requests", LOG, columns, rows)

    def _history(self) -> list[Block]:
        stays = StageOccupancy.objects.filter(version=self.version).select_related("stage").order_by("opened_at", "pk")
        numbers = {str(r.uid): f"#{r.pk}" for r in self.requests}
        rows = [
            [s.stage.name, moment(s.opened_at), moment(s.closed_at), numbers.get(str(s.promotion), "")]
            for s in stays[:MAX_LISTED]
        ]
        return table("Stages", VERSION, ("stage", "from", "to", "by request"), rows)

    def _limits(self) -> list[Block]:
        top = set(Stage.objects.filter(exclusive=True).values_list("slug", flat=True))
        found = limits_for(facts_of_model(self.version.model), self.documents, top)
        rows = [[x.metric, x.slice or "all rows", x.dataset or "", f"{x.sign} {number(x.value)}"] for x in found]
        return table("Limits on metrics", "policies in force", ("metric", "slice", "data set", "limit"), rows)

    def _risk(self) -> list[Block]:
        model = self.version.model
        if model.risk_tier is None:
            return []
        policies = [d.slug for d in self.documents if d.applies_to.covers(facts_of_model(model))]
        items = [
            ("risk tier", str(model.risk_tier)),
            ("regulations named", ", ".join(map(str, model.regulations))),
            ("accountable executive", model.accountable_executive.name if model.accountable_executive else None),
            ("policies that apply", ", ".join(sorted(policies))),
        ]
        return facts("Risk", RECORD, items)

    def _front_matter(self, title: str, name: str) -> list[Block]:
        if self.parsed is None or not self.parsed.metadata.get(name):
            return []
        try:
            value = cards.to_json_value(self.parsed.metadata[name])
        except cards.ModelCardParseError:
            return []
        shown = (
            ", ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else _json(value)
        )
        return facts(title, f"model card, revision {self.card.revision}, front matter", [(name, shown)])


def _evidence(row: Any) -> list[str]:
    return [row.kind, row.filename, row.blob_id, moment(row.added_at)]


def _column(position: int, spec: Any) -> list[str]:
    if not isinstance(spec, dict):
        return [f"#{position}", _json(spec), ""]
    kind = spec.get("type", "")
    inner = spec.get("tensor-spec")
    if kind == "tensor" and isinstance(inner, dict):
        kind = f"tensor of {inner.get('dtype', '?')}, shape {_json(inner.get('shape'))}"
    return [str(spec.get("name") or f"#{position}"), kind if isinstance(kind, str) else _json(kind),
            "no" if spec.get("required") is False else "yes"]  # fmt: skip


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _day(value: Any) -> str | None:
    return value.isoformat() if value is not None else None


def _ended(decision: Decision) -> str:
    """Return how a decision ended, in brackets; empty if it counts."""
    if decision.lapsed_at is None:
        return ""
    return f" (objection {decision.ending.kind})" if decision.ending is not None else " (lapsed)"
