"""What a search walks: words of models and versions as PostgreSQL keeps them for full text, the newest metrics marked,
and indexes for beginnings of digests.

The columns of words are made by the database from the row's own text and are unknown to Django, so that no query that
shows a model carries them along.
"""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models

# The name's parts and the other short lines are kept as they are written, too, for beginnings of words; translate()
# because the parser of full text would take "a.b" for a host's name.
WORDS = """
ALTER TABLE registry_registeredmodel ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', translate(slug, '-_.', '   ')), 'A')
    || setweight(to_tsvector('pg_catalog.simple', title || ' ' || team || ' ' || purpose), 'B')
    || setweight(to_tsvector('pg_catalog.english', title || ' ' || team || ' ' || purpose), 'B')
    || setweight(to_tsvector('pg_catalog.english', description || ' ' || intended_use || ' ' || prohibited_use), 'D')
) STORED;
CREATE INDEX model_by_words ON registry_registeredmodel USING gin (search_words);
ALTER TABLE registry_modelversion ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', translate(source, '-_./:', '     ')), 'B')
    || setweight(to_tsvector('pg_catalog.english', description), 'D')
) STORED;
CREATE INDEX version_by_words ON registry_modelversion USING gin (search_words);
"""

# The guards want an event for every changed row. What is set here says nothing new about any version; USING rewrites
# the table as a whole and fires no row trigger.
MARK_SUPERSEDED = """
CREATE FUNCTION pg_temp.metric_is_latest(about bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM public.registry_metric mine JOIN public.registry_metric later
            ON later.version_id = mine.version_id AND later.name = mine.name AND later.dataset = mine.dataset
           AND later.slice = mine.slice AND later.revision > mine.revision
         WHERE mine.id = about)
$$;
ALTER TABLE registry_metric ALTER COLUMN latest TYPE boolean USING pg_temp.metric_is_latest(id);
DROP FUNCTION pg_temp.metric_is_latest(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0006_access_ends"),
    ]

    operations = [
        migrations.AddField(
            model_name="metric",
            name="latest",
            field=models.BooleanField(default=True, editable=False),
        ),
        migrations.RunSQL(MARK_SUPERSEDED),
        migrations.RunSQL(WORDS),
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(fields=["sha256"], name="artifact_by_beginning", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["name"], name="dataset_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="metric",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("value"),
                models.F("version"),
                condition=models.Q(("latest", True), ("slice", "")),
                name="metric_by_value",
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["stage", "model", "number"], name="version_by_stage"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                fields=["fingerprint"], name="version_by_fingerprint", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["run_id"], name="version_by_run", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["code_commit"], name="version_by_commit", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["registered_at"], name="version_by_moment"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="version_by_tag"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["-updated_at", "slug"], name="model_by_change"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["next_review", "slug"], name="model_by_review"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["risk_tier", "slug"], name="model_by_tier"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(django.db.models.functions.text.Lower("team"), models.F("slug"), name="model_by_team"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="model_by_tag"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=django.contrib.postgres.indexes.GinIndex(fields=["regulations"], name="model_by_regulation"),
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.UniqueConstraint(
                condition=models.Q(("latest", True)),
                fields=("version", "name", "dataset", "slice"),
                name="metric_one_latest",
            ),
        ),
    ]
