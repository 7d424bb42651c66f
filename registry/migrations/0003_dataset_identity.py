"""Which references are of one dataset: a column the database computes itself, for every row there is and will be."""

from django.db import migrations, models

import registry.models.dataset

# As registry.datasets.identity says it; a test holds the two to the same answers. A generated column needs a function
# that is declared immutable: convert_to depends on the database's encoding alone, which is UTF-8 and stays.
FUNCTION = """
CREATE FUNCTION public.registry_dataset_identity(
    strength text, algorithm text, digest text, uri text, name text, reference text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        CASE
            WHEN strength <> 'weak' AND algorithm IN ('sha256', 'md5', 'dvc-dir')
                THEN algorithm || E'\\n' || digest
            WHEN strength <> 'weak'
                THEN algorithm || E'\\n' || digest || E'\\n' || COALESCE(NULLIF(uri, ''), name)
            ELSE E'label\\n' || COALESCE(NULLIF(uri, ''), name) || E'\\n' || reference || E'\\n' || algorithm
                 || E'\\n' || digest
        END, 'UTF8')), 'hex')
$$
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_guards")]

    operations = [
        migrations.RunSQL(
            (
                FUNCTION,
                "SELECT fence.take('public.registry_dataset_identity(text,text,text,text,text,text)'::regprocedure)",
            )
        ),
        migrations.AddField(
            model_name="datasetreference",
            name="identity",
            field=models.GeneratedField(
                db_persist=True,
                expression=registry.models.dataset.DatasetIdentity(
                    "strength", "digest_algorithm", "digest", "uri", "name", "reference"
                ),
                help_text="what tells datasets apart: registry.datasets.identity",
                output_field=models.CharField(max_length=64),
            ),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["identity", "version"], name="dataset_by_identity"),
        ),
    ]
