"""What people and pipelines do with models and versions, each act through a service of the product."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from audit import clock
from governance import promotions
from governance.development.demo import artifacts, assessing, cards, evaluation
from governance.development.demo.catalogue import Described
from governance.development.demo.checking import check_all
from governance.development.demo.world import World
from governance.gate import gate_inputs
from governance.integrations.importers import exports
from governance.integrations.importers.recording import ExportImport
from governance.models import DiscussionThread, PromotionRequest
from governance.promotions import DecisionSignature, RequestKind
from governance.services import discussion, evidence, waivers
from registry import access
from registry.access import Role
from registry.models import ChangeProposal, ModelVersion, RegisteredModel, User
from registry.services import change_proposals, models, versions
from registry.services.versions import ArtifactSpec, DatasetSpec, DatasetText, VersionSpec

EXPORTS = Path(__file__).parent
"""Folder of the exports of other registries."""
NEW_INPUTS = 4
"""First version number with other inputs and another runtime."""
EVALUATION_TABLE = "evaluation.table"
ROWS = 2_000
"""Rows of an evaluation: few, because a check reads every row, and enough for narrow confidence bounds."""


@dataclass(frozen=True)
class Material:
    """How a version differs from the usual versions of its model.

    Args:
        form: the format of the model file; empty for the usual one of the model.
        quality: AUC, accuracy or mean relative error; None for the one that follows from the version's number.
        files: whether files are stored. The files of an attempt can stay where the run left them.
        table: whether the evaluation table is attached.
        metrics: whether all metrics are declared, or the first one only.
        rows: rows of the evaluation.
        slices: by how much the quality differs on slices of the rows, if other than usual.
        unfinished_card: whether two sections of the card are left open.
        claims: people whom the parameters of the run name, by the name of the parameter.
    """

    form: str = ""
    quality: float | None = None
    files: bool = True
    table: bool = True
    metrics: bool = True
    rows: int = ROWS
    slices: Mapping[str, float] = field(default_factory=dict)
    unfinished_card: bool = False
    claims: Mapping[str, str] = field(default_factory=dict)


AS_THE_COURSE_GOES = Material()
AN_ATTEMPT = Material(table=False)
A_PAST_ATTEMPT = Material(files=False, table=False)


def register(world: World, model: Described) -> None:
    """The owner registers the model and gives its author and its pipeline the role of developer."""
    with world.acting(model.registered_by or model.owner) as owner:
        world.models[model.slug] = made = models.register_model(
            actor=owner,
            slug=model.slug,
            title=model.title,
            purpose=model.purpose,
            team=model.team,
            description=f"{model.purpose}. {model.data}",
            intended_use=model.intended,
            prohibited_use=model.prohibited,
            affects_people=model.affects_people,
            data_classes=["internal", "personal"] if model.affects_people else ["internal"],
            regulations=list(model.regulations),
            tags=dict(model.tags),
            risk_tier=None if model.assessed else model.tier,
            accountable_executive=world.users["eve"] if model.tier == 1 else None,
            next_review=(clock.now() + timedelta(days=365)).date() if model.tier is not None else None,
        )
        world.wait(minutes=3)
        assessing.assess(world, model, made)
        for username in filter(None, (model.author, model.pipeline)):
            access.grant_role(
                actor=owner,
                role=Role.DEVELOPER,
                model=made,
                user=world.users[username],
                reason=f"Works for {model.team}.",
            )
            world.wait(minutes=1)


def import_model(world: World, model: Described) -> None:
    """An officer imports the model and its versions from the export of another registry; the owner adds the facts."""
    assert model.imported_from
    export = exports.read(model.imported_from, (EXPORTS / model.imported_from).read_bytes())
    with world.acting("henrik") as officer:
        ExportImport(actor=officer, owner=world.users[model.owner]).run([(model.imported_from, export)])
    world.wait(minutes=20)
    with world.acting(model.owner) as owner:
        world.models[model.slug] = models.update_model(
            actor=owner,
            model=RegisteredModel.objects.get(slug=model.slug),
            title=model.title,
            purpose=model.purpose,
            team=model.team,
            intended_use=model.intended,
            prohibited_use=model.prohibited,
            affects_people=model.affects_people,
        )


def declare(world: World, model: Described, number: int, material: Material = AS_THE_COURSE_GOES) -> ModelVersion:
    """The pipeline, or the author of a model without one, registers a version with all its evidence."""
    random = world.random
    seed = zlib.crc32(f"{model.slug} {number}".encode())
    quality = material.quality if material.quality is not None else model.quality_of(number)
    slices = material.slices or {name: change + random.uniform(-0.014, 0.014) for name, change in model.slices.items()}
    measured = evaluation.measure(
        model.kind,
        quality + random.uniform(-0.002, 0.002),
        slices,
        rows=material.rows,
        rate=model.rate,
        seed=seed,
    )
    files = _files(model, material, seed)
    today = clock.now().date()
    window = (_month(today, -40), _month(today, -3))
    metrics = measured.metrics if material.metrics else measured.metrics[:1]
    run = f"{random.getrandbits(64):016x}"
    spec = VersionSpec(
        artifacts=[ArtifactSpec(path, _sha256(content), len(content)) for path, content in files.items()],
        source=f"s3://models/{model.slug}/{number}/",
        run_id=run,
        run_link=f"https://ci.bank.example/{model.slug}/runs/{run[:8]}",
        code_repository=f"https://git.bank.example/{model.team.lower().replace(' ', '-')}/{model.slug}",
        code_commit=f"{random.getrandbits(160):040x}",
        code_clean=True,
        environment_lock=_lock(number),
        parameters={**_parameters(model, number), **material.claims},
        signature=_signature(model, number),
        licence="proprietary, internal use",
        datasets=_datasets(model, measured.table, window, random.getrandbits(256)),
        parents=_parents(world, model, number),
        trained_by=world.users[model.author],
        metrics=metrics,
        card=cards.card(
            model, number, measured.metrics, window=window, rows=material.rows, unfinished=material.unfinished_card
        ),
        description=f"Trained on data up to {window[1]:%B %Y}.",
    )
    with world.acting(model.pipeline or model.author) as actor:
        version = versions.declare_version(actor=actor, model=world.models[model.slug], spec=spec)
        assert version.number == number, f"{model.slug} is at version {version.number}, not {number}"
        for path, content in files.items():
            world.wait(seconds=1)
            versions.store_artifact(actor=actor, version=version, path=path, stream=io.BytesIO(content))
        world.wait(seconds=1)
        version = versions.complete_registration(actor=actor, version=version)
        if material.table:
            world.wait(seconds=2)
            evidence.attach_evidence(
                actor=actor,
                version=version,
                kind=EVALUATION_TABLE,
                filename=f"{model.slug}-holdout.csv",
                stream=io.BytesIO(measured.table),
            )
    world.versions[model.slug, number] = version
    return version


def ask(
    world: World,
    model: Described,
    number: int,
    *,
    stage: str | None = None,
    alias: str | None = None,
    reason: str,
    who: str = "",
    kind: RequestKind = RequestKind.ORDINARY,
) -> PromotionRequest:
    """Request a promotion, by default as the author, and execute the checks that it requires."""
    with world.acting(who or model.author) as actor:
        request = promotions.request(
            actor=actor,
            version=world.versions[model.slug, number],
            target_stage=stage,
            target_alias=alias,
            reason=reason,
            kind=kind,
        )
    check_all(world)
    request.refresh_from_db()
    return request


def sign(
    world: World, request: PromotionRequest, who: str, outcome: str, comment: str, *, on_behalf_of: str = ""
) -> None:
    """A person decides on the current packet, with their password, in the place of the user `on_behalf_of`."""
    request.refresh_from_db()
    with world.acting(who) as actor:
        promotions.decide(
            actor=actor,
            request=request,
            outcome=outcome,
            packet_digest=request.packet_digest,
            comment=comment,
            signature=DecisionSignature(world.password),
            on_behalf_of=world.users[on_behalf_of].uid if on_behalf_of else "",
        )


def waive(world: World, request: PromotionRequest, check: str, *, reason: str, control: str, days: int) -> None:
    """The first person whom the policy allows accepts for some days that a check is not satisfied."""
    found = waivers.waivable_check(request, check)
    signer = next((one for one in found.people if one.excluded is None), None)
    if found.obstacle or found.run is None or signer is None:
        return
    with world.acting(User.objects.get(uid=signer.uid).username) as actor:
        waivers.grant(
            actor=actor,
            request=request,
            check=check,
            reason=reason,
            control=control,
            until=clock.now().date() + timedelta(days=days),
            inputs_digest=found.run.inputs_digest,
            signature=waivers.WaiverSignature(world.password),
        )


def comment(
    world: World, request: PromotionRequest, who: str, text: str, thread: DiscussionThread | None = None
) -> DiscussionThread:
    """A person comments on a request, in a thread or in a new one; returns the thread."""
    request.refresh_from_db()
    with world.acting(who) as actor:
        return discussion.post_comment(actor=actor, subject=request, text=text, thread=thread).thread


def signers(world: World, request: PromotionRequest) -> list[tuple[str, str]]:
    """Return the reviewers that the policy requires, in their order, as (user name, group): the owner of the model if
    eligible, the others at random, and no person who leaves within a month."""
    document = gate_inputs.get_policy_document(request)
    assert document is not None
    names = {user.uid: username for username, user in world.users.items()}
    able = [r for r in gate_inputs.reviewers(request, document) if r.excluded is None and not r.on_behalf_of]
    members = [(slug, names[found.uid]) for found in able for slug in found.groups]
    chosen: list[tuple[str, str]] = []
    for rule in sorted(document.approvals, key=lambda rule: rule.order):
        taken = {username for username, _ in chosen}
        candidates = sorted(u for slug, u in members if slug == rule.group and u not in taken)
        candidates = [u for u in candidates if clock.now() + timedelta(days=30) < world.last_days.get(u, world.never)]
        world.random.shuffle(candidates)
        candidates.sort(key=lambda username: world.users[username].pk != request.model.owner_id)
        chosen += [(username, rule.group) for username in candidates[: rule.count]]
    return chosen


def is_held(request: PromotionRequest) -> bool:
    """Return whether the policy leaves the promotion of a ready request to a person."""
    revision = request.policy_revision
    return revision is not None and gate_inputs.parse_revision(revision).on_ready == "hold"


def promote(world: World, model: Described, request: PromotionRequest) -> None:
    """The owner promotes a request that is ready."""
    with world.acting(model.owner) as owner:
        promotions.promote(actor=owner, request=request)


def review_set(world: World, model: Described, day: date) -> None:
    """A validator reviews the model and sets the next review. If no validator may do so, the owner sets the date."""
    if assessing.review(world, model, day):
        return
    with world.acting(model.owner) as owner:
        models.update_model(actor=owner, model=world.models[model.slug], next_review=day)


def _files(model: Described, material: Material, seed: int) -> dict[str, bytes]:
    """Return the model file, and for a release of tier 1 the file that prepares its input."""
    if not material.files:
        return {}
    alone = not material.table or model.tier != RegisteredModel.Tier.TIER_1
    return artifacts.files(material.form or model.form, model.features, seed, alone=alone)


def _parents(world: World, model: Described, number: int) -> list[ModelVersion]:
    """Return the parents: a network continues from the weights of the previous version."""
    before = world.versions.get((model.slug, number - 1)) if model.form == "safetensors" else None
    return [before] if before is not None else []


def _datasets(
    model: Described, table: bytes, window: tuple[date, date], digest: int
) -> list[DatasetSpec | DatasetText]:
    """Return the training and evaluation data: data of the model, and data that several models share."""
    quarter = f"{window[1]:%Y}-Q{(window[1].month + 2) // 3}"
    return [
        DatasetSpec(
            role="training",
            name=f"{model.slug}-training",
            reference=quarter,
            uri=f"s3://datasets/{model.slug}/{quarter}/training.parquet",
            digest_algorithm="sha256",
            digest=f"{digest:064x}",
        ),
        DatasetSpec(
            role="evaluation",
            name=f"{model.slug}-holdout",
            reference=quarter,
            uri=f"s3://datasets/{model.slug}/{quarter}/holdout.csv",
            digest_algorithm="sha256",
            digest=_sha256(table),
        ),
        *_shared(model, quarter),
    ]


def _shared(model: Described, quarter: str) -> list[DatasetSpec | DatasetText]:
    """Return the shared data, identified by content, by a commit, or by a branch only."""
    features = ", ".join(model.features).casefold()
    shared: list[DatasetSpec | DatasetText] = []
    if model.affects_people:
        known = hashlib.sha256(f"customer-master {quarter[:4]}".encode()).hexdigest()
        shared.append(DatasetText("training", "sha256", known, f"customer-master {quarter[:4]}"))
    if model.form == "safetensors":
        commit = hashlib.sha256(f"documents {quarter}".encode()).hexdigest()
        shared.append(DatasetText("training", "lakefs", f"lakefs://documents/{commit}/scans/"))
    if model.form == "npy" or "balance" in features:
        shared.append(DatasetText("training", "lakefs", "lakefs://ledger/main/daily/", "ledger-daily"))
    return shared


def _parameters(model: Described, number: int) -> dict[str, object]:
    """Return the parameters of the training; some of them change with the version."""
    match model.form:
        case "safetensors":
            return {"hidden": 16, "epochs": 8 + number // 2, "learning_rate": 0.001, "batch": 512}
        case "npy":
            return {"ridge": round(0.5 + number / 10, 2), "horizon_days": 28, "season": "weekly"}
        case _:
            return {
                "max_depth": 4 + number // 4,
                "learning_rate": 0.05,
                "trees": 300 + 50 * (number // 2),
                "monotone": sorted(model.features)[: 1 + number // 4],
                "features": len(model.features),
            }


def _signature(model: Described, number: int) -> dict[str, object]:
    """Return the model signature. From NEW_INPUTS on, the channel of the application replaces the branch."""
    inputs: list[dict[str, object]] = [{"name": name, "type": "double", "required": True} for name in model.features]
    if number < NEW_INPUTS:
        inputs.append({"name": "branch_code", "type": "string", "required": True})
    else:
        inputs.append({"name": "channel", "type": "string", "required": False})
    output = "score" if model.kind == "ranker" else "prediction"
    return {"inputs": inputs, "outputs": [{"name": output, "type": "double", "required": True}]}


def _lock(number: int) -> str:
    pins = {
        "numpy": f"2.{1 + number // 3}.0",
        "scikit-learn": f"1.{5 + number // 4}.1",
        "skops": f"0.{11 + number // 4}.{number % 2}",
        "onnxruntime" if number >= NEW_INPUTS else "sklearn-pandas": "1.24.1" if number >= NEW_INPUTS else "2.2.0",
    }
    return "".join(f"{name}=={version}\n" for name, version in pins.items())


def _month(day: date, months: int) -> date:
    """Return the first day of the month that is `months` months after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def confirm_change(world: World, proposal: ChangeProposal, who: str, comment: str) -> None:
    """A second officer confirms a proposed change with their password, 90 minutes later."""
    world.wait(minutes=90)
    with world.acting(who) as actor:
        change_proposals.confirm(
            actor=actor, proposal=proposal, digest=proposal.digest, password=world.password, comment=comment
        )
