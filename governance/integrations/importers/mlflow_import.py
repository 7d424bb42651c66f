"""Import an MLflow registry: models, versions with their numbers, stages, aliases, tags.

Each version is imported in one transaction with its record and its stage, so that an interrupted import stops between
two versions. A repeated import finds existing versions by origin, name and number, does not change them, and continues.
A stage or an alias that was changed here after the import is not changed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from audit.actor import Actor
from governance import promotions
from governance.integrations.importers import mlflow_client
from governance.integrations.importers.mlflow_client import Malformed, RemoteModel, RemoteVersion
from governance.integrations.importers.report import Report
from governance.outbound_http import RemoteServer
from registry import access, selectors
from registry.exceptions import DomainError, ValidationFailedError
from registry.models import AliasAssignment, ImportRecord, ModelVersion, RegisteredModel, User
from registry.services import importing, name_claims
from registry.services.importing import ImportedClaim
from registry.services.versions import VersionSpec
from registry.stages import Lifecycle, StageSpec
from registry.validation import ErrorCollector

KIND = ImportRecord.Kind.MLFLOW
NOWHERE = frozenset({"", "none"})
"""How MLflow marks a version without a stage."""
MAX_TAGS, MAX_TAG_KEY, MAX_TAG = 100, 250, 5_000
_CORRECT_AT_SOURCE = "correct it in the source and run the import again"
_ASK = "request its promotion here"


@dataclass
class MlflowImport:
    """One run of an import.

    Args:
        actor: the officer who runs the command.
        server: the MLflow server.
        reason: recorded with every place held since before governance.
        owner: owner of the imported models.
        prefix: prefix of each model's name.
        dry: read and evaluate only, write nothing.
        on_page: called with the report after every page, to show progress.
        brought: called with each imported version, in its transaction.
    """

    actor: Actor
    server: RemoteServer
    reason: str
    owner: User | None = None
    prefix: str = ""
    dry: bool = False
    on_page: Callable[[Report], None] = lambda report: None
    on_import: Callable[[ModelVersion], None] = lambda version: None
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        """Import everything.

        Returns:
            The report.

        Raises:
            PermissionDeniedError: the actor is not an officer.
            ServerFault: the server could not be used. What was imported before stays; another run continues.
        """
        access.require_in_organisation(self.actor, access.OrgPermission.MANAGE_POLICIES)
        self._lifecycle = selectors.lifecycle()
        for their in mlflow_client.models(self.server):
            if isinstance(their, str):
                self.report.note(their, "an entry must follow MLflow's protocol", _CORRECT_AT_SOURCE)
            else:
                self._model(their)
            self.on_page(self.report)
        return self.report

    # --- models ---

    def _model(self, their: RemoteModel) -> None:
        name = f"{self.prefix}{their.name}"
        model = importing.find_imported_model(self.server.origin, their.name)
        if model is not None:
            self.report.counts["models imported before"] += 1
        elif self.dry:
            if not self._nameable(name):
                return
            self.report.counts["models imported"] += 1
        else:
            model = self._register(their, name)
            if model is None:
                return
            self.report.counts["models imported"] += 1
        try:
            for page in mlflow_client.versions(self.server, their.name):
                self._page(their, model, page)
                self.on_page(self.report)
        except Malformed as fault:
            self.report.note(f"the versions of {their.name}", f"{fault}", _CORRECT_AT_SOURCE)
        if model is not None and not self.dry:
            self._free_aliases(their, model)

    def _nameable(self, name: str) -> bool:
        faults = ErrorCollector()
        faults.mlflow_name("/name", name)
        try:
            faults.raise_if_any()
            name_claims.refuse_unavailable(self.actor, name, "/name", for_mlflow=True)
        except ValidationFailedError as refusal:
            self._refused_name(name, refusal.detail)
            return False
        return True

    def _register(self, their: RemoteModel, name: str) -> RegisteredModel | None:
        tags, left = _valid_tags(their.tags)
        description = their.description[:100_000]
        try:
            model = importing.import_model(
                actor=self.actor,
                claim=ImportedClaim(
                    KIND,
                    self.server.origin,
                    their.name,
                    created_there=their.created,
                    updated_there=their.updated,
                    author_there=their.author,
                ),
                register_as=name,
                owner=self.owner,
                description=description,
                tags=tags,
            )
        except DomainError as refusal:
            self._refused_name(name, refusal.detail)
            return None
        self._note_tags(their.name, left)
        return model

    def _refused_name(self, name: str, detail: str) -> None:
        self.report.note(
            f"the model {name} and its versions",
            detail,
            "rename it in the source, or import everything with --prefix",
        )

    # --- versions ---

    def _page(self, their: RemoteModel, model: RegisteredModel | None, page: Sequence[RemoteVersion | str]) -> None:
        remote = [entry for entry in page if isinstance(entry, RemoteVersion)]
        for entry in page:
            if isinstance(entry, str):
                form = "an entry must follow MLflow's protocol"
                self.report.note(f"{their.name} {entry}", form, _CORRECT_AT_SOURCE)
        there = importing.imported_version_numbers(self.server.origin, their.name, [entry.number for entry in remote])
        for entry in remote:
            if entry.number in there:
                self.report.counts["versions imported before"] += 1
                self._note_changes(their, entry, there[entry.number])
                continue
            try:
                self._version(their, model, entry)
            except DomainError as refusal:
                self.report.note(f"{their.name} version {entry.number}", refusal.detail, _CORRECT_AT_SOURCE)

    def _note_changes(self, their: RemoteModel, entry: RemoteVersion, record: ImportRecord) -> None:
        aliases = tuple(alias for alias, number in their.aliases.items() if number == entry.number)
        claim = ImportedClaim(KIND, self.server.origin, their.name, entry.number, stage=entry.stage, aliases=aliases)
        self.report.note_changes(f"{their.name} version {entry.number}", importing.changes_there(record, claim))

    def _version(self, their: RemoteModel, model: RegisteredModel | None, entry: RemoteVersion) -> None:
        aliases = tuple(alias for alias, number in their.aliases.items() if number == entry.number)
        stage, why_not = self._place(their, entry)
        if not self.dry:
            assert model is not None
            with transaction.atomic():
                version = self._import(their, model, entry, aliases)
                self.on_import(version)
                places = self._settle(version, stage, aliases)
            self.report.counts.update(places)
        elif stage is not None and self._lifecycle.needs_promotion(self._initial.slug, stage.slug):
            self.report.counts["marked promoted before governance"] += 1
        self.report.counts["versions imported"] += 1
        self._note_tags(f"{their.name} version {entry.number}", _valid_tags(entry.tags)[1])
        if why_not:
            self.report.note(f"{their.name} version {entry.number} in {entry.stage}", why_not, _ASK)

    def _import(
        self, their: RemoteModel, model: RegisteredModel, entry: RemoteVersion, aliases: Sequence[str]
    ) -> ModelVersion:
        link = entry.run_link if entry.run_link.startswith(("https://", "http://")) else ""
        return importing.import_version(
            actor=self.actor,
            model=model,
            claim=ImportedClaim(
                KIND,
                self.server.origin,
                their.name,
                entry.number,
                created_there=entry.created,
                updated_there=entry.updated,
                author_there=entry.author,
                stage=entry.stage,
                aliases=aliases,
                claims=_bounded(
                    {**entry.rest, **({"run_link": entry.run_link} if not link and entry.run_link else {})}
                ),
            ),
            spec=VersionSpec(
                source=entry.source,
                run_id=entry.run_id,
                run_link=link,
                description=entry.description,
                tags=_valid_tags(entry.tags)[0],
            ),
            number=int(entry.number),
        )

    @property
    def _initial(self) -> StageSpec:
        return next(stage for stage in self._lifecycle.stages if stage.initial)

    def _place(self, their: RemoteModel, entry: RemoteVersion) -> tuple[StageSpec | None, str]:
        """Return the target stage here, None for the initial one; and why it differs from the source's stage, if
        it does.
        """
        if entry.stage.casefold() in NOWHERE:
            return None, ""
        stage = _called(self._lifecycle, entry.stage)
        if stage is None:
            return None, f"this lifecycle has no stage {entry.stage}; the original stage is kept as a claim"
        if stage.initial:
            return None, ""
        newest = their.newest.get(entry.stage.casefold(), entry.number)
        if stage.exclusive and newest != entry.number:
            return None, (
                f"{stage.name} holds one version here, and MLflow clients use the newest one, version {newest}; "
                "the original stage of this one is kept as a claim"
            )
        return stage, ""

    def _settle(self, version: ModelVersion, stage: StageSpec | None, aliases: Sequence[str]) -> Mapping[str, int]:
        """Apply stage and protected aliases of the source; return counts for the report."""
        places = {"marked promoted before governance": 0, "ungoverned transitions and aliases": 0}
        if stage is not None and self._lifecycle.needs_promotion(version.stage.slug, stage.slug):
            places["marked promoted before governance"] += self._adopt(version, target_stage=stage.slug)
        elif stage is not None:
            promotions.request(actor=self.actor, version=version, target_stage=stage.slug, reason=self.reason)
            places["ungoverned transitions and aliases"] += 1
        protected = selectors.alias_protections(aliases)
        for alias in aliases:
            if alias in protected:
                places["marked promoted before governance"] += self._adopt(version, target_alias=alias)
        return places

    def _adopt(self, version: ModelVersion, **target: str) -> int:
        try:
            with transaction.atomic():
                promotions.record_pre_governance_promotion(
                    actor=self.actor, version=version, reason=self.reason, **target
                )
        except DomainError as refusal:
            where = next(iter(target.values()))
            self.report.note(f"{version.model.slug} version {version.number} in {where}", refusal.detail, _ASK)
            return 0
        return 1

    # --- aliases that nothing protects, and those that came there since ---

    def _free_aliases(self, their: RemoteModel, model: RegisteredModel) -> None:
        if not their.aliases:
            return
        here = set(AliasAssignment.objects.filter(model=model).values_list("name", flat=True))
        missing = {alias: number for alias, number in their.aliases.items() if alias not in here}
        rows = ModelVersion.objects.filter(model=model, import_record__number__in=set(missing.values()))
        versions = {row.import_record.number: row for row in rows.select_related("import_record", "model", "stage")}
        protected = selectors.alias_protections(missing)
        for alias, number in missing.items():
            version = versions.get(number)
            if version is None:
                continue  # left out, and the report says why
            try:
                made = (
                    promotions.request(actor=self.actor, version=version, target_alias=alias, reason=self.reason)
                    if alias not in protected
                    else promotions.record_pre_governance_promotion(
                        actor=self.actor, version=version, target_alias=alias, reason=self.reason
                    )
                )
            except DomainError as refusal:
                self.report.note(f"the alias {alias} of {their.name}", refusal.detail, _ASK)
            else:
                done = "marked promoted before governance" if made.before_governance else None
                self.report.counts[done or "ungoverned transitions and aliases"] += 1

    def _note_tags(self, what: str, left: Sequence[str]) -> None:
        if left:
            named = ", ".join(key[:60] for key in left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
            self.report.note(
                f"tags of {what}: {named}",
                f"at most {MAX_TAGS} tags, keys of {MAX_TAG_KEY} and values of {MAX_TAG:,} visible characters",
                "shorten them in the source before the import, or leave them out",
            )


def _called(lifecycle: Lifecycle, name: str) -> StageSpec | None:
    return next((stage for stage in lifecycle.stages if stage.name.casefold() == name.casefold()), None)


def _valid_tags(tags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the valid tags, and the keys of the invalid ones."""
    kept: dict[str, str] = {}
    left: list[str] = []
    for key, value in tags.items():
        faults = ErrorCollector()
        faults.clean_tags("/tags", {key: value})
        if faults.errors or len(kept) >= MAX_TAGS:
            left.append(key)
        else:
            kept[key] = value
    return kept, left


def _bounded(rest: Mapping[str, object]) -> dict[str, object]:
    """Return the additional fields that are short and simple enough for log and page."""
    kept: dict[str, object] = {}
    for key, value in list(rest.items())[:50]:
        faults = ErrorCollector()
        faults.clean_json("/claims", {key: value})
        if not faults.errors and len(str(value)) <= 2_000:
            kept[key] = value
    return kept
