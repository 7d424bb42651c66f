-- The declared path of a migration: opened by a superuser for one release, begun and ended by the owner, and recorded.

-- Everything in `public` that decides what is stored and shown, as one digest: tables, views, functions.
CREATE OR REPLACE FUNCTION fence.schema_digest() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\n' ORDER BY line), ''), 'UTF8')), 'hex') FROM (
        SELECT relname || ' ' || CASE WHEN relkind IN ('r', 'p') THEN fence.shape_of(oid::regclass)
                                      ELSE pg_get_viewdef(oid) END AS line
          FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
        UNION ALL
        SELECT oid::regprocedure::text || ' ' || proowner::regrole::text || ' ' || pg_get_functiondef(oid)
          FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
    ) AS lines
$$;

-- Open the path for one release. A superuser's alone: no role of the product may call it.
CREATE OR REPLACE FUNCTION fence.open_migration(release text, removes text[], lasts interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE fence.migration m SET ended_at = clock_timestamp()
     WHERE m.ended_at IS NULL
       AND NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) s WHERE s.pid = m.pid AND s.backend_start = m.backend_start);
    INSERT INTO fence.migration (release, removes, expires_at)
    VALUES (open_migration.release, open_migration.removes, clock_timestamp() + lasts);
END
$$;

-- Begin what was opened for this release, in this session. Raises where nothing is open for it.
CREATE OR REPLACE FUNCTION fence.begin_migration(release text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found bigint;
BEGIN
    SELECT m.id INTO found FROM fence.migration m
     WHERE m.ended_at IS NULL AND m.release = begin_migration.release AND m.expires_at > clock_timestamp()
       AND NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) s
                        WHERE s.pid = m.pid AND s.backend_start = m.backend_start AND s.pid <> pg_backend_pid())
     ORDER BY m.id DESC LIMIT 1 FOR UPDATE;
    IF found IS NULL THEN
        RAISE EXCEPTION 'fence: no migration is open for this release' USING ERRCODE = '42501',
            HINT = 'Run `manage.py provision` of this release as a superuser; then `manage.py migrate`.';
    END IF;
    UPDATE fence.migration m
       SET begun_at = clock_timestamp(), pid = s.pid, backend_start = s.backend_start,
           shape_before = coalesce(m.shape_before, fence.schema_digest())
      FROM pg_stat_get_activity(pg_backend_pid()) s WHERE m.id = found;
    DELETE FROM fence.kept_column;
    INSERT INTO fence.kept_column
    SELECT g.subject, a.attnum, a.attname FROM fence.governed g JOIN pg_attribute a ON a.attrelid = g.subject
     WHERE a.attnum > 0 AND NOT a.attisdropped;
END
$$;

-- End it: every trigger of a governed table is sealed by now, the registers of the code are taken over, the shapes are
-- recorded, and what the migrations and Django keep about themselves is the application's to read only.
CREATE OR REPLACE FUNCTION fence.end_migration(actions text[], accounting jsonb) RETURNS SETOF fence.migration
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET event_triggers = off
AS $$
DECLARE
    loose text;
    subject regclass;
