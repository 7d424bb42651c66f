"""Decisions that are signed with a passkey."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0022_document_sign_offs"),
        ("registry", "0009_passkeys"),
    ]

    operations = [
        migrations.AlterField(
            model_name="decision",
            name="signed_method",
            field=models.CharField(
                choices=[
                    ("password", "Password given again"),
                    ("password_totp", "Password given again, and code of the authenticator app"),
                    ("recovery_code", "Password given again, and recovery code"),
                    ("passkey", "Passkey"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="PasskeyAssertion",
            fields=[
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="passkey_assertion",
                        serialize=False,
                        to="governance.decision",
                    ),
                ),
                ("authenticator_data", models.BinaryField()),
                ("client_data", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("sign_count", models.BigIntegerField()),
                ("rp_id", models.CharField(max_length=253)),
                ("origin", models.CharField(max_length=300)),
                (
                    "passkey",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.passkey"
                    ),
                ),
            ],
        ),
        migrations.RunSQL((Path(__file__).parent / "sql" / "0023_passkeys.sql").read_text(encoding="utf-8")),
    ]
