"""The approved inputs of versions in protected places, and the additions made after the approval.

A protected place is a protected stage that the version is in, or a protected alias that points at it. The open row of a
place names the promotion request that put the version there, or approved it there again. The fingerprint of that
request is the approved one. A version with another fingerprint deviates: metrics, cards, evidence or files were added
since. Additions are read from the audit log in the order of the model's stream, so the order does not depend on clocks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.models import Event
from audit.postgresql import prepared_statements
from governance.models import PromotionRequest
from registry.actions import ARTIFACT_ATTACHED, CARD_ADDED, EVIDENCE_ADDED, METRICS_ADDED
from registry.approved import Approved
from registry.exceptions import InvalidStateError
from registry.models import (
    IS_CURRENT,
    AccessToken,
    AliasAssignment,
    Artifact,
    Evidence,
    Metric,
    ModelVersion,
    ProtectedAlias,
    StageOccupancy,
    User,
)

MOST_SHOWN: Final = 100
"""Maximum number of additions listed for one place; the newest are kept."""
_KINDS: Final = {METRICS_ADDED: "metric", CARD_ADDED: "card", EVIDENCE_ADDED: "evidence", ARTIFACT_ATTACHED: "file"}
_METRICS_NAMED: Final = 10
_AFTER_ALL_STAGES: Final = 1_000_000
_Body = Mapping[str, Any]
"""The decoded leaf of an event."""


def held_places(versions: str) -> str:
    """Build the SQL query of the protected places that versions hold now.

    Args:
        versions: SQL condition on the key of a version, such as "= v.id". It is inserted unescaped and must be a
            constant.

    Returns:
        A SELECT with the columns version_id, stage_id, stage, alias, place, name, position, promotion, opened_at,
        opened_event and before_governance.
    """
    return f"""
        SELECT o.version_id, o.stage_id, s.slug AS stage, '' AS alias, s.slug AS place, s.name,
               s.position::int AS position, o.promotion, o.opened_at, o.opened_event, o.before_governance
          FROM registry_stageoccupancy o JOIN registry_stage s ON s.id = o.stage_id AND s.protected
         WHERE o.version_id {versions} AND o.closed_at IS NULL
        UNION ALL
        SELECT a.version_id, NULL, '', a.name, '@' || a.name, '@' || a.name, {_AFTER_ALL_STAGES},
               a.promotion, a.opened_at, a.opened_event, a.before_governance
          FROM registry_aliasassignment a JOIN registry_protectedalias p ON p.name = a.name
         WHERE a.version_id {versions} AND a.closed_at IS NULL"""  # noqa: S608 - text of ours


APPROVAL_COLUMNS: Final = f"""
    h.version_id, v.uid, h.stage, h.alias, h.place, h.name, r.id, r.uid, r.fingerprint, v.fingerprint,
    h.opened_at, h.opened_event, h.before_governance, r.policy_revision_id IS NOT NULL,
    (SELECT again.id FROM governance_promotionrequest again
      WHERE again.version_id = h.version_id AND again.state IN {PromotionRequest.LIVE!r}
        AND again.target_stage_id IS NOT DISTINCT FROM h.stage_id AND again.target_alias = h.alias),
    r.kind"""  # noqa: S608 - text of ours
"""The select list for an `Approval`; needs the place as `h`, the version as `v` and the request as `r`."""

APPROVALS_OF_VERSION: Final = f"""
    (SELECT json_agg(h.approval ORDER BY h.position, h.place)
       FROM (SELECT h.position, h.place, json_build_array({APPROVAL_COLUMNS}) AS approval
               FROM ({held_places("= v.id")}) h JOIN governance_promotionrequest r ON r.uid = h.promotion) h)::text"""  # noqa: S608 - text of ours
"""A column of a statement over a version v: the approvals of the protected places it holds, as `read_approvals` reads
them."""

_APPROVALS = f"""
    SELECT {APPROVAL_COLUMNS}
      FROM ({held_places("= ANY (%(versions)s)")}) h
      JOIN registry_modelversion v ON v.id = h.version_id
      JOIN governance_promotionrequest r ON r.uid = h.promotion
     ORDER BY h.version_id, h.position, h.place"""  # noqa: S608 - text of ours

_ADDITIONS = """
    SELECT asked.event, e.event_id, e.leaf
      FROM unnest(%(versions)s::text[], %(events)s::uuid[]) AS asked (version, event)
      JOIN audit_event p ON p.event_id = asked.event
      CROSS JOIN LATERAL (
          SELECT a.id, a.event_id, a.leaf FROM audit_event a
           WHERE a.stream_id = p.stream_id AND a.stream_seq > p.stream_seq AND a.action = ANY (%(actions)s)
             AND a.touched @> ARRAY['version:' || asked.version]
           ORDER BY a.stream_seq DESC LIMIT %(limit)s
      ) e
     ORDER BY e.id DESC"""


class Approval(NamedTuple):
    """A protected place that a version holds, and what was approved for it."""

    version_id: int
    version_uid: UUID
    stage: str
    """Slug of the stage; empty for an alias."""
    alias: str
    place: str
    """The slug of the stage, or "@" and the alias."""
    name: str
    """The name of the stage, or "@" and the alias."""
    request: int
    request_uid: UUID
    recorded: str
    """The fingerprint of the version when the request was promoted."""
    current: str
    since: datetime
    event: UUID
    """Event of the promotion."""
    before_governance: bool
    reviewed: bool
    """Whether a policy governed the promotion. False for a place held since before governance."""
    reapproval: int | None
    """Number of the live request to approve the version again in this place; None where there is none."""
    kind: str = "ordinary"
    """The kind of the promotion, such as `emergency`."""

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Approval:
        """Build an approval from `APPROVAL_COLUMNS` as a JSON array."""
        read = cls._make(row)
        return read._replace(
            version_uid=UUID(row[1]),
            request_uid=UUID(row[7]),
            since=datetime.fromisoformat(row[10]),
            event=UUID(row[11]),
        )

    @property
    def by_ordinary_path(self) -> bool:
        """Whether the inputs that the version has now were approved by other than an emergency change."""
        return self.reviewed and not self.deviates and self.kind != PromotionRequest.Kind.EMERGENCY

    @property
    def deviates(self) -> bool:
        return self.recorded != self.current

    @property
    def fingerprint(self) -> str | None:
        """The approved fingerprint; None where there was no approval in this registry."""
        return self.recorded if self.reviewed else None


def read_approvals(text: str | None) -> list[Approval]:
    """Read the approvals of one version from the column `APPROVALS_OF_VERSION`."""
    return [Approval.from_json(row) for row in json.loads(text)] if text is not None else []


def approvals_of(versions: Collection[int]) -> dict[int, list[Approval]]:
    """Return the protected places that versions hold now. One query.

    Args:
        versions: primary keys of versions.

    Returns:
        Approvals by version key, the stage first, then aliases by name. Versions without a protected place are missing.
    """
    found: defaultdict[int, list[Approval]] = defaultdict(list)
    for row in prepared_statements.execute_prepared(_APPROVALS, {"versions": list(versions)}) if versions else ():
        found[row[0]].append(Approval._make(row))
    return dict(found)


def approvals(version: ModelVersion) -> list[Approval]:
    """Return the protected places a version holds now. One query."""
    return approvals_of([version.pk]).get(version.pk, [])


def approved(version: ModelVersion) -> list[Approved]:
    """Return the same approvals in the type used by the services that add to a version."""
    return [Approved(a.place, a.request_uid, a.request, a.recorded) for a in approvals(version)]


def foremost(found: Sequence[Approval], reference: str = "") -> Approval | None:
    """Return the approval that a response names first; None where the version holds no protected place.

    Args:
        found: the approvals of one version.
        reference: the requested place, a stage slug or "@" and an alias. If it is not a protected place of the version,
            the stage precedes the aliases.
    """
    return next((a for a in found if a.place == reference), found[0] if found else None)


def deviating_versions() -> QuerySet[ModelVersion]:
    """Return the versions whose inputs differ from the approved ones of a protected place they hold."""
    here = Q(IS_CURRENT, version=OuterRef("version"), promotion=OuterRef("uid"))
    held = Exists(StageOccupancy.objects.filter(here, stage__protected=True)) | Exists(
        AliasAssignment.objects.filter(here, name__in=ProtectedAlias.objects.values("name"))
    )
    recorded = PromotionRequest.objects.filter(held, version=OuterRef("pk"), state=PromotionRequest.State.PROMOTED)
    return ModelVersion.objects.filter(Exists(recorded.exclude(fingerprint=OuterRef("fingerprint"))))


# --- what was added afterwards ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AddedBy:
    """Who added something: the actor's id in the audit log and a display name."""

    id: str
    name: str


