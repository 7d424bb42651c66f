"""Deputies: members of reviewer groups whom an escalation informs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0006_verification_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="deputy",
            field=models.BooleanField(
                default=False,
                help_text="a deputy decides as every member, and is informed if the others do not decide in time",
            ),
        ),
    ]
