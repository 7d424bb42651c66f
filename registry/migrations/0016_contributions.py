"""Who contributed to each version, and who could act as each account: both filled from the audit log."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import allow_close_only, immutable_columns, refuse_delete, require_event

# Accounts and tokens behind the additions on record. What the registering account added with the token it registered
# with is left out, as the service leaves it out.
CONTRIBUTIONS = """
INSERT INTO public.registry_contribution (uid, version_id, account_id, token_id, part, event, contributed_at)
SELECT DISTINCT ON (v.id, u.id, t.id, said.part)
       gen_random_uuid(), v.id, u.id, t.id, said.part, said.event_id, said.happened_at
  FROM (
    SELECT e.event_id, e.happened_at, e.touched,
           CASE e.action WHEN 'artifact.stored' THEN 'files' WHEN 'artifact.attached' THEN 'files'
                         WHEN 'metric.added' THEN 'metrics' WHEN 'card.added' THEN 'card'
                         WHEN 'evidence.added' THEN 'evidence' ELSE 'registration' END AS part,
           CASE body #>> '{actor,type}' WHEN 'person' THEN body #>> '{actor,id}'
                                        WHEN 'token' THEN body #>> '{actor,behind}'
                ELSE coalesce(body #>> '{data,sent_by}', body #>> '{data,completed_by}') END AS account,
           CASE body #>> '{actor,type}' WHEN 'token' THEN body #>> '{actor,id}' END AS token
      FROM public.audit_event e, LATERAL (SELECT convert_from(e.leaf, 'UTF8')::jsonb AS body) AS written
     WHERE e.action IN ('artifact.stored', 'artifact.attached', 'metric.added', 'card.added', 'evidence.added',
                        'version.registered')
  ) AS said
  JOIN public.registry_user u ON u.uid = said.account
  LEFT JOIN public.registry_accesstoken t ON t.uid = said.token
  JOIN public.registry_modelversion v ON 'version:' || v.uid::text = ANY (said.touched)
 WHERE v.registered_by_id <> u.id OR v.registered_with_id IS DISTINCT FROM t.id
 ORDER BY v.id, u.id, t.id, said.part, said.happened_at
"""

_ACTED = """
    SELECT e.action, e.event_id, e.happened_at, e.thing_id, body,
           CASE body #>> '{actor,type}' WHEN 'person' THEN body #>> '{actor,id}'
                                        WHEN 'token' THEN body #>> '{actor,behind}' END AS doer
      FROM public.audit_event e, LATERAL (SELECT convert_from(e.leaf, 'UTF8')::jsonb AS body) AS written
"""
_INTO = """
INSERT INTO public.registry_accountcontrol
    (uid, account_id, person_id, kind, token_id, opened_at, opened_event, closed_at, closed_event)
"""

# Who made an account, and who changed its address.
MADE_OR_ADDRESSED = f"""{_INTO}
SELECT DISTINCT ON (a.id, p.id, said.action)
       gen_random_uuid(), a.id, p.id, CASE said.action WHEN 'person.registered' THEN 'created' ELSE 'address_set' END,
       NULL::bigint, said.happened_at, said.event_id, NULL::timestamptz, NULL::uuid
  FROM ({_ACTED}
     WHERE e.action = 'person.registered'
        OR (e.action = 'person.updated' AND body @> '{{"changes": [{{"field": "email"}}]}}')
  ) AS said
  JOIN public.registry_user a ON a.uid = said.thing_id
  JOIN public.registry_user p ON p.uid = said.doer AND p.id <> a.id
 ORDER BY a.id, p.id, said.action, said.happened_at
"""  # noqa: S608 - names of ours

# Who set another person's password. It counts as replaced where its holder set another one later.
PASSWORDS = f"""{_INTO}
SELECT gen_random_uuid(), a.id, p.id, 'password_set', NULL::bigint, first.happened_at, first.event_id,
       CASE WHEN own.happened_at > last.happened_at THEN own.happened_at END,
       CASE WHEN own.happened_at > last.happened_at THEN own.event_id END
  FROM (SELECT DISTINCT thing_id, doer FROM ({_ACTED}
         WHERE e.action = 'person.password_set'
            OR (e.action = 'person.registered'
                AND body #>> '{{data,password}}' = 'true')) AS acted
       ) AS pair
  JOIN public.registry_user a ON a.uid = pair.thing_id
  JOIN public.registry_user p ON p.uid = pair.doer AND p.id <> a.id
  CROSS JOIN LATERAL (SELECT * FROM ({_ACTED}
         WHERE e.thing_id = a.uid AND e.action IN ('person.password_set', 'person.registered')) AS acted
         WHERE acted.doer = p.uid ORDER BY happened_at LIMIT 1) AS first
  CROSS JOIN LATERAL (SELECT * FROM ({_ACTED}
         WHERE e.thing_id = a.uid AND e.action IN ('person.password_set', 'person.registered')) AS acted
         WHERE acted.doer = p.uid ORDER BY happened_at DESC LIMIT 1) AS last
  LEFT JOIN LATERAL (SELECT * FROM ({_ACTED}
         WHERE e.thing_id = a.uid AND e.action = 'person.password_set') AS acted
         WHERE acted.doer = a.uid ORDER BY happened_at DESC LIMIT 1) AS own ON true
"""  # noqa: S608 - names of ours

# Who issued a token that acts as another account.
ISSUERS = f"""{_INTO}
SELECT gen_random_uuid(), t.person_id, p.id, 'token_issued', t.id, said.happened_at, said.event_id,
       NULL::timestamptz, NULL::uuid
  FROM ({_ACTED} WHERE e.action = 'token.issued') AS said
  JOIN public.registry_accesstoken t ON t.uid = said.thing_id
  JOIN public.registry_user p ON p.uid = said.doer AND p.id <> t.person_id
"""  # noqa: S608 - names of ours


def dated(table):
    """A dated row begins and ends with its event, is closed once, and is kept."""
    trigger = "registry_dated_by_event"
    when = f"AFTER INSERT OR UPDATE ON public.{table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    return [
        refuse_delete(table, "Close the row instead; its service does."),
        allow_close_only(table, "closed_at", "closed_event"),
        migrations.RunSQL(
            (
                f"CREATE CONSTRAINT TRIGGER {trigger} {when} EXECUTE FUNCTION {trigger}()",
                f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {trigger}",
                f"SELECT fence.seal('public.{table}'::regclass, '{trigger}')",
            )
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0015_change_proposals"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="completed_with",
            field=models.ForeignKey(
                blank=True,
                help_text="the token with which they said so",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.accesstoken",
            ),
        ),
        migrations.CreateModel(
            name="AccountControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("created", "made the account"),
                            ("owner", "owns the service account"),
                            ("user", "uses the service account"),
                            ("token_issued", "issued a token of it"),
                            ("token_received", "received the secret of a token"),
                            ("password_set", "set its password"),
                            ("address_set", "changed its e-mail address"),
                            ("link_shown", "was shown its sign-in link"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls_held",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls",
                        to="registry.accesstoken",
                    ),
                ),
            ],
            options={
                "ordering": ("account", "opened_at", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                            models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                            _connector="OR",
                        ),
                        name="account_control_closed_with_event",
                        violation_error_code="closed_without_event",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("account", "person", "kind", "token"),
                        name="account_control_one_open",
                        nulls_distinct=False,
                        violation_error_code="already_recorded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("account", models.F("person")), _negated=True),
                        name="account_control_is_of_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ("token_issued", "token_received")), ("token__isnull", False)),
                            models.Q(
                                models.Q(("kind__in", ("token_issued", "token_received")), _negated=True),
                                ("token__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="account_control_token_where_it_has_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("registration", "the registration"),
                            ("files", "files"),
                            ("metrics", "metrics"),
                            ("card", "the model card"),
                            ("evidence", "evidence"),
                        ],
                        max_length=12,
                    ),
                ),
                ("event", models.UUIDField(help_text="the event of the first addition")),
                ("contributed_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to="registry.accesstoken",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("version", "contributed_at", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "account", "token", "part"), name="contribution_once", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.RunSQL([CONTRIBUTIONS, MADE_OR_ADDRESSED, PASSWORDS, ISSUERS]),
        require_event("registry_contribution", "version", via=("version_id", "registry_modelversion")),
        refuse_delete("registry_contribution", "Who contributed to a version stays on record."),
        immutable_columns(
            "registry_contribution", "uid", "version_id", "account_id", "token_id", "part", "event", "contributed_at"
        ),
        require_event("registry_accountcontrol", "person", via=("account_id", "registry_user")),
        *dated("registry_accountcontrol"),
    ]
