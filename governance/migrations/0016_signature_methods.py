"""Methods of a decision signature with a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0015_emergency_changes"),
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
                ],
                max_length=16,
            ),
        ),
    ]
