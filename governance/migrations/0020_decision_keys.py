"""Decision keys, and the attested statement of each decision signature."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0019_policy_replays"),
    ]

    operations = [
        migrations.CreateModel(
            name="DecisionKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "key_id",
                    models.CharField(
                        help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal",
                        max_length=64,
                        unique=True,
                    ),
                ),
                ("public_key", models.TextField(help_text="SubjectPublicKeyInfo in PEM")),
                ("valid_from", models.DateTimeField()),
                ("registered_event", models.UUIDField()),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
                ("replaced_event", models.UUIDField(blank=True, null=True)),
            ],
            options={
                "ordering": ("-valid_from", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("replaced_event__isnull", True), ("valid_until__isnull", True)),
                            models.Q(("replaced_event__isnull", False), ("valid_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="decision_key_replaced_with_event",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignatureRecord",
            fields=[
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="signature_record",
                        serialize=False,
                        to="governance.decision",
                    ),
                ),
                ("statement", models.BinaryField()),
                (
                    "attestation",
                    models.BinaryField(help_text="Ed25519 signature over the pre-authentication encoding of DSSE"),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.decisionkey"
                    ),
                ),
            ],
        ),
        migrations.RunSQL((Path(__file__).parent / "sql" / "0020_decision_keys.sql").read_text(encoding="utf-8")),
    ]
