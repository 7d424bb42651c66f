"""Indexes a search for datasets uses: beginnings of names and digests, whole addresses."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_search"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["digest"], name="dataset_by_digest_start", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["name"], name="dataset_by_name_start", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=django.contrib.postgres.indexes.HashIndex(fields=["uri"], name="dataset_by_uri"),
        ),
    ]
