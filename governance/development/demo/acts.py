"""What people and pipelines do with a version, each act through the service the product offers for it."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from audit import clock
from governance import promotions
from governance.development.demo import artifacts, assessing, cards, evaluation
from governance.development.demo.catalogue import Described
from governance.development.demo.checking import check_all
from governance.development.demo.world import World
from governance.gate import gate_inputs
from governance.models import PromotionRequest
from governance.promotions import DecisionSignature
from governance.services import evidence
from registry import access
from registry.access import Role
from registry.models import ChangeProposal, ModelVersion, RegisteredModel
from registry.services import change_proposals, models, versions
from registry.services.versions import ArtifactSpec, DatasetSpec, DatasetText, VersionSpec

EVALUATION_TABLE = "evaluation.table"
ROWS = 2_000
"""Rows of an evaluation: few, because a check reads every one, and enough for bounds worth having."""


@dataclass(frozen=True)
class Material:
    """How a version differs from what its model's course makes of it."""

    form: str = ""
    quality: float | None = None
    files: bool = True
    """Whether files are handed in; those of an attempt may stay where the run left them."""
    table: bool = True
    """Whether the evaluation table is."""
    metrics: bool = True
    """Whether all metrics are declared, or the first alone."""
    rows: int = ROWS
    """How many rows the evaluation has."""
    slices: Mapping[str, float] = field(default_factory=dict)
    """How much better or worse it is on slices of the rows, where it is not as its model usually is."""
    unfinished_card: bool = False


AS_THE_COURSE_GOES = Material()
AN_ATTEMPT = Material(table=False)
A_PAST_ATTEMPT = Material(files=False, table=False)


def register(world: World, model: Described) -> None:
    """The owner puts the model on record and lets its author and its pipeline work on it."""
    with world.acting(model.owner) as owner:
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
            risk_tier=model.tier if assessing.stays_declared(model) else None,
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


def declare(world: World, model: Described, number: int, material: Material = AS_THE_COURSE_GOES) -> ModelVersion:
    """The pipeline, or the author where there is none, hands in a version with all that belongs to it."""
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
        parameters=_parameters(model, number),
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
) -> PromotionRequest:
    """Ask for a promotion, by default as the author, and do the checks it calls for."""
    with world.acting(who or model.author) as actor:
        request = promotions.request(
            actor=actor,
            version=world.versions[model.slug, number],
            target_stage=stage,
            target_alias=alias,
            reason=reason,
        )
    check_all(world)
    request.refresh_from_db()
    return request


def sign(world: World, request: PromotionRequest, who: str, outcome: str, comment: str) -> None:
    """A person decides over the packet under review, with their password."""
    request.refresh_from_db()
    with world.acting(who) as actor:
        promotions.decide(
            actor=actor,
            request=request,
            outcome=outcome,
            packet_digest=request.packet_digest,
            comment=comment,
            signature=DecisionSignature(world.password),
        )


def signers(world: World, request: PromotionRequest) -> list[tuple[str, str]]:
    """Whom the policy needs, in the order in which they come, as (user name, group): whoever answers for the model
    where they may, the others by chance, and nobody who is about to leave."""
    document = gate_inputs.get_policy_document(request)
    assert document is not None
    names = {user.uid: username for username, user in world.users.items()}
    able = [found for found in gate_inputs.reviewers(request, document) if found.excluded is None]
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
    """Whether the policy leaves the last step to a person."""
    revision = request.policy_revision
    return revision is not None and gate_inputs.parse_revision(revision).on_ready == "hold"


def promote(world: World, model: Described, request: PromotionRequest) -> None:
    """The owner carries out a request that is ready."""
    with world.acting(model.owner) as owner:
        promotions.promote(actor=owner, request=request)


def review_set(world: World, model: Described, day: date) -> None:
    """The model is reviewed, and the next review set; where nobody may review it yet, its owner sets the day."""
    if assessing.review(world, model, day):
        return
    with world.acting(model.owner) as owner:
        models.update_model(actor=owner, model=world.models[model.slug], next_review=day)


def _files(model: Described, material: Material, seed: int) -> dict[str, bytes]:
    """The model, and with a release of tier 1 what prepares its input."""
    if not material.files:
        return {}
    alone = not material.table or model.tier != RegisteredModel.Tier.TIER_1
    return artifacts.files(material.form or model.form, model.features, seed, alone=alone)


def _parents(world: World, model: Described, number: int) -> list[ModelVersion]:
    """Networks go on from the weights of the version before."""
    before = world.versions.get((model.slug, number - 1)) if model.form == "safetensors" else None
    return [before] if before is not None else []


def _datasets(
    model: Described, table: bytes, window: tuple[date, date], digest: int
) -> list[DatasetSpec | DatasetText]:
    """What it was trained and judged with: data of its own, and what whole parts of the bank share."""
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
    """Some of it is known by its bytes, some by a commit, and some by a branch alone, as it is."""
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
    """What the training was called with; a setting changes now and then, as it does."""
    match model.form:
        case "safetensors":
            return {"hidden": 16, "epochs": 8 + number // 2, "learning_rate": 0.001, "batch": 512}
        case "npy":
            return {"ridge": round(0.5 + number / 10, 2), "horizon_days": 28, "season": "weekly"}
        case _:
            return {
                "max_depth": 4 + number // 5,
                "learning_rate": 0.05,
                "trees": 300 + 50 * (number // 3),
                "monotone": sorted(model.features)[: 1 + number // 4],
                "features": len(model.features),
            }


def _signature(model: Described, number: int) -> dict[str, object]:
    """What goes in and comes out. With the thirteenth version the branch gave way to the channel of the application."""
    inputs: list[dict[str, object]] = [{"name": name, "type": "double", "required": True} for name in model.features]
    if number < 13:
        inputs.append({"name": "branch_code", "type": "string", "required": True})
    else:
        inputs.append({"name": "channel", "type": "string", "required": False})
    output = "score" if model.kind == "ranker" else "prediction"
    return {"inputs": inputs, "outputs": [{"name": output, "type": "double", "required": True}]}


def _lock(number: int) -> str:
    pins = {
        "numpy": f"2.{1 + number // 6}.0",
        "scikit-learn": f"1.{5 + number // 5}.1",
        "skops": f"0.{11 + number // 6}.{number % 2 + number // 13}",
        "onnxruntime" if number >= 13 else "sklearn-pandas": "1.24.1" if number >= 13 else "2.2.0",
    }
    return "".join(f"{name}=={version}\n" for name, version in pins.items())


def _month(day: date, months: int) -> date:
    """The first day of the month so many months from `day`'s."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def confirm_change(world: World, proposal: ChangeProposal, who: str, comment: str) -> None:
    """A second officer confirms a proposed change, with their password, some hours later."""
    world.wait(minutes=90)
    with world.acting(who) as actor:
        change_proposals.confirm(
            actor=actor, proposal=proposal, digest=proposal.digest, password=world.password, comment=comment
        )
