"""Changes that need two people, and what the installation declares about itself."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import allow_close_only, immutable_columns, refuse_delete, require_event, write_once_columns

PROPOSAL = "registry_changeproposal"
INSTANCE = "registry_instance"

# A proposal is confirmed by another active person than the one who proposed it, unless it is marked as a decision of a
# single officer, which only an instance that declares one may hold.
BY_SECOND_PERSON = """
DECLARE
    broken text;
BEGIN
    IF NEW.outcome IS DISTINCT FROM 'confirmed' THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM public.registry_user WHERE uid = NEW.closed_by AND kind = 'person' AND is_active) THEN
        broken := 'an active person confirms';
    ELSIF NEW.single_officer THEN
        IF NOT EXISTS (SELECT FROM public.registry_instance WHERE single_officer) THEN
            broken := 'this installation declares no single officer';
        END IF;
    ELSIF EXISTS (SELECT FROM public.registry_user
                   WHERE uid = NEW.closed_by AND (id = NEW.proposed_by_id OR is_superuser)) THEN
        broken := 'a second person confirms, who is no superuser';
    ELSIF NEW.signed_name = '' OR NEW.signed_meaning = '' THEN
        broken := 'a confirmation is signed';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'confirmation of change proposal % refused: %', NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.change_proposals.confirm.';
    END IF;
    RETURN NULL;
END
"""

# The set-up is confirmed once, by a proposal that two people signed in the same transaction; a single officer is
# declared before that, or by the single officer.
INSTANCE_CHANGES = """
BEGIN
    IF OLD.setup_confirmed_at IS NULL AND NEW.setup_confirmed_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.kind = 'instance.setup' AND p.outcome = 'confirmed'
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'the set-up is confirmed by a proposal of the same transaction'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.instance.propose_setup_confirmation.';
    END IF;
    RETURN NULL;
END
"""


def function(name, body):
    head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    return (f"{head} AS $${body}$$", f"SELECT fence.take('public.{name}()'::regprocedure)")


def guard(table, name, when, called):
    """A deferred trigger that fires always, sealed."""
    return (
        (
            f"CREATE CONSTRAINT TRIGGER {name} {when} ON public.{table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION public.{called}()"
        ),
        f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
        f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0014_saved_views"),
    ]

    operations = [
        migrations.CreateModel(
            name="Instance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("only", models.BooleanField(default=True, editable=False, help_text="there is one row", unique=True)),
                ("single_officer", models.BooleanField(default=False)),
                ("setup_confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("only", True)), name="instance_one_row")],
            },
        ),
        migrations.CreateModel(
            name="ChangeProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("kind", models.CharField(max_length=60)),
                (
                    "subject_type",
                    models.CharField(help_text="what the change is about, as the audit log names it", max_length=40),
                ),
                ("subject_id", models.CharField(max_length=80)),
                ("title", models.CharField(max_length=300)),
                ("payload", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.TextField()),
                ("single_officer", models.BooleanField(default=False)),
                ("expires_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("confirmed", "Confirmed"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                ("comment", models.TextField(blank=True, null=True)),
                (
                    "closed_by",
                    models.CharField(blank=True, help_text="pseudonymous id of the actor", max_length=100, null=True),
                ),
                ("signed_name", models.CharField(blank=True, max_length=200, null=True)),
                ("signed_meaning", models.CharField(blank=True, max_length=200, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        help_text="the model it is about; empty for a change of the organisation",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_proposals",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_proposals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposed_with",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.accesstoken",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)), fields=["opened_at"], name="change_waiting"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("kind", "subject_type", "subject_id"),
                        name="change_one_open_per_subject",
                        violation_error_code="already_proposed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("closed_at__isnull", True),
                                ("closed_by__isnull", True),
                                ("closed_event__isnull", True),
                                ("comment__isnull", True),
                                ("outcome__isnull", True),
                                ("signed_meaning__isnull", True),
                                ("signed_name__isnull", True),
                            ),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("closed_by__isnull", False),
                                ("closed_event__isnull", False),
                                ("comment__isnull", False),
                                ("outcome__isnull", False),
                                ("signed_meaning__isnull", False),
                                ("signed_name__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="change_answered_once",
                        violation_error_code="closed_without_event",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="change_digest_form"
                    ),
                ],
            },
        ),
        require_event(INSTANCE, "instance"),
        refuse_delete(INSTANCE, "There is one row about this installation; change it by its services."),
        immutable_columns(INSTANCE, "uid", "only", "created_at"),
        write_once_columns(INSTANCE, "setup_confirmed_at"),
        require_event(PROPOSAL, "change_proposal"),
        refuse_delete(PROPOSAL, "Withdraw the proposal instead."),
        allow_close_only(
            PROPOSAL,
            *("closed_at", "closed_event", "outcome", "comment", "closed_by", "signed_name", "signed_meaning"),
        ),
        migrations.RunSQL(
            (
                *guard(PROPOSAL, "registry_dated_by_event", "AFTER INSERT OR UPDATE", "registry_dated_by_event"),
                *function("registry_confirmed_by_second", BY_SECOND_PERSON),
                *guard(
                    PROPOSAL, "registry_confirmed_by_second", "AFTER INSERT OR UPDATE", "registry_confirmed_by_second"
                ),
                *function("registry_instance_changes", INSTANCE_CHANGES),
                *guard(INSTANCE, "registry_instance_changes", "AFTER UPDATE", "registry_instance_changes"),
            )
        ),
    ]
