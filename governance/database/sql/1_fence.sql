-- The fence: what even the owner of the tables cannot undo. Runs as a superuser, once in the template and again in
-- every database that was made from it when this file changes; so every statement here can be repeated.
--
-- It lives in its own schema, which belongs to the superuser: a schema's owner may drop what others own in it.

SET client_min_messages = warning;

ALTER SCHEMA public OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT ALL ON SCHEMA public TO countersign_owner;

ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO countersign_app;
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner GRANT USAGE, SELECT ON SEQUENCES TO countersign_app;

CREATE SCHEMA IF NOT EXISTS fence;
REVOKE ALL ON SCHEMA fence FROM PUBLIC;
GRANT USAGE ON SCHEMA fence TO countersign_owner, countersign_app, countersign_fence;

-- Triggers that must exist and fire always. Kept as table and name, not as object numbers: they survive dump and restore.
CREATE TABLE IF NOT EXISTS fence.seal (
    sealed_table regclass NOT NULL,
    sealed_trigger name NOT NULL,
    PRIMARY KEY (sealed_table, sealed_trigger)
);

-- Tables that were handed over, with the shape they must keep.
CREATE TABLE IF NOT EXISTS fence.taken (
    taken_table regclass PRIMARY KEY,
    shape text NOT NULL
);

-- Governed tables: those with a sealed trigger. The name is recorded, so that a renamed table is noticed; the shape is
-- what the last declared migration left, so that a later difference is found (fence.differences()).
CREATE TABLE IF NOT EXISTS fence.governed (
    subject regclass PRIMARY KEY,
    named name NOT NULL,
    shape text
);
INSERT INTO fence.governed (subject, named)
SELECT DISTINCT s.sealed_table, c.relname FROM fence.seal s JOIN pg_catalog.pg_class c ON c.oid = s.sealed_table
    ON CONFLICT DO NOTHING;
GRANT SELECT ON fence.seal, fence.taken, fence.governed TO countersign_owner, countersign_app;

-- Everything about a table that decides what it accepts and who may touch it, as text. Indexes may come and go only
-- with the superuser as well, because their owner is the table's owner.
CREATE OR REPLACE FUNCTION fence.shape_of(subject regclass) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'relation', (SELECT jsonb_build_array(n.nspname, c.relname, c.relkind, c.relpersistence, r.rolname,
                                              c.relrowsecurity, c.relforcerowsecurity, c.relispartition)
                       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = subject),
        'columns', (SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                                       a.attgenerated, a.attidentity,
                                                       pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
                      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                     WHERE a.attrelid = subject AND a.attnum > 0 AND NOT a.attisdropped),
        'constraints', (SELECT jsonb_agg(jsonb_build_array(conname, pg_get_constraintdef(oid)) ORDER BY conname)
                          FROM pg_constraint WHERE conrelid = subject AND contype <> 'n'),
        'indexes', (SELECT jsonb_agg(pg_get_indexdef(indexrelid) ORDER BY pg_get_indexdef(indexrelid))
                      FROM pg_index WHERE indrelid = subject),
        'triggers', (SELECT jsonb_agg(jsonb_build_array(tgname, tgenabled, pg_get_triggerdef(oid)) ORDER BY tgname)
                       FROM pg_trigger WHERE tgrelid = subject AND NOT tgisinternal),
        'rules', (SELECT jsonb_agg(rulename ORDER BY rulename) FROM pg_rewrite WHERE ev_class = subject),
        'policies', (SELECT jsonb_agg(polname ORDER BY polname) FROM pg_policy WHERE polrelid = subject),
        'grants', (SELECT jsonb_agg(DISTINCT jsonb_build_array(g.rolname, x.privilege_type))
                     FROM pg_class c, aclexplode(c.relacl) x LEFT JOIN pg_roles g ON g.oid = x.grantee
                    WHERE c.oid = subject),
        'column grants', (SELECT jsonb_agg(DISTINCT jsonb_build_array(a.attname, g.rolname, x.privilege_type))
                            FROM pg_attribute a, aclexplode(a.attacl) x LEFT JOIN pg_roles g ON g.oid = x.grantee
                           WHERE a.attrelid = subject)
    )::text
$$;

-- Nobody but a superuser is exempt, and only when it logged in as one: a function that runs with another's rights
-- does not change session_user.
CREATE OR REPLACE FUNCTION fence.is_superuser_session() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT rolsuper FROM pg_roles WHERE rolname = session_user $$;

-- A migration is declared: a superuser opens it for one release (fence.open_migration()), the owner begins it with the
-- digest of that release, and it lasts until the owner ends it, in that one session. Outside it the owner changes no
-- schema at all.
CREATE TABLE IF NOT EXISTS fence.migration (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release text NOT NULL,
    -- Columns of governed tables, as "table.column", that the release removes or renames.
    removes text[] NOT NULL DEFAULT '{}',
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_by name NOT NULL DEFAULT session_user,
    expires_at timestamptz NOT NULL,
    begun_at timestamptz,
    pid integer,
    backend_start timestamptz,
    shape_before text,
    shape_after text,
    ended_at timestamptz
);
GRANT SELECT ON fence.migration TO countersign_owner, countersign_app;