@dataclass(frozen=True)
class Addition:
    """Something that was added to a version after its approval."""

    kind: str
    """metric, card, evidence, document or file"""
    what: str
    """Description with the name, kind or path of the addition."""
    at: datetime
    by: AddedBy
    event: UUID


@dataclass(frozen=True)
class Additions:
    """What was added after an approval, newest first; `more` is true where the list is cut off."""

    items: tuple[Addition, ...] = ()
    more: bool = False


def later_additions(found: Iterable[Approval]) -> dict[UUID, Additions]:
    """Return what was added after each approval whose version deviates. A fixed number of queries; none without
    deviation.

    Args:
        found: approvals of any versions.

    Returns:
        Additions by the event id of the approval, at most `MOST_SHOWN` each.
    """
    deviating = {a.event: a for a in found if a.deviates}
    if not deviating:
        return {}
    rows = _events_after(list(deviating.values()), list(_KINDS), MOST_SHOWN + 1)
    described = _describe({event.event_id: event for _, event in rows}, {a.version_id for a in deviating.values()})
    return {
        approval: Additions(
            tuple(described[event.event_id] for at, event in rows if at == approval)[:MOST_SHOWN],
            more=sum(at == approval for at, _ in rows) > MOST_SHOWN,
        )
        for approval in deviating
    }


