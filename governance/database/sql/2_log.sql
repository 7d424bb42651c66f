-- What the log accepts beyond its form: registered actions, actors that exist, one name, the present time; and which
-- actions account for the rows of which table. The tables of the log are taken, so the superuser puts this in place:
-- fence.strengthen_log() runs at the end of each declared migration and changes nothing where all is there.

-- Set when a database is provisioned, by the superuser alone. "dated events" = "allowed" lets events carry any time:
-- for tests and for the history of the demonstration. It can be ended by any role and begun again by none.
CREATE TABLE IF NOT EXISTS fence.setting (
    name text PRIMARY KEY,
    value text NOT NULL
);

-- The registers of the code (audit.actions, audit.accounting), as the last declared migration found them.
CREATE TABLE IF NOT EXISTS fence.action (name text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS fence.accounting (
    table_name text NOT NULL,
    action text NOT NULL,
    PRIMARY KEY (table_name, action)
);
GRANT SELECT ON fence.setting, fence.action, fence.accounting TO countersign_owner, countersign_app, countersign_fence;

CREATE OR REPLACE FUNCTION fence.refuse_dated_events() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE fence.setting SET value = 'refused' WHERE name = 'dated events' $$;
REVOKE ALL ON FUNCTION fence.refuse_dated_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fence.refuse_dated_events() TO countersign_owner, countersign_app;

CREATE OR REPLACE FUNCTION fence.strengthen_log() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET event_triggers = off
AS $strengthen$
DECLARE
    guard record;
    accounted constant text := 'e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a '
        'WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) '
        'OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))';
BEGIN
    IF to_regclass('public.audit_event') IS NULL OR to_regclass('public.registry_accesstoken') IS NULL THEN
        RETURN;
    END IF;

    -- A log has one name, that of its first event.
    CREATE TABLE IF NOT EXISTS public.audit_log (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        origin text NOT NULL
    );
    ALTER TABLE public.audit_log OWNER TO countersign_fence;
    REVOKE ALL ON public.audit_log FROM countersign_app, countersign_owner, PUBLIC;
    GRANT SELECT ON public.audit_log TO countersign_app, countersign_owner;
    INSERT INTO public.audit_log (origin)
    SELECT public.audit_leaf_text(leaf, 'log') FROM public.audit_event ORDER BY id LIMIT 1
        ON CONFLICT DO NOTHING;
    GRANT SELECT ON public.registry_user, public.registry_accesstoken TO countersign_fence;

    CREATE OR REPLACE FUNCTION public.audit_event_checked() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $body$
    DECLARE
        event jsonb := convert_from(NEW.leaf, 'UTF8')::jsonb;
        kind text := event #>> '{actor,type}';
        behind text := event #>> '{actor,behind}';
        opened text;
        broken text;
    BEGIN
        SELECT origin INTO opened FROM public.audit_log;
        IF NOT FOUND THEN
            INSERT INTO public.audit_log (origin) VALUES (event ->> 'log') ON CONFLICT DO NOTHING;
            SELECT origin INTO opened FROM public.audit_log;
        END IF;
        broken := CASE
            WHEN event ->> 'log' IS DISTINCT FROM opened THEN
                format('the log is named %s, not %s', opened, event ->> 'log')
            WHEN NOT EXISTS (SELECT FROM fence.action a WHERE a.name = NEW.action) THEN
                format('the action %s is not in the register', NEW.action)
            WHEN kind = 'person' AND (behind IS NOT NULL
                 OR NOT EXISTS (SELECT FROM public.registry_user u WHERE u.uid = NEW.actor_id)) THEN
                format('there is no person %s', NEW.actor_id)
            WHEN kind = 'token' AND NOT EXISTS (
                SELECT FROM public.registry_accesstoken t JOIN public.registry_user u ON u.id = t.person_id
                 WHERE t.uid = NEW.actor_id AND u.uid = behind) THEN
                format('there is no token %s of person %s', NEW.actor_id, behind)
            WHEN kind = 'process' AND (behind IS NOT NULL OR NEW.actor_id !~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$') THEN
                format('%s is not the name of a process', NEW.actor_id)
            WHEN kind NOT IN ('person', 'token', 'process') THEN format('there is no kind of actor %s', kind)
            WHEN NEW.happened_at NOT BETWEEN clock_timestamp() - interval '5 minutes'
                                         AND clock_timestamp() + interval '5 minutes'
                 AND NOT EXISTS (SELECT FROM fence.setting WHERE name = 'dated events' AND value = 'allowed') THEN
                format('it is dated %s, and now is %s', NEW.happened_at, clock_timestamp())
        END;
        IF broken IS NOT NULL THEN
            RAISE EXCEPTION 'audit_event: an event is refused: %', broken
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Events are written by audit.recorder.append(). A new action is known to the database '
                             'after `manage.py migrate`; clocks of application and database agree within minutes.';
        END IF;
        RETURN NULL;
    END
    $body$;

    -- A private value is erased by the event that says so, in its transaction.
    CREATE OR REPLACE FUNCTION public.audit_private_erased() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $body$
    BEGIN
        IF NOT EXISTS (SELECT FROM public.audit_event e
                        WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
                          AND e.action = 'privacy.erased' AND e.touched @> ARRAY['event:' || OLD.event_id]) THEN
            RAISE EXCEPTION 'DELETE of audit_private refused: no event of this transaction erases the texts of event %',
                OLD.event_id
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Erase private values with audit.services.erase_private().';
        END IF;
        RETURN OLD;
    END
    $body$;

    FOR guard IN
        SELECT * FROM (VALUES
            ('public.audit_event'::regclass, 'audit_event_checked', 'AFTER INSERT'),
            ('public.audit_private', 'audit_private_erased', 'BEFORE DELETE')) AS v (subject, named, moment)
    LOOP
        EXECUTE format('ALTER FUNCTION public.%I() OWNER TO countersign_fence', guard.named);
        EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s FOR EACH ROW EXECUTE FUNCTION public.%1$I()',
                       guard.named, guard.moment, guard.subject);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.subject, guard.named);
    END LOOP;

    CREATE OR REPLACE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE ON public.audit_log
        FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('a log keeps its name', 'Open a new log instead.');
    ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER audit_log_kept;
    CREATE OR REPLACE TRIGGER audit_log_not_emptied BEFORE TRUNCATE ON public.audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('a log keeps its name', 'Open a new log instead.');
    ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER audit_log_not_emptied;

    -- The guards of governed rows: the event that accounts for a row is of an action declared for its table.
    FOR guard IN
        SELECT p.oid::regprocedure AS named, p.prosrc, pg_get_functiondef(p.oid) AS definition FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'countersign_fence'::regrole
           AND (p.proname LIKE 'audit\_event\_of\_%' OR p.proname IN ('audit_require_event', 'audit_demand_event'))
           AND p.prosrc NOT LIKE '%fence.accounting%'
    LOOP
        EXECUTE replace(guard.definition, 'e.began_at = transaction_timestamp()',
                        CASE WHEN guard.named::text LIKE '%audit_demand_event%'
                             THEN replace(accounted, 'TG_TABLE_NAME', 'changed') ELSE accounted END);
    END LOOP;

    -- Guards that looked into `public`, where an operator of an exactly matching type would be preferred.
    FOR guard IN
        SELECT p.oid::regprocedure AS named FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'countersign_fence'::regrole
           AND p.prorettype = 'trigger'::regtype
           AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', guard.named);
    END LOOP;

    INSERT INTO fence.taken SELECT s, fence.shape_of(s) FROM unnest(ARRAY['public.audit_event', 'public.audit_stream',
        'public.audit_pending', 'public.audit_private', 'public.audit_log']::regclass[]) AS s
        ON CONFLICT (taken_table) DO UPDATE SET shape = excluded.shape;
END
$strengthen$;
REVOKE ALL ON FUNCTION fence.strengthen_log() FROM PUBLIC;
