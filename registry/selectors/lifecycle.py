"""The lifecycle in force, and which names of aliases it protects."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from audit.postgresql import prepared_statements
from registry import characters, stages
from registry.exceptions import InvalidTransitionError
from registry.models import ProtectedAlias, Stage
from registry.validation import ErrorCollector

_LIFECYCLE = """
    SELECT s.name, s.slug, s.position, s.initial, s.exclusive, s.protected, s.protected_exit, d.slug,
           ARRAY(SELECT t.slug FROM registry_stagemove m JOIN registry_stage t ON t.id = m.target_id
                  WHERE m.source_id = s.id)
      FROM registry_stage s LEFT JOIN registry_stage d ON d.id = s.displaced_to_id
     ORDER BY s.position"""

_LAWFUL = "SELECT 1 FROM registry_stagemove WHERE source_id = %(source)s AND target_id = %(target)s"
_PROTECTED_NAMES = """
    SELECT name, NULL FROM registry_protectedalias
     UNION ALL SELECT slug, slug FROM registry_stage WHERE protected
     UNION ALL SELECT name, slug FROM registry_stage WHERE protected"""
_PROTECTIONS = """
    SELECT n.name, s.slug, s.name, s.protected, s.protected_exit, s.id IS DISTINCT FROM p.stage_id
      FROM unnest(%(names)s::text[]) AS n(name)
      LEFT JOIN registry_protectedalias p ON p.name = n.name
      LEFT JOIN registry_stage s
        ON s.id = p.stage_id OR (s.protected AND lower(n.name) IN (lower(s.slug), lower(s.name)))
     WHERE p.id IS NOT NULL OR s.id IS NOT NULL
     ORDER BY n.name, s.position"""


@dataclass(frozen=True)
class RepresentedStage:
    """A stage that a protected alias represents. `by_name`: because the alias carries the name of a protected stage,
    not because an officer said so."""

    slug: str
    name: str
    protected: bool
    protected_exit: bool
    by_name: bool


@dataclass(frozen=True)
class AliasProtection:
    """That an alias moves by promotion request only, and the stages it represents."""

    name: str
    represents: tuple[RepresentedStage, ...] = ()


def lifecycle() -> stages.Lifecycle:
    """The lifecycle in force, as a value. One query."""
    rows = prepared_statements.execute_prepared(_LIFECYCLE, {})
    return stages.lifecycle(
        [stages.StageSpec(*row[:-1]) for row in rows],
        [(slug, target) for _, slug, *_, targets in rows for target in targets],
    )


def require_allowed_transition(source: Stage, target: Stage) -> None:
    """Raises InvalidTransitionError, with the stages that can be reached, where the lifecycle has no move from one
    to another."""
    if prepared_statements.execute_prepared(_LAWFUL, {"source": source.pk, "target": target.pk}):
        return
    known = lifecycle()
    reached = ", ".join(stage.name for stage in known.targets(source.slug)) or "nowhere"
    refusal = InvalidTransitionError(
        f"{source.name} → {target.name} is not a move of this lifecycle; from {source.name} a version may go to: "
        f"{reached}."
    )
    refusal.way = known.way(source.slug, target.slug)
    raise refusal


def has_protected_targets() -> bool:
    """Whether the gate guards anything here: a stage, its exit, or an alias. False on an instance set up for trials."""
    guarded = Stage.objects.filter(Q(protected=True) | Q(protected_exit=True))
    return guarded.exists() or ProtectedAlias.objects.exists()


def is_protected_alias(name: str) -> bool:
    """Whether the alias moves by promotion request only."""
    return alias_protection(name) is not None


def alias_protection(name: str) -> AliasProtection | None:
    """What protects an alias; None for a free one."""
    return alias_protections([name]).get(name)


def alias_protections(names: Iterable[str]) -> dict[str, AliasProtection]:
    """Return the protected ones of these aliases. One query.

    An alias is protected where an officer protects its name, and where its name is the slug or the name of a protected
    stage in any capitals: who follows `@production` expects what may be in Production.
    """
    found: dict[str, AliasProtection] = {}
    for name, slug, *stage in prepared_statements.execute_prepared(_PROTECTIONS, {"names": list(names)}):
        held = found.setdefault(name, AliasProtection(name))
        if slug is not None:
            found[name] = AliasProtection(name, (*held.represents, RepresentedStage(slug, *stage)))
    return found


def protected_aliases() -> tuple[AliasProtection, ...]:
    """Every alias that can be protected on this instance: those an officer protects, and the slug of each protected
    stage. Two queries."""
    names = set(ProtectedAlias.objects.values_list("name", flat=True))
    names |= set(Stage.objects.filter(protected=True).values_list("slug", flat=True))
    return tuple(alias_protections(sorted(names)).values())


def is_alias_governed(name: str) -> bool:
    """Whether an alias that is to be pointed somewhere moves by promotion request only.

    Raises ValidationFailedError, at /alias, for a name that cannot be an alias; for one that looks like a protected
    alias, also
    but for its capitals: readers take “Champion” and “charnpion” for the champion; and for one that looks like the slug
    or the name of a protected stage without being it.
    """
    faults = ErrorCollector()
    faults.alias("/alias", name)
    wanted = characters.caseless_skeleton(name)
    names = prepared_statements.execute_prepared(_PROTECTED_NAMES, {})
    alike = [(known, stage) for known, stage in names if characters.caseless_skeleton(known) == wanted]
    aliases = [known for known, stage in alike if stage is None]
    if aliases and name not in aliases:
        faults.add("/alias", "looks_protected", f"Write “{aliases[0]}”, the protected alias, or choose another name.")
    # The slug or the name of a protected stage is protected in any capitals, so it needs no refusal.
    elif alike and not aliases and name.lower() not in {known.lower() for known, _ in alike}:
        faults.add("/alias", "looks_protected", f"Write “{alike[0][1]}”, the protected stage, or choose another name.")
    faults.raise_if_any()
    return is_protected_alias(name)
