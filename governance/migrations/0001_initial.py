"""The governance of release 0.1.0: tables, and the guards of `sql/`. Frozen: a later change is a later migration."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _sql(name):
    """The frozen text of a file beside this migration."""
    return (Path(__file__).with_name("sql") / name).read_text(encoding="utf-8")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("registry", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("slug", models.SlugField(max_length=80, unique=True)),
                ("title", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "policies",
                "ordering": ("slug",),
            },
        ),
        migrations.CreateModel(
            name="PromotionRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("target_alias", models.CharField(blank=True, max_length=255)),
                ("reason", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("blocked", "Blocked"),
                            ("ready", "Ready"),
                            ("promoted", "Promoted"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                            ("superseded", "Superseded"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64)),
                ("packet_digest", models.CharField(blank=True, max_length=64)),
                (
                    "before_governance",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="not asked for, checked or approved here: it stood so where it was brought from",
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "champion",
                    models.ForeignKey(
                        blank=True,
                        help_text="the version this one is compared with: in the target when the request was made",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotion_requests",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="WebhookPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("arrival", models.BigIntegerField(default=0)),
                ("horizon", models.BigIntegerField(default=0)),
                ("begun", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="PolicyRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveIntegerField()),
                ("source", models.TextField()),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("published_at", models.DateTimeField()),
                (
                    "published_by",
                    models.CharField(help_text="pseudonymous id of the actor who proposed it", max_length=40),
                ),
                (
                    "confirmed_by",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="pseudonymous id of the officer who put it in force; empty for the set-up",
                        max_length=100,
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="governance.policy"
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy_revision",
                        to="registry.changeproposal",
                    ),
                ),
            ],
            options={
                "ordering": ("policy", "-number"),
            },
        ),
        migrations.AddField(
            model_name="policy",
            name="in_force",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="in_force_of",
                to="governance.policyrevision",
            ),
        ),
        migrations.CreateModel(
            name="SettlementFailure",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="failure",
                        serialize=False,
                        to="governance.promotionrequest",
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("failed_at", models.DateTimeField()),
                (
                    "retry_at",
                    models.DateTimeField(blank=True, help_text="empty after the last attempt by itself", null=True),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="policy_revision",
            field=models.ForeignKey(
                blank=True,
                help_text="the policy it was made under; empty for a free move, which nothing governs",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="governance.policyrevision",
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="reapproves",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="the promotion behind the place that the version holds already, and is to be approved in again",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reapprovals",
                to="governance.promotionrequest",
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promotion_requests",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="requested_with",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.accesstoken",
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="source_stage",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.stage"),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="target_stage",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.stage",
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promotion_requests",
                to="registry.modelversion",
            ),
        ),
        migrations.CreateModel(
            name="Packet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("body", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="packets",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FrozenDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("template", models.CharField(help_text="whose shape it has", max_length=80)),
                ("digest", models.CharField(max_length=64)),
                ("body", models.BinaryField()),
                ("missing", models.PositiveIntegerField(help_text="answers that were missing")),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                ("created_at", models.DateTimeField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frozen_documents",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frozen_document",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("approve", "Approve"), ("request_changes", "Request changes"), ("reject", "Reject")],
                        max_length=16,
                    ),
                ),
                ("comment", models.TextField(blank=True)),
                ("packet_digest", models.CharField(max_length=64)),
                (
                    "groups",
                    models.JSONField(
                        default=list, help_text="slugs of the policy's groups the person was in when deciding"
                    ),
                ),
                ("signed_name", models.CharField(max_length=200)),
                ("signed_meaning", models.TextField()),
                ("signed_method", models.CharField(choices=[("password", "Password given again")], max_length=16)),
                ("signed_at", models.DateTimeField()),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                ("lapsed_at", models.DateTimeField(blank=True, null=True)),
                ("lapsed_event", models.UUIDField(blank=True, null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("signed_at",),
            },
        ),
        migrations.CreateModel(
            name="CheckRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("check_slug", models.CharField(max_length=80)),
                ("check_version", models.CharField(max_length=40)),
                ("mode", models.CharField(choices=[("required", "Required"), ("advisory", "Advisory")], max_length=10)),
                ("params", models.JSONField(default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting_evidence", "Waiting for evidence"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "conclusion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("success", "Passed"),
                            ("failure", "Failed"),
                            ("action_required", "Needs action"),
                            ("neutral", "Information"),
                            ("skipped", "Not applicable"),
                            ("error", "Check error"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("inputs_digest", models.CharField(max_length=64)),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                ("summary", models.TextField(blank=True)),
                ("findings", models.JSONField(blank=True, default=list)),
                ("measures", models.JSONField(blank=True, default=dict)),
                (
                    "conditions",
                    models.JSONField(blank=True, default=dict, help_text="limits used, isolation, resource use"),
                ),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_runs",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_runs",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("request", "check_slug", "-attempt"),
            },
        ),
        migrations.CreateModel(
            name="RequestPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("target", "the target"),
                            ("leaving", "leaving the stage it is in"),
                            ("represented_stage", "the stage the alias represents"),
                            ("tier", "a stricter risk tier while it was open"),
                            ("newer_revision", "a stricter revision published while it was open"),
                        ],
                        max_length=20,
                    ),
                ),
                ("added_at", models.DateTimeField()),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                (
                    "policy_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="governed",
                        to="governance.policyrevision",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="SourceCopy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Copied"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("files", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="bytes")),
                ("problem", models.TextField(blank=True, help_text="why it failed, or why the last attempt did")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="source_copy",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "source copies",
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=63)),
                ("description", models.TextField(blank=True)),
                ("url", models.TextField()),
                ("events", models.JSONField(help_text='what it is told of: a list of "entity.action"')),
                (
                    "status",
                    models.CharField(
                        choices=[("ACTIVE", "Active"), ("DISABLED", "Disabled")], default="ACTIVE", max_length=8
                    ),
                ),
                ("since", models.BigIntegerField(help_text="order of arrival of the last event it is not told of")),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("event", models.UUIDField()),
                (
                    "place",
                    models.PositiveSmallIntegerField(help_text="which of the event's news: one may set several tags"),
                ),
                ("entity", models.CharField(max_length=32)),
                ("action", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                            ("withheld", "Withheld"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                (
                    "answer",
                    models.PositiveSmallIntegerField(blank=True, help_text="status of the last answer", null=True),
                ),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="governance.webhook"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.TextField()),
                (
                    "webhook",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.webhook"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=255)),
                ("method", models.CharField(max_length=8)),
                ("path", models.CharField(max_length=2000)),
                ("body_sha256", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.accesstoken"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotency_key_age")],
                "constraints": [models.UniqueConstraint(fields=("token", "key"), name="idempotency_key_once")],
            },
        ),
        migrations.CreateModel(
            name="PdfFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Drawn"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("source", models.BinaryField(help_text="what is printed, as canonical JSON; empty once it is drawn")),
                ("body", models.BinaryField(blank=True, null=True)),
                ("problem", models.TextField(blank=True, help_text="why it failed")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["claimed_at"], name="pdf_file_waiting"
                    ),
                    models.Index(fields=["created_at"], name="pdf_file_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(("body__isnull", False), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="pdf_file_state",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="policyrevision",
            constraint=models.UniqueConstraint(fields=("policy", "number"), name="policy_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="policyrevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="policy_digest_form"
            ),
        ),
        migrations.AddIndex(
            model_name="settlementfailure",
            index=models.Index(fields=["retry_at"], name="settlement_failure_due"),
        ),
        migrations.AddIndex(
            model_name="promotionrequest",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "blocked", "ready"))), fields=["state"], name="promotion_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("target_alias", ""), ("target_stage__isnull", False)),
                    models.Q(("target_stage__isnull", True), models.Q(("target_alias", ""), _negated=True)),
                    _connector="OR",
                ),
                name="promotion_one_target",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("open", "blocked", "ready"))),
                fields=("version", "target_stage", "target_alias"),
                name="promotion_one_open_per_target",
                nulls_distinct=False,
                violation_error_code="already_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("before_governance", False),
                    models.Q(
                        ("champion__isnull", True),
                        ("packet_digest", ""),
                        ("policy_revision__isnull", True),
                        ("state", "promoted"),
                    ),
                    _connector="OR",
                ),
                name="promotion_before_governance_is_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("before_governance", True)),
                fields=("version", "target_stage", "target_alias"),
                name="promotion_one_before_governance",
                nulls_distinct=False,
                violation_error_code="already_there",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reapproves__isnull", True),
                    models.Q(("before_governance", False), ("target_stage", models.F("source_stage"))),
                    models.Q(("before_governance", False), models.Q(("target_alias", ""), _negated=True)),
                    _connector="OR",
                ),
                name="promotion_reapproval_moves_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("state__in", ("open", "blocked", "ready"))),
                    models.Q(
                        models.Q(("state__in", ("open", "blocked", "ready")), _negated=True),
                        ("closed_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="promotion_closed_has_moment",
            ),
        ),
        migrations.AddConstraint(
            model_name="packet",
            constraint=models.UniqueConstraint(fields=("request", "digest"), name="packet_once"),
        ),
        migrations.AddConstraint(
            model_name="frozendocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="document_digest_form"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lapsed_at__isnull", True)),
                fields=("request", "person"),
                name="decision_one_standing_per_person",
                violation_error_code="already_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lapsed_at__isnull", True), ("lapsed_event__isnull", True)),
                    models.Q(("lapsed_at__isnull", False), ("lapsed_event__isnull", False)),
                    _connector="OR",
                ),
                name="decision_lapsed_with_event",
            ),
        ),
        migrations.AddIndex(
            model_name="checkrun",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["status", "run_after"],
                name="check_run_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.UniqueConstraint(
                fields=("request", "check_slug", "inputs_digest", "attempt"), name="check_run_attempt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=("request", "check_slug"),
                name="check_run_one_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("completed_at__isnull", False),
                        ("status", "completed"),
                        models.Q(("conclusion", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("status", "completed"), _negated=True),
                        ("completed_at__isnull", True),
                        ("conclusion", ""),
                    ),
                    _connector="OR",
                ),
                name="check_run_completed_has_conclusion",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "running"), _negated=True), ("claim__isnull", False), _connector="OR"
                ),
                name="check_run_running_is_claimed",
            ),
        ),
        migrations.AddConstraint(
            model_name="requestpolicy",
            constraint=models.UniqueConstraint(
                fields=("request", "policy_revision", "basis"), name="request_policy_once"
            ),
        ),
        migrations.AddIndex(
            model_name="sourcecopy",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["run_after"], name="source_copy_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["run_after"], name="webhook_delivery_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["created_at"], name="webhook_delivery_by_age"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(fields=("webhook", "event", "place"), name="webhook_told_once"),
        ),
        migrations.RunSQL(_sql("0001_guards.sql")),
    ]
