"""Who took part in a version, and who could act as the accounts that did, for the separation of duties."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.postgresql import prepared_statements
from registry.models import Contribution

# Accounts act by tokens; a service account only by tokens. Controllers count from the creation of the version on.
_PARTICIPATION = r"""
WITH asked AS (
    SELECT q.key, q.token AS asked_with, v.id AS version_id, v.created_at, v.registered_by_id, v.registered_with_id
      FROM unnest(%(keys)s::bigint[], %(versions)s::bigint[], %(tokens)s::bigint[]) AS q(key, version, token)
      JOIN registry_modelversion v ON v.id = q.version
), used AS (
    SELECT key, created_at, asked_with AS token_id, true AS asking FROM asked WHERE asked_with IS NOT NULL
    UNION SELECT key, created_at, registered_with_id, false FROM asked WHERE registered_with_id IS NOT NULL
    UNION SELECT a.key, a.created_at, c.token_id, false FROM asked a
            JOIN registry_contribution c ON c.version_id = a.version_id WHERE c.token_id IS NOT NULL
), holding AS (
    SELECT u.key, u.created_at, u.asking, t.id AS token_id, p.id AS account_id, p.uid, p.kind
      FROM used u JOIN registry_accesstoken t ON t.id = u.token_id JOIN registry_user p ON p.id = t.person_id
)
SELECT key, 'token', uid, CASE WHEN asking THEN 'asking' ELSE '' END FROM holding
UNION
SELECT h.key, 'holder', p.uid, CASE WHEN h.asking THEN 'asking' ELSE '' END
  FROM holding h
  JOIN registry_accountcontrol c ON c.account_id = h.account_id
  JOIN registry_user p ON p.id = c.person_id
  LEFT JOIN registry_accesstoken t ON t.id = c.token_id
 WHERE (h.kind = 'service' OR c.token_id = h.token_id)
   AND (c.closed_at IS NULL OR c.closed_at > h.created_at)
   AND (t.id IS NULL OR t.id = h.token_id
        OR ((t.revoked_at IS NULL OR t.revoked_at > h.created_at) AND t.expires_at > h.created_at))
UNION
SELECT a.key, 'contributor', p.uid, c.part
  FROM asked a JOIN registry_contribution c ON c.version_id = a.version_id JOIN registry_user p ON p.id = c.account_id
UNION
SELECT a.key, 'claim', coalesce(p.uid, ''), k.role || chr(31) || n.name
  FROM asked a JOIN registry_modelversion v ON v.id = a.version_id
  CROSS JOIN LATERAL (SELECT key, value FROM jsonb_each_text(v.tags)
                      UNION SELECT key, value FROM jsonb_each_text(v.parameters)) AS m(name, value)
  JOIN unnest(%(claims)s::text[], %(roles)s::text[]) AS k(name, role) ON k.name = lower(m.name)
  CROSS JOIN LATERAL regexp_split_to_table(left(m.value, 2000), '\s*[,;\n]\s*') AS n(name)
  LEFT JOIN registry_user p ON lower(p.username) = lower(btrim(n.name))
       OR (p.email <> '' AND lower(p.email) IN (lower(btrim(n.name)), lower(substring(n.name from '<([^<>]+)>'))))
 WHERE btrim(n.name) <> ''
"""

CLAIMS: Final[Mapping[str, str]] = {
    "author": "author",
    "authors": "author",
    "commit.author": "committer",
    "git.author": "committer",
    "git.author.email": "committer",
    "git.committer": "committer",
    "git.committer.email": "committer",
    "mlflow.source.git.author": "committer",
    "mlflow.user": "trainer",
    "trained_by": "trainer",
    "trainer": "trainer",
    "data_owner": "dataset owner",
    "dataset.owner": "dataset owner",
    "dataset_owner": "dataset owner",
}
"""Names of tags and parameters in which clients record people, and the role that each states."""


@dataclass(frozen=True)
class Participation:
    """Who took part in a version or in requesting its promotion, by uid.

    Attributes:
        contributed: what each account added to the version, as labels.
        token_accounts: the accounts whose tokens were used.
        behind_tokens: these, and those who could use the tokens: owners, recorded users, and those who issued or
            received them.
        behind_request: the part of `behind_tokens` that belongs to the token that requested the promotion.
        claimed: roles that the version's tags and parameters state (`CLAIMS`), by the uid of each account whose user
            name or mail address they contain.
        unmatched: (role, text) of those that match no account.
    """

    contributed: dict[str, tuple[str, ...]]
    token_accounts: frozenset[str]
    behind_tokens: frozenset[str]
    behind_request: frozenset[str]
    claimed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unmatched: tuple[tuple[str, str], ...] = ()


NONE = Participation({}, frozenset(), frozenset(), frozenset())


def participation(subjects: Iterable[tuple[int, int, int | None]]) -> dict[int, Participation]:
    """Return who took part in several versions, in one query.

    Args:
        subjects: triples of a key of the caller's (such as the number of a request), the version's key, and that of the
            token that made the request, if any.

    Returns:
        The participation by the caller's key.
    """
    triples = list(subjects)
    if not triples:
        return {}
    keys, versions, tokens = (list(column) for column in zip(*triples, strict=True))
    found = prepared_statements.execute_prepared(
        _PARTICIPATION,
        {
            "keys": keys,
            "versions": versions,
            "tokens": tokens,
            "claims": list(CLAIMS),
            "roles": list(CLAIMS.values()),
        },
    )
    contributed: dict[int, dict[str, list[str]]] = {key: {} for key in keys}
    accounts: dict[int, set[str]] = {key: set() for key in keys}
    behind: dict[int, set[str]] = {key: set() for key in keys}
    requesters: dict[int, set[str]] = {key: set() for key in keys}
    claimed: dict[int, dict[str, set[str]]] = {key: {} for key in keys}
    unmatched: dict[int, set[tuple[str, str]]] = {key: set() for key in keys}
    for key, relation, uid, detail in found:
        if relation == "claim":
            role, _, text = detail.partition("\x1f")
            if uid:
                claimed[key].setdefault(uid, set()).add(role)
            else:
                unmatched[key].add((role, text.strip()))
            continue
        if relation == "contributor":
            contributed[key].setdefault(uid, []).append(detail)
            continue
        behind[key].add(uid)
        if relation == "token":
            accounts[key].add(uid)
        if detail:
            requesters[key].add(uid)
    order = list(Contribution.Part)
    return {
        key: Participation(
            {
                uid: tuple(str(part.label) for part in order if part in parts)
                for uid, parts in sorted(contributed[key].items())
            },
            frozenset(accounts[key]),
            frozenset(behind[key]),
            frozenset(requesters[key]),
            {uid: tuple(sorted(roles)) for uid, roles in sorted(claimed[key].items())},
            tuple(sorted(unmatched[key])),
        )
        for key in keys
    }