BEGIN
    IF NOT fence.is_migrating() THEN
        RAISE EXCEPTION 'fence: no migration was begun in this session' USING ERRCODE = '42501';
    END IF;
    SELECT format('%s on %s', t.tgname, t.tgrelid::regclass) INTO loose
      FROM fence.governed g JOIN pg_trigger t ON t.tgrelid = g.subject AND NOT t.tgisinternal
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgenabled <> 'A' OR p.proowner = 'countersign_owner'::regrole
        OR NOT EXISTS (SELECT FROM fence.seal s WHERE s.sealed_table = t.tgrelid AND s.sealed_trigger = t.tgname)
     LIMIT 1;
    IF loose IS NOT NULL THEN
        RAISE EXCEPTION 'fence: the migration cannot end: trigger % is not sealed, or its function not taken', loose
            USING ERRCODE = '42501', HINT = 'Take its function and seal it, in the migration that makes it.';
    END IF;
    PERFORM fence.strengthen_log();
    PERFORM fence.strengthen_gate();
    DELETE FROM fence.action WHERE name <> ALL (actions);
    INSERT INTO fence.action SELECT unnest(actions) ON CONFLICT DO NOTHING;
    DELETE FROM fence.accounting a WHERE NOT coalesce(end_migration.accounting -> a.table_name ? a.action, false);
    INSERT INTO fence.accounting SELECT t.key, x FROM jsonb_each(accounting) t, jsonb_array_elements_text(t.value) x
        ON CONFLICT DO NOTHING;
    FOR subject IN
        SELECT to_regclass('public.' || name) FROM unnest(ARRAY[
            'django_migrations', 'django_content_type', 'auth_permission']) AS name
         WHERE to_regclass('public.' || name) IS NOT NULL
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM countersign_app', subject);
        EXECUTE format('CREATE OR REPLACE TRIGGER fence_by_migration BEFORE INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH ROW EXECUTE FUNCTION fence.by_migration()', subject);
        EXECUTE format('CREATE OR REPLACE TRIGGER fence_not_emptied BEFORE TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION fence.by_migration()', subject);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER fence_by_migration', subject);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER fence_not_emptied', subject);
        INSERT INTO fence.seal VALUES (subject, 'fence_by_migration'), (subject, 'fence_not_emptied')
            ON CONFLICT DO NOTHING;
        INSERT INTO fence.governed (subject, named) SELECT subject, relname FROM pg_class WHERE oid = subject
            ON CONFLICT DO NOTHING;
    END LOOP;
    UPDATE fence.governed g SET shape = fence.shape_of(g.subject);
    RETURN QUERY UPDATE fence.migration m SET ended_at = clock_timestamp(), shape_after = fence.schema_digest()
     WHERE m.ended_at IS NULL AND m.pid = pg_backend_pid() RETURNING m.*;
END
$$;

-- Permissions, content types and the record of migrations are written by a declared migration.
CREATE OR REPLACE FUNCTION fence.by_migration() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR (NOT fence.is_superuser_session() AND NOT fence.is_migrating()) THEN
        RAISE EXCEPTION '% of % refused: only a declared migration writes it', TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Run `manage.py provision` as a superuser, then `manage.py migrate`.';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

-- What is not as the last declared migration left it: changes that a superuser made. Empty where all is in order.
CREATE OR REPLACE FUNCTION fence.differences() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('table %s', g.named) FROM fence.governed g
     WHERE fence.shape_of(g.subject) IS DISTINCT FROM g.shape AND g.shape IS NOT NULL
    UNION ALL
    SELECT format('trigger %s of table %s', s.sealed_trigger, s.sealed_table) FROM fence.seal s
     WHERE NOT EXISTS (SELECT FROM pg_trigger t
                        WHERE t.tgrelid = s.sealed_table AND t.tgname = s.sealed_trigger AND t.tgenabled = 'A')
    UNION ALL
    SELECT format('event trigger %s', e) FROM unnest(ARRAY['fence_hold_before_change', 'fence_hold_after_change',
        'fence_hold_after_drop', 'fence_hold_rows']) AS e
     WHERE NOT EXISTS (SELECT FROM pg_event_trigger t WHERE t.evtname = e AND t.evtenabled = 'A')
    UNION ALL
    SELECT 'tables, views or functions of the schema public' FROM (
        SELECT shape_after FROM fence.migration WHERE shape_after IS NOT NULL ORDER BY id DESC LIMIT 1) AS last
     WHERE last.shape_after <> fence.schema_digest()
    UNION ALL
    SELECT format('setting %s of role %s', c, r.rolname) FROM pg_db_role_setting d
      JOIN pg_roles r ON r.oid = d.setrole, unnest(d.setconfig) AS c WHERE r.rolname LIKE 'countersign%'
$$;

REVOKE ALL ON FUNCTION fence.open_migration(text, text[], interval), fence.begin_migration(text),
    fence.end_migration(text[], jsonb), fence.differences() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fence.begin_migration(text), fence.end_migration(text[], jsonb) TO countersign_owner;
GRANT EXECUTE ON FUNCTION fence.differences() TO countersign_owner, countersign_app;
