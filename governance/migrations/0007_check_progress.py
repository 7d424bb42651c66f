"""Progress of running checks, and the size of what a check reads, which selects its queue."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0006_advisories"),
    ]

    operations = [
        migrations.CreateModel(
            name="CheckProgress",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="progress",
                        serialize=False,
                        to="governance.checkrun",
                    ),
                ),
                ("phase", models.CharField(max_length=20)),
                ("done", models.PositiveBigIntegerField(default=0, help_text="bytes")),
                ("total", models.PositiveBigIntegerField(default=0, help_text="bytes")),
                ("noted_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="checkrun",
            name="input_bytes",
            field=models.PositiveBigIntegerField(default=0, help_text="bytes of the files that the check reads"),
        ),
    ]