-- Columns the governed tables had when the migration began. Refreshed then, because a restore numbers columns again.
CREATE TABLE IF NOT EXISTS fence.kept_column (
    subject regclass NOT NULL,
    number smallint NOT NULL,
    named name NOT NULL,
    PRIMARY KEY (subject, number)
);

CREATE OR REPLACE FUNCTION fence.is_migrating() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM fence.migration m JOIN pg_stat_get_activity(pg_backend_pid()) s
                       ON s.pid = m.pid AND s.backend_start = m.backend_start
                    WHERE m.ended_at IS NULL)
$$;

CREATE OR REPLACE FUNCTION fence.demand_migration(what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT fence.is_superuser_session() AND NOT fence.is_migrating() THEN
        RAISE EXCEPTION 'fence: % by % needs a declared migration', what, session_user USING ERRCODE = '42501',
            HINT = 'Run `manage.py provision` of this release as a superuser, then `manage.py migrate`.';
    END IF;
END
$$;

-- Hand a table or a function over: from now on it belongs to countersign_fence and keeps its shape. The owner is left
-- with what the application may do, so that migrations can still write events. Last step of the migration that made it.
CREATE OR REPLACE FUNCTION fence.take(subject regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owned_by name := (SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = subject);
    granted record;
BEGIN
    PERFORM fence.demand_migration(format('taking %s', subject));
    IF owned_by IS DISTINCT FROM 'countersign_owner' THEN
        RAISE EXCEPTION 'fence: only a table of countersign_owner can be taken; % belongs to %', subject, owned_by
            USING ERRCODE = '42501';
    END IF;
    EXECUTE format('ALTER TABLE %s OWNER TO countersign_fence', subject);
    FOR granted IN
        SELECT x.privilege_type AS privilege FROM pg_class c, aclexplode(c.relacl) x
         WHERE c.oid = subject AND x.grantee = 'countersign_app'::regrole
    LOOP
        EXECUTE format('GRANT %s ON TABLE %s TO countersign_owner', granted.privilege, subject);
    END LOOP;
    FOR granted IN
        SELECT x.privilege_type AS privilege, a.attname AS column_name FROM pg_attribute a, aclexplode(a.attacl) x
         WHERE a.attrelid = subject AND x.grantee = 'countersign_app'::regrole
    LOOP
        EXECUTE format('GRANT %s (%I) ON TABLE %s TO countersign_owner',
                       granted.privilege, granted.column_name, subject);
    END LOOP;
    IF (SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = subject) THEN
        INSERT INTO fence.taken VALUES (subject, fence.shape_of(subject));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION fence.take(subject regprocedure) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owned_by name := (SELECT r.rolname FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.oid = subject);
BEGIN
    PERFORM fence.demand_migration(format('taking %s', subject));
    IF owned_by IS DISTINCT FROM 'countersign_owner' THEN
        RAISE EXCEPTION 'fence: only a function of countersign_owner can be taken; % belongs to %', subject, owned_by
            USING ERRCODE = '42501';
    END IF;
    EXECUTE format('ALTER FUNCTION %s OWNER TO countersign_fence', subject);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO countersign_owner', subject);
END
$$;

-- Seal a trigger of a table: from now on it must exist and be enabled ALWAYS.
CREATE OR REPLACE FUNCTION fence.seal(subject regclass, trigger_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM fence.demand_migration(format('sealing a trigger of %s', subject));
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = subject AND tgname = trigger_name AND tgenabled = 'A' AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'fence: no trigger % enabled ALWAYS on %, so it cannot be sealed', trigger_name, subject
            USING ERRCODE = '42704';
    END IF;
    INSERT INTO fence.seal VALUES (subject, trigger_name) ON CONFLICT DO NOTHING;
    INSERT INTO fence.governed (subject, named) SELECT subject, relname FROM pg_class WHERE oid = subject
        ON CONFLICT DO NOTHING;
END
$$;

REVOKE ALL ON FUNCTION fence.take(regclass), fence.take(regprocedure), fence.seal(regclass, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fence.take(regclass), fence.take(regprocedure), fence.seal(regclass, name)
    TO countersign_owner;

-- Before each change of the schema: is it part of a declared migration? REINDEX changes nothing that is stored.
CREATE OR REPLACE FUNCTION fence.hold_schema() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF tg_tag <> 'REINDEX' THEN
        PERFORM fence.demand_migration(tg_tag);
    END IF;
END
$$;

-- What no migration may do to a governed table: rename, move or empty it of its durability, hide its rows, answer for
-- it by rules, join it to other tables by inheritance, or remove a column that its release does not remove.
CREATE OR REPLACE FUNCTION fence.broken_table() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH held AS (
        SELECT g.subject, g.named FROM fence.governed g
         WHERE g.subject IN (SELECT sealed_table FROM fence.seal UNION ALL SELECT taken_table FROM fence.taken)
    )
    SELECT format('table %s', h.named) FROM held h
      LEFT JOIN pg_class c ON c.oid = h.subject
     WHERE c.oid IS NULL OR c.relname <> h.named OR c.relnamespace <> 'public'::regnamespace
        OR c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relispartition
        OR c.relrowsecurity OR c.relforcerowsecurity
        OR c.relowner NOT IN ('countersign_owner'::regrole, 'countersign_fence'::regrole)
        OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = h.subject)
        OR EXISTS (SELECT FROM pg_policy WHERE polrelid = h.subject)
        OR EXISTS (SELECT FROM pg_inherits WHERE h.subject IN (inhparent, inhrelid))
    UNION ALL
    SELECT format('column %s of table %s', k.named, h.named) FROM held h
      JOIN fence.kept_column k ON k.subject = h.subject
      LEFT JOIN pg_attribute a
             ON a.attrelid = k.subject AND a.attnum = k.number AND a.attname = k.named AND NOT a.attisdropped
     WHERE a.attname IS NULL AND fence.is_migrating() AND NOT EXISTS (
        SELECT FROM fence.migration m WHERE m.ended_at IS NULL AND m.pid = pg_backend_pid()
           AND h.named || '.' || k.named = ANY (m.removes))
    LIMIT 1
$$;

-- After each change of the schema: is everything sealed and taken as it was left?
CREATE OR REPLACE FUNCTION fence.hold() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    broken text;
BEGIN
    IF fence.is_superuser_session() THEN
        RETURN;
    END IF;
    SELECT format('trigger %s on %s', s.sealed_trigger, s.sealed_table) INTO broken
      FROM fence.seal s
     WHERE NOT EXISTS (SELECT FROM pg_trigger t
                        WHERE t.tgrelid = s.sealed_table AND t.tgname = s.sealed_trigger AND t.tgenabled = 'A')
     LIMIT 1;
    IF broken IS NULL THEN
        SELECT format('table %s', t.taken_table) INTO broken
          FROM fence.taken t
         WHERE fence.shape_of(t.taken_table) IS DISTINCT FROM t.shape LIMIT 1;
    END IF;
    IF broken IS NULL THEN
        broken := fence.broken_table();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'fence: % is sealed and may not be changed or removed by %', broken, session_user
            USING ERRCODE = '42501', HINT = 'Only a superuser can, outside the product, and the log will show it.';
    END IF;
END
$$;

-- A change of type with USING may rewrite every row and fire no row trigger. Only what fills a new column may rewrite a
-- governed table that holds rows (reason 2), and nothing may rewrite a taken one.
CREATE OR REPLACE FUNCTION fence.hold_rows() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF fence.is_superuser_session() THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM fence.taken WHERE taken_table = pg_event_trigger_table_rewrite_oid())
       OR (pg_event_trigger_table_rewrite_reason() <> 2
           AND pg_relation_size(pg_event_trigger_table_rewrite_oid()) > 0
           AND EXISTS (SELECT FROM fence.seal WHERE sealed_table = pg_event_trigger_table_rewrite_oid())) THEN
        RAISE EXCEPTION 'fence: the rows of % may not be rewritten by %',
            pg_event_trigger_table_rewrite_oid()::regclass, session_user USING ERRCODE = '42501';
    END IF;
END
$$;

DROP EVENT TRIGGER IF EXISTS fence_hold_before_change;
CREATE EVENT TRIGGER fence_hold_before_change ON ddl_command_start EXECUTE FUNCTION fence.hold_schema();
ALTER EVENT TRIGGER fence_hold_before_change ENABLE ALWAYS;
DROP EVENT TRIGGER IF EXISTS fence_hold_after_change;
CREATE EVENT TRIGGER fence_hold_after_change ON ddl_command_end EXECUTE FUNCTION fence.hold();
ALTER EVENT TRIGGER fence_hold_after_change ENABLE ALWAYS;
DROP EVENT TRIGGER IF EXISTS fence_hold_after_drop;
CREATE EVENT TRIGGER fence_hold_after_drop ON sql_drop EXECUTE FUNCTION fence.hold();
ALTER EVENT TRIGGER fence_hold_after_drop ENABLE ALWAYS;
DROP EVENT TRIGGER IF EXISTS fence_hold_rows;
CREATE EVENT TRIGGER fence_hold_rows ON table_rewrite EXECUTE FUNCTION fence.hold_rows();
ALTER EVENT TRIGGER fence_hold_rows ENABLE ALWAYS;
