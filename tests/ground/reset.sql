-- Exists in test databases only, and is never part of a migration: empties every table, the log included, and puts
-- back what the migrations had written. Deleting beats truncating by far when tables hold a few rows.

-- Tests set the clock.
INSERT INTO fence.setting VALUES ('dated events', 'allowed') ON CONFLICT (name) DO UPDATE SET value = excluded.value;

CREATE SCHEMA IF NOT EXISTS seeds_for_tests;
REVOKE ALL ON SCHEMA seeds_for_tests FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.fence_tables_for_tests() RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT oid::regclass FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
$$;

-- Columns that can be written, that is, all but the generated ones.
CREATE OR REPLACE FUNCTION public.fence_columns_for_tests(subject regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
     WHERE attrelid = subject AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
$$;

DO $$
DECLARE
    subject regclass;
    filled boolean;
    seed text;
BEGIN
    FOR subject IN SELECT public.fence_tables_for_tests() LOOP
        seed := format('seeds_for_tests.%I', (SELECT relname FROM pg_class WHERE oid = subject));
        EXECUTE format('DROP TABLE IF EXISTS %s', seed);
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', subject) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE %s AS SELECT %s FROM %s',
                           seed, public.fence_columns_for_tests(subject), subject);
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION public.fence_reset_for_tests() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET session_replication_role = replica
SET event_triggers = off
AS $$
DECLARE
    subject regclass;
    filled boolean;
    seed regclass;
    guard name;
    guards name[];
BEGIN
    FOR subject IN SELECT fence_tables_for_tests() LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', subject) INTO filled;
        seed := to_regclass(format('seeds_for_tests.%I', (SELECT relname FROM pg_class WHERE oid = subject)));
        CONTINUE WHEN NOT filled AND seed IS NULL;
        guards := ARRAY(SELECT tgname FROM pg_trigger WHERE tgrelid = subject AND tgenabled = 'A');
        FOREACH guard IN ARRAY guards LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', subject, guard);
        END LOOP;
        EXECUTE format('DELETE FROM %s', subject);
        IF seed IS NOT NULL THEN
            EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM %s',
                           subject, fence_columns_for_tests(subject), seed);
        END IF;
        FOREACH guard IN ARRAY guards LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', subject, guard);
        END LOOP;
    END LOOP;
END
$$;
