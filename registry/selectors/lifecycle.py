"""The lifecycle in force, and the aliases it protects."""

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

_ALLOWED_TRANSITION = "SELECT 1 FROM registry_stagemove WHERE source_id = %(source)s AND target_id = %(target)s"
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
    """A stage that a protected alias represents.

    `by_name` is True if the alias has the name of a protected stage, False if an officer declared it.
    """

    slug: str
    name: str
    protected: bool
    protected_exit: bool
    by_name: bool


@dataclass(frozen=True)
class AliasProtection:
    """An alias that changes by promotion request only, and the stages it represents."""

    name: str
    represents: tuple[RepresentedStage, ...] = ()

    def is_outside(self, stage: str) -> bool:
        """Return whether the alias represents stages, and a version in this stage (a slug) is in none of them."""
        return bool(self.represents) and all(one.slug != stage for one in self.represents)


def lifecycle() -> stages.Lifecycle:
    """Return the lifecycle in force as a value. One query."""
    rows = prepared_statements.execute_prepared(_LIFECYCLE, {})
    return stages.lifecycle(
        [stages.StageSpec(*row[:-1]) for row in rows],
        [(slug, target) for _, slug, *_, targets in rows for target in targets],
    )


def require_allowed_transition(source: Stage, target: Stage) -> None:
    """Require that the lifecycle has a transition from one stage to the other.

    Raises:
        InvalidTransitionError: it has none; the message names the allowed targets.
    """
    if prepared_statements.execute_prepared(_ALLOWED_TRANSITION, {"source": source.pk, "target": target.pk}):
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
    """Return whether any stage, exit or alias is protected. False on an instance set up for trials."""
    guarded = Stage.objects.filter(Q(protected=True) | Q(protected_exit=True))
    return guarded.exists() or ProtectedAlias.objects.exists()


def is_protected_alias(name: str) -> bool:
    """Return whether the alias changes by promotion request only."""
    return alias_protection(name) is not None


def alias_protection(name: str) -> AliasProtection | None:
    """Return the protection of an alias; None for an unprotected one."""
    return alias_protections([name]).get(name)


def alias_protections(names: Iterable[str]) -> dict[str, AliasProtection]:
    """Return the protections of those of the aliases that are protected. One query.

    An alias is protected if an officer protects its name, or if its name is the slug or the name of a protected stage
    in any letter case: users of `@production` expect a version that may be in Production.
    """
    found: dict[str, AliasProtection] = {}
    for name, slug, *stage in prepared_statements.execute_prepared(_PROTECTIONS, {"names": list(names)}):
        held = found.setdefault(name, AliasProtection(name))
        if slug is not None:
            found[name] = AliasProtection(name, (*held.represents, RepresentedStage(slug, *stage)))
    return found


def protected_aliases() -> tuple[AliasProtection, ...]:
    """Return every alias that can be protected on this instance: those an officer protects, and the slug of each
    protected stage. Two queries.
    """
    names = set(ProtectedAlias.objects.values_list("name", flat=True))
    names |= set(Stage.objects.filter(protected=True).values_list("slug", flat=True))
    return tuple(alias_protections(sorted(names)).values())


def is_alias_governed(name: str) -> bool:
    """Return whether the alias changes by promotion request only, before it is set.

    Raises:
        ValidationFailedError: at /alias: the name cannot be an alias; it looks like a protected alias or differs from
            it only in case (users take “Champion” and “charnpion” for the champion); or it looks like the slug or the
            name of a protected stage without being it.
    """
    faults = ErrorCollector()
    faults.alias("/alias", name)
    wanted = characters.caseless_skeleton(name)
    names = prepared_statements.execute_prepared(_PROTECTED_NAMES, {})
    alike = [(known, stage) for known, stage in names if characters.caseless_skeleton(known) == wanted]
    aliases = [known for known, stage in alike if stage is None]
    if aliases and name not in aliases:
        faults.add("/alias", "looks_protected", f"Write “{aliases[0]}”, the protected alias, or choose another name.")
    # The slug or the name of a protected stage is protected in any letter case, so it is not refused.
    elif alike and not aliases and name.lower() not in {known.lower() for known, _ in alike}:
        faults.add("/alias", "looks_protected", f"Write “{alike[0][1]}”, the protected stage, or choose another name.")
    faults.raise_if_any()
    return is_protected_alias(name)
