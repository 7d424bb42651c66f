-- The identity of a dataset, for a generated column. Frozen with release 0.1.0.

CREATE FUNCTION public.registry_dataset_identity(strength text, algorithm text, digest text, uri text, name text, reference text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        CASE
            WHEN strength <> 'weak' AND algorithm IN ('sha256', 'md5', 'dvc-dir')
                THEN algorithm || E'\n' || digest
            WHEN strength <> 'weak'
                THEN algorithm || E'\n' || digest || E'\n' || COALESCE(NULLIF(uri, ''), name)
            ELSE E'label\n' || COALESCE(NULLIF(uri, ''), name) || E'\n' || reference || E'\n' || algorithm
                 || E'\n' || digest
        END, 'UTF8')), 'hex')
$function$;