def attached_since(found: Iterable[Approval]) -> frozenset[UUID]:
    """Return the uids of files attached after any of these approvals, which therefore do not cover them.

    No query where no version deviates.

    Args:
        found: approvals of any versions.
    """
    deviating = [a for a in found if a.deviates]
    rows = _events_after(deviating, [ARTIFACT_ATTACHED], None) if deviating else []
    return frozenset(UUID(event.body["object"]["id"]) for _, event in rows)


def refuse_unapproved(artifact: Artifact) -> None:
    """Refuse to serve a file that was attached after the approval of a protected place that its version holds.

    Args:
        artifact: the file, with its version joined.

    Raises:
        InvalidStateError: no promotion covers the file (`file_unapproved`).
    """
    found = approvals(artifact.version)
    if artifact.uid in attached_since(found):
        named = ", ".join(approval.name for approval in found)
        raise InvalidStateError(
            f"“{artifact.path}” was attached after version {artifact.version.number} was put in {named}: no promotion "
            "covers it. To read it for a review, ask for it with unapproved=true; to have it served, have the version "
            "approved again.",
            code="file_unapproved",
        )


def _events_after(found: Sequence[Approval], actions: Sequence[str], limit: int | None) -> list[tuple[UUID, Event]]:
    """Return the additions after each approval, newest first, with the event id of the approval."""
    parameters = {
        "versions": [str(a.version_uid) for a in found],
        "events": [a.event for a in found],
        "actions": [str(action) for action in actions],
        "limit": limit,
    }
    rows = prepared_statements.execute_prepared(_ADDITIONS, parameters)
    return [(approval, _event(event_id, leaf)) for approval, event_id, leaf in rows]


def _event(event_id: UUID, leaf: Any) -> Event:
    return Event(event_id=event_id, leaf=bytes(leaf))


def _describe(events: Mapping[UUID, Event], versions: Collection[int]) -> dict[UUID, Addition]:
    """Describe what each event added, and its actor."""
    bodies = {uid: event.body for uid, event in events.items()}
    words = _words(list(bodies.values()), versions)
    added_by = _added_by(bodies.values())
    return {
        uid: Addition(
            _kind(body),
            words.get(_key(body), ""),
            at=datetime.fromisoformat(body["at"]),
            by=added_by[body["actor"]["id"]],
            event=uid,
        )
        for uid, body in bodies.items()
    }


def _kind(body: _Body) -> str:
    kind = _KINDS[body["action"]]
    return "document" if kind == "evidence" and body["data"]["kind"].startswith("document.") else kind


def _key(body: _Body) -> str:
    """Return the lookup key of an addition: the uid of the added object; for metrics, which have none in the log, the
    version and revision.
    """
    uid, data = body["object"]["id"], body["data"]
    return f"{uid}/{data['evidence_revision']}" if body["action"] == METRICS_ADDED else str(uid)


def _words(bodies: Sequence[_Body], versions: Collection[int]) -> dict[str, str]:
    """Return a description of each addition, by its key."""

    def objects_of(action: str) -> list[str]:
        return [body["object"]["id"] for body in bodies if body["action"] == action]

    words = {_key(b): f"revision {b['data']['revision']}" for b in bodies if b["action"] == CARD_ADDED}
    for kept in Evidence.objects.filter(version__in=versions, uid__in=objects_of(EVIDENCE_ADDED)):
        words[str(kept.uid)] = f"{kept.kind}, revision {kept.revision}: {kept.filename}"
    for file in Artifact.objects.filter(version__in=versions, uid__in=objects_of(ARTIFACT_ATTACHED)):
        words[str(file.uid)] = file.path
    revisions = {b["data"]["evidence_revision"] for b in bodies if b["action"] == METRICS_ADDED}
    metrics = Metric.objects.filter(version__in=versions, revision__in=revisions).select_related("version")
    values: defaultdict[str, list[str]] = defaultdict(list)
    for metric in metrics.order_by("name", "dataset", "slice"):
        where = " on ".join(part for part in (metric.dataset, metric.slice) if part)
        values[f"{metric.version.uid}/{metric.revision}"].append(
            f"{metric.name}{f' ({where})' if where else ''} = {metric.value:g}"
        )
    for key, named in values.items():
        left = len(named) - _METRICS_NAMED
        words[key] = ", ".join(named[:_METRICS_NAMED]) + (f" and {left} more" if left > 0 else "")
    return words


def _added_by(bodies: Iterable[_Body]) -> dict[str, AddedBy]:
    """Return the actors of these events, by the actor's id in the audit log."""
    actors = {body["actor"]["id"]: body["actor"] for body in bodies}
    uids = {str(actor.get("behind") or actor["id"]) for actor in actors.values()}
    people = dict(User.objects.filter(uid__in=uids).values_list("uid", "name"))
    tokens = dict(AccessToken.objects.filter(uid__in=actors).values_list("uid", "name"))

    def named(actor: Mapping[str, str]) -> str:
        if actor["type"] == "token":
            behind = people.get(actor.get("behind", ""), actor.get("behind", ""))
            return f"{behind} through the token {tokens.get(actor['id'], actor['id'])}"
        return people.get(actor["id"], actor["id"])

    return {uid: AddedBy(uid, named(actor)) for uid, actor in actors.items()}
