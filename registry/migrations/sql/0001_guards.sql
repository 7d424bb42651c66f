-- The database guards of release 0.1.0. Frozen: a later change is a later migration.
--
-- Functions first; then the triggers of each table, which fire ALWAYS and are sealed, so that only a superuser can drop
-- or disable them (governance/database/sql). The functions belong to no role that can log in.

-- Columns that only the database writes: the words of the full-text search, and the transaction that opened an occupancy.
ALTER TABLE public.registry_registeredmodel ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', translate(slug, '-_.', '   ')), 'A')
    || setweight(to_tsvector('pg_catalog.simple', title || ' ' || team || ' ' || purpose), 'B')
    || setweight(to_tsvector('pg_catalog.english', title || ' ' || team || ' ' || purpose), 'B')
    || setweight(to_tsvector('pg_catalog.english', description || ' ' || intended_use || ' ' || prohibited_use), 'D')
) STORED;
CREATE INDEX model_by_words ON public.registry_registeredmodel USING gin (search_words);
ALTER TABLE public.registry_modelversion ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', translate(source, '-_./:', '     ')), 'B')
    || setweight(to_tsvector('pg_catalog.english', description), 'D')
) STORED;
CREATE INDEX version_by_words ON public.registry_modelversion USING gin (search_words);
ALTER TABLE public.registry_stageoccupancy
    ADD COLUMN opened_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD COLUMN opened_in timestamptz NOT NULL DEFAULT transaction_timestamp();

CREATE FUNCTION public.audit_event_of_registry_accountcontrol()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."account_id" = NEW."account_id") AND EXISTS (SELECT FROM public."registry_user" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['person:' || p0."uid"::text] WHERE p0.id = NEW."account_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_aliasassignment()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_contribution()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_datasetreference()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_evidence()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_metric()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_modelcard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_modelgrouppermission()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."content_object_id" = NEW."content_object_id") AND EXISTS (SELECT FROM public."registry_registeredmodel" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['model:' || p0."uid"::text] WHERE p0.id = NEW."content_object_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_modeluserpermission()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."content_object_id" = NEW."content_object_id") AND EXISTS (SELECT FROM public."registry_registeredmodel" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['model:' || p0."uid"::text] WHERE p0.id = NEW."content_object_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_modelversion_parents()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."from_modelversion_id" = NEW."from_modelversion_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."from_modelversion_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_registeredname()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."model_id" = NEW."model_id") AND EXISTS (SELECT FROM public."registry_registeredmodel" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['model:' || p0."uid"::text] WHERE p0.id = NEW."model_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_signinlink()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."account_id" = NEW."account_id") AND EXISTS (SELECT FROM public."registry_user" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['person:' || p0."uid"::text] WHERE p0.id = NEW."account_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_stagemove()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."source_id" = NEW."source_id") AND EXISTS (SELECT FROM public."registry_stage" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['stage:' || p0."slug"::text] WHERE p0.id = NEW."source_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_registry_stageoccupancy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_confirmed_by_second()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    broken text;
BEGIN
    IF NEW.outcome IS DISTINCT FROM 'confirmed' THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM public.registry_user WHERE uid = NEW.closed_by AND kind = 'person' AND is_active) THEN
        broken := 'an active person confirms';
    ELSIF NEW.single_officer THEN
        IF NOT EXISTS (SELECT FROM public.registry_instance WHERE single_officer) THEN
            broken := 'this installation declares no single officer';
        END IF;
    ELSIF EXISTS (SELECT FROM public.registry_user
                   WHERE uid = NEW.closed_by AND (id = NEW.proposed_by_id OR is_superuser)) THEN
        broken := 'a second person confirms, who is no superuser';
    ELSIF NEW.signed_name = '' OR NEW.signed_meaning = '' THEN
        broken := 'a confirmation is signed';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'confirmation of change proposal % refused: %', NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.change_proposals.confirm.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_confirmed_by_single_officer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.outcome = 'confirmed' AND NEW.single_officer AND EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND e.action IN ('instance.single_officer_declared', 'instance.single_officer_ended')) THEN
        RAISE EXCEPTION 'confirmation of change proposal % refused: its transaction changes single_officer', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Commit the declaration of a single officer first.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_counts_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    broken text;
BEGIN
    SELECT name INTO broken FROM unnest(TG_ARGV) AS name
     WHERE (to_jsonb(NEW) ->> name)::bigint < (to_jsonb(OLD) ->> name)::bigint LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of % only counts up', broken, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Numbers are never used again.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_dated_by_event()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    event uuid;
    moment timestamptz;
BEGIN
    IF TG_OP = 'INSERT' THEN
        event := NEW.opened_event;
        moment := NEW.opened_at;
    ELSIF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
        event := NEW.closed_event;
        moment := NEW.closed_at;
    ELSE
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM public.audit_event e
                    WHERE e.event_id = event AND e.happened_at = moment
                      AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'a row of % begins and ends with an event of the same transaction, at its moment', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Append the event first; take its event_id and happened_at.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_deleted_ungoverned()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    of_version boolean := TG_TABLE_NAME = 'registry_modelversion';
    thing text := CASE WHEN of_version THEN 'version:' ELSE 'model:' END || NEW.uid;
    concerned bigint[] := CASE WHEN of_version THEN ARRAY[NEW.id] ELSE ARRAY(
        SELECT v.id FROM public.registry_modelversion v WHERE v.model_id = NEW.id) END;
    broken text;
BEGIN
    IF NOT EXISTS (SELECT FROM public.audit_event e
                    WHERE e.touched @> ARRAY[thing] AND e.action = TG_ARGV[0]
                      AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        broken := 'no event of this transaction says so';
    ELSIF EXISTS (SELECT FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
                   WHERE o.version_id = ANY (concerned) AND (s.protected OR s.protected_exit)) THEN
        broken := 'it is or was in a protected stage';
    ELSIF EXISTS (SELECT FROM public.registry_aliasassignment a
                   WHERE a.version_id = ANY (concerned)
                     AND (EXISTS (SELECT FROM public.registry_protectedalias p WHERE p.name = a.name)
                          OR EXISTS (SELECT FROM public.registry_stage s
                                      WHERE s.protected AND lower(a.name) IN (lower(s.slug), lower(s.name))))) THEN
        broken := 'it is or was behind a protected alias';
    ELSIF EXISTS (SELECT FROM public.registry_importrecord r
                   WHERE r.version_id = ANY (concerned) OR (NOT of_version AND r.model_id = NEW.id)) THEN
        broken := 'it was imported';
    ELSIF NOT of_version AND (EXISTS (SELECT FROM public.registry_assessment a WHERE a.model_id = NEW.id)
                              OR EXISTS (SELECT FROM public.registry_periodicreview r WHERE r.model_id = NEW.id)) THEN
        broken := 'it was assessed or reviewed';
    ELSIF EXISTS (SELECT FROM public.registry_modelversion_parents p
                    JOIN public.registry_modelversion child ON child.id = p.from_modelversion_id
                   WHERE p.to_modelversion_id = ANY (concerned) AND child.deleted_at IS NULL
                     AND (TG_ARGV[1] = 'all' OR child.model_id <> (CASE WHEN of_version THEN 0 ELSE NEW.id END))) THEN
        broken := 'a version was made from it';
    ELSIF TG_ARGV[0] = 'model.deleted' AND EXISTS (
        SELECT FROM public.registry_modelversion v WHERE v.model_id = NEW.id AND v.deleted_at IS NULL) THEN
        broken := 'versions of it are not deleted';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of % % refused: %', TG_ARGV[0], TG_TABLE_NAME, NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_group_by_event()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    group_uid uuid := (SELECT uid FROM public.registry_reviewergroup WHERE group_ptr_id = NEW.id);
BEGIN
    IF group_uid IS NULL OR NOT EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND ('group:' || group_uid) = ANY (e.touched)
    ) THEN
        RAISE EXCEPTION '% of group % refused: it is no reviewer group, or no event accounts for it', TG_OP, NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.people.create_group.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_instance_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF OLD.setup_confirmed_at IS NULL AND NEW.setup_confirmed_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.kind = 'instance.setup' AND p.outcome = 'confirmed'
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'the set-up is confirmed by a proposal of the same transaction'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.instance.propose_setup_confirmation.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_membership_not_backdated()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.valid_from < NEW.opened_at - interval '1 minute' THEN
        RAISE EXCEPTION 'a membership begins when it is entered, or later'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.groups.add_member.';
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION public.registry_protected_alias_by_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.promotion IS NULL AND EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.name) THEN
        RAISE EXCEPTION 'the alias % is protected and set by a promotion only', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_protected_alias_stays()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL
        AND EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.name)
        AND NOT EXISTS (SELECT FROM public.registry_aliasassignment
                         WHERE model_id = NEW.model_id AND name = NEW.name AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'the alias % is protected and never points nowhere', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Point it at another version with governance.promotions.request.';
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION public.registry_single_officer_declared()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.single_officer = NEW.single_officer
       OR TG_OP = 'INSERT' AND NOT NEW.single_officer THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND e.touched @> ARRAY['instance:' || NEW.uid::text]
           AND e.action = CASE WHEN NEW.single_officer THEN 'instance.single_officer_declared'
                               ELSE 'instance.single_officer_ended' END
           AND convert_from(e.leaf, 'UTF8')::jsonb -> 'changes'
               @> jsonb_build_array(jsonb_build_object('field', 'single_officer', 'to', NEW.single_officer))) THEN
        RAISE EXCEPTION '% of % refused: no event of this transaction names the change of single_officer',
            TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.instance.';
    END IF;
    -- A visible row that is no older than this transaction was written by it.
    IF EXISTS (SELECT FROM public.registry_changeproposal p
                WHERE p.outcome = 'confirmed' AND p.single_officer
                  AND age(p.xmin) <= age(pg_current_xact_id()::xid)) THEN
        RAISE EXCEPTION 'single_officer does not change in the transaction of a confirmation that rests on it'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Commit the confirmation first.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_stage_alias_by_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.promotion IS NULL AND EXISTS (
        SELECT FROM public.registry_stage
         WHERE protected AND lower(NEW.name) IN (lower(slug), lower(name))
    ) THEN
        RAISE EXCEPTION 'the alias % carries the name of a protected stage and is set by a promotion only', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_stage_by_occupancy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    occupancy public.registry_stageoccupancy;
BEGIN
    IF NEW.stage_id = OLD.stage_id THEN
        RETURN NULL;
    END IF;
    SELECT * INTO occupancy FROM public.registry_stageoccupancy
     WHERE version_id = NEW.id AND stage_id = NEW.stage_id AND closed_at IS NULL
       AND opened_xid = pg_current_xact_id() AND opened_in = transaction_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the stage of version % changes only with the occupancy that says so', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; registry.stage_transitions moves the version.';
    END IF;
    IF NOT EXISTS (SELECT FROM public.registry_stagemove
                    WHERE source_id = OLD.stage_id AND target_id = NEW.stage_id) THEN
        RAISE EXCEPTION 'the lifecycle has no move from stage % to stage %', OLD.stage_id, NEW.stage_id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Lawful moves are rows of registry_stagemove.';
    END IF;
    IF occupancy.promotion IS NULL AND EXISTS (
        SELECT FROM public.registry_stage
         WHERE (id = NEW.stage_id AND protected) OR (id = OLD.stage_id AND protected_exit)
    ) THEN
        RAISE EXCEPTION 'version % enters or leaves a protected stage by a promotion only', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_stage_left_by_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.stage_id <> OLD.stage_id
       AND EXISTS (SELECT FROM public.registry_stage WHERE id = OLD.stage_id AND protected)
       AND NOT EXISTS (
        SELECT FROM public.registry_stageoccupancy
         WHERE version_id = NEW.id AND stage_id = NEW.stage_id AND closed_at IS NULL AND promotion IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'version % leaves a protected stage by a promotion only', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_stamp_occupancy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    NEW.opened_xid := pg_current_xact_id();
    NEW.opened_in := transaction_timestamp();
    RETURN NEW;
END
$function$;

CREATE FUNCTION public.registry_tier_by_two()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.tier_basis_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_assessment a
         WHERE a.id = NEW.tier_basis_id AND a.model_id = NEW.id AND a.tier = NEW.risk_tier) THEN
        RAISE EXCEPTION 'the tier of model % is not that of the assessment it names', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.assessments.assess.';
    END IF;
    IF OLD.tier_basis_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF NEW.tier_basis_id IS NULL THEN
        RAISE EXCEPTION 'the assessed tier of model % cannot be taken away', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Assess the model again.';
    END IF;
    IF NEW.risk_tier > OLD.risk_tier AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.registry_user u ON u.id = p.proposed_by_id
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.kind = 'model.tier_lowering' AND p.outcome = 'confirmed' AND p.model_id = NEW.id
           AND p.payload ->> 'tier' = NEW.risk_tier::text AND (p.single_officer OR p.closed_by <> u.uid)
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'the tier of model % becomes less strict with a confirmed proposal only', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.tier_lowering.submit.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_version_forward()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'registering' AND NOT (
            NEW.source_only AND NEW.fingerprint <> '' AND NEW.registered_at IS NOT NULL
        ) THEN
            broken := 'a version begins as registering, unless it is one by its source alone';
        ELSIF NOT (SELECT initial FROM public.registry_stage WHERE id = NEW.stage_id) THEN
            broken := 'a version begins in the initial stage';
        END IF;
    ELSIF OLD.status = 'registered' AND (NEW.status <> 'registered' OR NEW.fingerprint = '') THEN
        broken := 'a registered version stays registered';
    ELSIF OLD.status <> NEW.status AND EXISTS (
        SELECT FROM public.registry_artifact WHERE version_id = NEW.id AND blob_id IS NULL
    ) THEN
        broken := 'a version is registered when all its files are stored';
    ELSIF (NEW.status = 'registered') <> (NEW.registered_at IS NOT NULL) THEN
        broken := 'a version is registered at a moment';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of version % refused: %', TG_OP, NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.versions.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_version_in_its_place()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    about bigint;
BEGIN
    IF TG_TABLE_NAME = 'registry_modelversion' THEN
        about := NEW.id;
    ELSE
        about := NEW.version_id;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.registry_modelversion v
          JOIN public.registry_stageoccupancy o ON o.version_id = v.id AND o.closed_at IS NULL
          JOIN public.registry_stage s ON s.id = o.stage_id
         WHERE v.id = about AND o.stage_id = v.stage_id AND o.model_id = v.model_id AND o.exclusive = s.exclusive
    ) THEN
        RAISE EXCEPTION 'version % has no open occupancy of the stage it is in', about
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'registry.stage_transitions writes both in one transaction.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_version_of_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.deleted_at IS NULL AND EXISTS (
        SELECT FROM public.registry_registeredmodel WHERE id = NEW.model_id AND deleted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'version % belongs to a deleted model', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.registry_while_open()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    about public.registry_modelversion;
BEGIN
    SELECT * INTO about FROM public.registry_modelversion
     WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    IF about.status = 'registering' THEN
        RETURN NULL;
    END IF;
    IF about.status IS NULL OR NOT about.source_only OR TG_OP <> 'INSERT'
       OR (TG_TABLE_NAME = 'registry_artifact' AND to_jsonb(NEW) ->> 'blob_id' IS NULL)
       OR EXISTS (SELECT FROM public.registry_stageoccupancy o
                    JOIN public.registry_stage s ON s.id = o.stage_id AND s.protected
                   WHERE o.version_id = about.id AND NOT o.before_governance)
       OR EXISTS (SELECT FROM public.registry_aliasassignment a
                    JOIN public.registry_protectedalias p ON p.name = a.name
                   WHERE a.version_id = about.id AND NOT a.before_governance) THEN
        RAISE EXCEPTION 'what a registered version was declared with is fixed'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Declare a new version.';
    END IF;
    RETURN NULL;
END
$function$;

-- auth_group
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.auth_group
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.auth_group
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Take its members out instead.');
CREATE CONSTRAINT TRIGGER registry_group_by_event
    AFTER INSERT OR UPDATE ON public.auth_group DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_group_by_event();
ALTER TABLE public.auth_group ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.auth_group ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.auth_group ENABLE ALWAYS TRIGGER registry_group_by_event;
SELECT fence.seal('public.auth_group'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.auth_group'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.auth_group'::regclass, 'registry_group_by_event');

-- auth_group_permissions
CREATE TRIGGER registry_rights_are_roles
    BEFORE INSERT OR UPDATE ON public.auth_group_permissions
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.audit_refuse('rights are roles, given on the record', 'Use registry.access.grant_role.');
ALTER TABLE public.auth_group_permissions ENABLE ALWAYS TRIGGER registry_rights_are_roles;
SELECT fence.seal('public.auth_group_permissions'::regclass, 'registry_rights_are_roles');

-- registry_accessrequest
CREATE TRIGGER audit_close_closed_at_closed_event_outcome_answer_answered_by
    AFTER UPDATE ON public.registry_accessrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event', 'outcome', 'answer', 'answered_by');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_accessrequest
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_accessrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Withdraw the request instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_accessrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'access_request', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_accessrequest
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_accessrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_dated_by_event();
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event_outcome_answer_answered_by;
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_accessrequest ENABLE ALWAYS TRIGGER registry_dated_by_event;
SELECT fence.seal('public.registry_accessrequest'::regclass, 'audit_close_closed_at_closed_event_outcome_answer_answered_by');
SELECT fence.seal('public.registry_accessrequest'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_accessrequest'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_accessrequest'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_accessrequest'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_accessrequest'::regclass, 'registry_dated_by_event');

-- registry_accesstoken
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_accesstoken
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_accesstoken
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Revoke the token instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_accesstoken DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'token', 'uid', '');
CREATE TRIGGER audit_fixed_uid_person_id_name_prefix_digest_scopes_mo_232246e6
    AFTER UPDATE ON public.registry_accesstoken
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'person_id', 'name', 'prefix', 'digest', 'scopes', 'model_slugs', 'created_at', 'expires_at');
CREATE TRIGGER audit_once_revoked_at
    AFTER UPDATE ON public.registry_accesstoken
    FOR EACH ROW WHEN (((old.revoked_at IS NOT NULL) AND (old.revoked_at IS DISTINCT FROM new.revoked_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'revoked_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_accesstoken
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_fixed_uid_person_id_name_prefix_digest_scopes_mo_232246e6;
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_once_revoked_at;
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_fixed_uid_person_id_name_prefix_digest_scopes_mo_232246e6');
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_once_revoked_at');
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_truncate_refused');

-- registry_accountcontrol
CREATE TRIGGER audit_close_closed_at_closed_event
    AFTER UPDATE ON public.registry_accountcontrol
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_accountcontrol
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_accountcontrol
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close the row instead; its service does.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_accountcontrol DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_accountcontrol('[]', 'person', 'uid', 'SELECT p0."uid"::text FROM public."registry_user" AS p0 WHERE p0.id = ($1 ->> ''account_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_accountcontrol
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_accountcontrol DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_dated_by_event();
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event;
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_accountcontrol ENABLE ALWAYS TRIGGER registry_dated_by_event;
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'audit_close_closed_at_closed_event');
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_accountcontrol'::regclass, 'registry_dated_by_event');

-- registry_aliasassignment
CREATE TRIGGER audit_close_closed_at_closed_event
    AFTER UPDATE ON public.registry_aliasassignment
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_aliasassignment
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_aliasassignment
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close the row instead; its service does.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_aliasassignment('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_aliasassignment
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_dated_by_event();
CREATE TRIGGER registry_protected_alias_by_promotion
    AFTER INSERT ON public.registry_aliasassignment
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_protected_alias_by_promotion();
CREATE CONSTRAINT TRIGGER registry_protected_alias_stays
    AFTER UPDATE ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_protected_alias_stays();
CREATE TRIGGER registry_stage_alias_by_promotion
    AFTER INSERT ON public.registry_aliasassignment
    FOR EACH ROW EXECUTE FUNCTION public.registry_stage_alias_by_promotion();
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER registry_dated_by_event;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER registry_protected_alias_by_promotion;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER registry_protected_alias_stays;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER registry_stage_alias_by_promotion;
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'audit_close_closed_at_closed_event');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'registry_dated_by_event');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'registry_protected_alias_by_promotion');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'registry_protected_alias_stays');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'registry_stage_alias_by_promotion');

-- registry_artifact
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_artifact
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_artifact
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_artifact DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'artifact', 'uid', '', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_path_sha256_size
    AFTER UPDATE ON public.registry_artifact
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'path', 'sha256', 'size');
CREATE TRIGGER audit_once_blob_id
    AFTER UPDATE ON public.registry_artifact
    FOR EACH ROW WHEN (((old.blob_id IS NOT NULL) AND ((old.blob_id)::text IS DISTINCT FROM (new.blob_id)::text))) EXECUTE FUNCTION public.audit_keep_columns('once', 'blob_id');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_artifact
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_while_registering
    AFTER INSERT OR UPDATE ON public.registry_artifact
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_while_open('version_id');
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_path_sha256_size;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_once_blob_id;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER registry_while_registering;
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_fixed_uid_version_id_path_sha256_size');
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_once_blob_id');
SELECT fence.seal('public.registry_artifact'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_artifact'::regclass, 'registry_while_registering');

-- registry_assessment
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_assessment
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_assessment
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer one; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_assessment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'assessment', 'uid', '');
CREATE TRIGGER audit_fixed_proposal_id
    AFTER UPDATE ON public.registry_assessment
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'proposal_id');
CREATE TRIGGER audit_fixed_uid_model_id_number_questionnaire_id_answe_41e65b7c
    AFTER UPDATE ON public.registry_assessment
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'number', 'questionnaire_id', 'answers', 'points', 'reasoning', 'computed_tier', 'tier', 'tier_before', 'override_reason', 'rationale', 'next_review', 'assessor_id', 'assessed_with_id', 'assessed_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_assessment
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_fixed_proposal_id;
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_number_questionnaire_id_answe_41e65b7c;
ALTER TABLE public.registry_assessment ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_fixed_proposal_id');
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_fixed_uid_model_id_number_questionnaire_id_answe_41e65b7c');
SELECT fence.seal('public.registry_assessment'::regclass, 'audit_truncate_refused');

-- registry_blob
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_blob
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_blob
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE TRIGGER audit_fixed_sha256_size_stored_at
    AFTER UPDATE ON public.registry_blob
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'sha256', 'size', 'stored_at');
CREATE TRIGGER registry_format_once
    BEFORE UPDATE ON public.registry_blob
    FOR EACH ROW WHEN ((((old.format)::text <> ''::text) AND ((old.format)::text IS DISTINCT FROM (new.format)::text))) EXECUTE FUNCTION public.audit_refuse('the format of stored bytes is written once', 'It follows from the bytes.');
ALTER TABLE public.registry_blob ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_blob ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_blob ENABLE ALWAYS TRIGGER audit_fixed_sha256_size_stored_at;
ALTER TABLE public.registry_blob ENABLE ALWAYS TRIGGER registry_format_once;
SELECT fence.seal('public.registry_blob'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_blob'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_blob'::regclass, 'audit_fixed_sha256_size_stored_at');
SELECT fence.seal('public.registry_blob'::regclass, 'registry_format_once');

-- registry_changeproposal
CREATE TRIGGER audit_close_closed_at_closed_event_outcome_comment_clo_ed6f73bf
    AFTER UPDATE ON public.registry_changeproposal
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event', 'outcome', 'comment', 'closed_by', 'signed_name', 'signed_meaning');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_changeproposal
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_changeproposal
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Withdraw the proposal instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_changeproposal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'change_proposal', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_changeproposal
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_confirmed_by_second
    AFTER INSERT OR UPDATE ON public.registry_changeproposal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_confirmed_by_second();
CREATE TRIGGER registry_confirmed_by_single_officer
    AFTER INSERT OR UPDATE ON public.registry_changeproposal
    FOR EACH ROW EXECUTE FUNCTION public.registry_confirmed_by_single_officer();
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_changeproposal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_dated_by_event();
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event_outcome_comment_clo_ed6f73bf;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER registry_confirmed_by_second;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER registry_confirmed_by_single_officer;
ALTER TABLE public.registry_changeproposal ENABLE ALWAYS TRIGGER registry_dated_by_event;
SELECT fence.seal('public.registry_changeproposal'::regclass, 'audit_close_closed_at_closed_event_outcome_comment_clo_ed6f73bf');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'registry_confirmed_by_second');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'registry_confirmed_by_single_officer');
SELECT fence.seal('public.registry_changeproposal'::regclass, 'registry_dated_by_event');

-- registry_contribution
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_contribution
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_contribution
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Who contributed to a version stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_contribution DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_contribution('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_account_id_token_id_part_ev_d1e1b9e8
    AFTER UPDATE ON public.registry_contribution
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'account_id', 'token_id', 'part', 'event', 'contributed_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_contribution
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_contribution ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_contribution ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_contribution ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_contribution ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_account_id_token_id_part_ev_d1e1b9e8;
ALTER TABLE public.registry_contribution ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_contribution'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_contribution'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_contribution'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_contribution'::regclass, 'audit_fixed_uid_version_id_account_id_token_id_part_ev_d1e1b9e8');
SELECT fence.seal('public.registry_contribution'::regclass, 'audit_truncate_refused');

-- registry_datasetreference
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_datasetreference
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_datasetreference
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_datasetreference DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_datasetreference('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_role_name_reference_uri_dig_9b768663
    AFTER UPDATE ON public.registry_datasetreference
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'role', 'name', 'reference', 'uri', 'digest_algorithm', 'digest', 'strength');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_datasetreference
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_while_registering
    AFTER INSERT ON public.registry_datasetreference
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_while_open('version_id');
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_role_name_reference_uri_dig_9b768663;
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER registry_while_registering;
SELECT fence.seal('public.registry_datasetreference'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_datasetreference'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_datasetreference'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_datasetreference'::regclass, 'audit_fixed_uid_version_id_role_name_reference_uri_dig_9b768663');
SELECT fence.seal('public.registry_datasetreference'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_datasetreference'::regclass, 'registry_while_registering');

-- registry_evidence
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_evidence
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_evidence DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_evidence('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_kind_filename_blob_id_revis_f788a9eb
    AFTER UPDATE ON public.registry_evidence
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'kind', 'filename', 'blob_id', 'revision', 'added_by_id', 'added_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_kind_filename_blob_id_revis_f788a9eb;
ALTER TABLE public.registry_evidence ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_evidence'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_evidence'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_evidence'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_evidence'::regclass, 'audit_fixed_uid_version_id_kind_filename_blob_id_revis_f788a9eb');
SELECT fence.seal('public.registry_evidence'::regclass, 'audit_truncate_refused');

-- registry_grant
CREATE TRIGGER audit_close_closed_at_closed_event
    AFTER UPDATE ON public.registry_grant
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_grant
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_grant
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close the row instead; its service does.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_grant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'grant', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_grant
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_grant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_dated_by_event();
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event;
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER registry_dated_by_event;
SELECT fence.seal('public.registry_grant'::regclass, 'audit_close_closed_at_closed_event');
SELECT fence.seal('public.registry_grant'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_grant'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_grant'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_grant'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_grant'::regclass, 'registry_dated_by_event');

-- registry_importrecord
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_importrecord
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_importrecord
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'What was brought stays on record; register a newer version instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_importrecord DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'import', 'uid', '');
CREATE TRIGGER audit_fixed_uid_kind_origin_name_number_model_id_versi_a97e6340
    AFTER UPDATE ON public.registry_importrecord
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'kind', 'origin', 'name', 'number', 'model_id', 'version_id', 'created_there', 'updated_there', 'author_there', 'stage', 'aliases', 'approval', 'claims', 'imported_at', 'imported_by_id');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_importrecord
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_importrecord ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_importrecord ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_importrecord ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_importrecord ENABLE ALWAYS TRIGGER audit_fixed_uid_kind_origin_name_number_model_id_versi_a97e6340;
ALTER TABLE public.registry_importrecord ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_importrecord'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_importrecord'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_importrecord'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_importrecord'::regclass, 'audit_fixed_uid_kind_origin_name_number_model_id_versi_a97e6340');
SELECT fence.seal('public.registry_importrecord'::regclass, 'audit_truncate_refused');

-- registry_instance
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_instance
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_instance
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'There is one row about this installation; change it by its services.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_instance DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'instance', 'uid', '');
CREATE TRIGGER audit_fixed_uid_only_created_at
    AFTER UPDATE ON public.registry_instance
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'only', 'created_at');
CREATE TRIGGER audit_once_setup_confirmed_at
    AFTER UPDATE ON public.registry_instance
    FOR EACH ROW WHEN (((old.setup_confirmed_at IS NOT NULL) AND (old.setup_confirmed_at IS DISTINCT FROM new.setup_confirmed_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'setup_confirmed_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_instance
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_instance_changes
    AFTER UPDATE ON public.registry_instance DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.registry_instance_changes();
CREATE TRIGGER registry_single_officer_declared
    AFTER INSERT OR UPDATE ON public.registry_instance
    FOR EACH ROW EXECUTE FUNCTION public.registry_single_officer_declared();
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_fixed_uid_only_created_at;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_once_setup_confirmed_at;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER registry_instance_changes;
ALTER TABLE public.registry_instance ENABLE ALWAYS TRIGGER registry_single_officer_declared;
SELECT fence.seal('public.registry_instance'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_instance'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_instance'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_instance'::regclass, 'audit_fixed_uid_only_created_at');
SELECT fence.seal('public.registry_instance'::regclass, 'audit_once_setup_confirmed_at');
SELECT fence.seal('public.registry_instance'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_instance'::regclass, 'registry_instance_changes');
SELECT fence.seal('public.registry_instance'::regclass, 'registry_single_officer_declared');

-- registry_membership
CREATE TRIGGER audit_close_closed_at_closed_event
    AFTER UPDATE ON public.registry_membership
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_membership
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_membership
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close the row instead; its service does.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'membership', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_membership
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_dated_by_event();
CREATE TRIGGER registry_membership_not_backdated
    AFTER INSERT ON public.registry_membership
    FOR EACH ROW EXECUTE FUNCTION public.registry_membership_not_backdated();
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER registry_dated_by_event;
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER registry_membership_not_backdated;
SELECT fence.seal('public.registry_membership'::regclass, 'audit_close_closed_at_closed_event');
SELECT fence.seal('public.registry_membership'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_membership'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_membership'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_membership'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_membership'::regclass, 'registry_dated_by_event');
SELECT fence.seal('public.registry_membership'::regclass, 'registry_membership_not_backdated');

-- registry_metric
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_metric
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_metric
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_metric DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_metric('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_name_value_dataset_slice_re_19e28b9d
    AFTER UPDATE ON public.registry_metric
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'name', 'value', 'dataset', 'slice', 'revision', 'recorded_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_metric
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_metric ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_metric ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_metric ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_metric ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_name_value_dataset_slice_re_19e28b9d;
ALTER TABLE public.registry_metric ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_metric'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_metric'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_metric'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_metric'::regclass, 'audit_fixed_uid_version_id_name_value_dataset_slice_re_19e28b9d');
SELECT fence.seal('public.registry_metric'::regclass, 'audit_truncate_refused');

-- registry_modelcard
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_modelcard
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_modelcard
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_modelcard DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_modelcard('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_version_id_text_sha256_revision_added__f7fa559f
    AFTER UPDATE ON public.registry_modelcard
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'text', 'sha256', 'revision', 'added_by_id', 'added_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_modelcard
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_text_sha256_revision_added__f7fa559f;
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_modelcard'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_modelcard'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_modelcard'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_modelcard'::regclass, 'audit_fixed_uid_version_id_text_sha256_revision_added__f7fa559f');
SELECT fence.seal('public.registry_modelcard'::regclass, 'audit_truncate_refused');

-- registry_modelgrouppermission
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_modelgrouppermission DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_modelgrouppermission('[]', 'model', 'uid', 'SELECT p0."uid"::text FROM public."registry_registeredmodel" AS p0 WHERE p0.id = ($1 ->> ''content_object_id'')::bigint');
CREATE TRIGGER audit_fixed_group_id_permission_id_content_object_id
    AFTER UPDATE ON public.registry_modelgrouppermission
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'group_id', 'permission_id', 'content_object_id');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_modelgrouppermission
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_modelgrouppermission ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_modelgrouppermission ENABLE ALWAYS TRIGGER audit_fixed_group_id_permission_id_content_object_id;
ALTER TABLE public.registry_modelgrouppermission ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_modelgrouppermission'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_modelgrouppermission'::regclass, 'audit_fixed_group_id_permission_id_content_object_id');
SELECT fence.seal('public.registry_modelgrouppermission'::regclass, 'audit_truncate_refused');

-- registry_modeluserpermission
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_modeluserpermission DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_modeluserpermission('[]', 'model', 'uid', 'SELECT p0."uid"::text FROM public."registry_registeredmodel" AS p0 WHERE p0.id = ($1 ->> ''content_object_id'')::bigint');
CREATE TRIGGER audit_fixed_user_id_permission_id_content_object_id
    AFTER UPDATE ON public.registry_modeluserpermission
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'user_id', 'permission_id', 'content_object_id');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_modeluserpermission
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_modeluserpermission ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_modeluserpermission ENABLE ALWAYS TRIGGER audit_fixed_user_id_permission_id_content_object_id;
ALTER TABLE public.registry_modeluserpermission ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_modeluserpermission'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_modeluserpermission'::regclass, 'audit_fixed_user_id_permission_id_content_object_id');
SELECT fence.seal('public.registry_modeluserpermission'::regclass, 'audit_truncate_refused');

-- registry_modelversion
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_modelversion
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Move the version to Archived instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_modelversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'version', 'uid', '');
CREATE TRIGGER audit_fixed_source_only
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'source_only');
CREATE TRIGGER audit_fixed_uid_model_id_number_source_run_id_run_link_df93d380
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'number', 'source', 'run_id', 'run_link', 'code_repository', 'code_commit', 'code_clean', 'environment_lock', 'parameters', 'signature', 'licence', 'registered_by_id', 'registered_with_id', 'trained_by_id', 'declaration', 'created_at');
CREATE TRIGGER audit_once_abandoned_at
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (((old.abandoned_at IS NOT NULL) AND (old.abandoned_at IS DISTINCT FROM new.abandoned_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'abandoned_at');
CREATE TRIGGER audit_once_deleted_at
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (((old.deleted_at IS NOT NULL) AND (old.deleted_at IS DISTINCT FROM new.deleted_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'deleted_at');
CREATE TRIGGER audit_once_registered_at
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (((old.registered_at IS NOT NULL) AND (old.registered_at IS DISTINCT FROM new.registered_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'registered_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_modelversion
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_counts_up
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_counts_up('revision', 'evidence_revision');
CREATE CONSTRAINT TRIGGER registry_deleted_ungoverned
    AFTER UPDATE ON public.registry_modelversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((old.deleted_at IS DISTINCT FROM new.deleted_at)) EXECUTE FUNCTION public.registry_deleted_ungoverned('version.deleted', 'all');
CREATE TRIGGER registry_stage_by_occupancy
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_stage_by_occupancy();
CREATE TRIGGER registry_stage_left_by_promotion
    AFTER UPDATE OF stage_id ON public.registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION public.registry_stage_left_by_promotion();
CREATE TRIGGER registry_version_forward
    AFTER INSERT OR UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_version_forward();
CREATE CONSTRAINT TRIGGER registry_version_in_its_place
    AFTER INSERT ON public.registry_modelversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_version_in_its_place();
CREATE TRIGGER registry_version_of_deleted
    AFTER INSERT ON public.registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION public.registry_version_of_deleted();
CREATE CONSTRAINT TRIGGER registry_version_stays_in_its_place
    AFTER UPDATE ON public.registry_modelversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((((old.id IS DISTINCT FROM new.id) OR (old.stage_id IS DISTINCT FROM new.stage_id)) OR (old.model_id IS DISTINCT FROM new.model_id))) EXECUTE FUNCTION public.registry_version_in_its_place();
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_fixed_source_only;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_number_source_run_id_run_link_df93d380;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_once_abandoned_at;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_once_deleted_at;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_once_registered_at;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_counts_up;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_deleted_ungoverned;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_stage_by_occupancy;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_stage_left_by_promotion;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_version_forward;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_version_in_its_place;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_version_of_deleted;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER registry_version_stays_in_its_place;
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_fixed_source_only');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_fixed_uid_model_id_number_source_run_id_run_link_df93d380');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_once_abandoned_at');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_once_deleted_at');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_once_registered_at');
SELECT fence.seal('public.registry_modelversion'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_counts_up');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_deleted_ungoverned');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_stage_by_occupancy');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_stage_left_by_promotion');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_version_forward');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_version_in_its_place');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_version_of_deleted');
SELECT fence.seal('public.registry_modelversion'::regclass, 'registry_version_stays_in_its_place');

-- registry_modelversion_parents
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_modelversion_parents
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_modelversion_parents
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer row; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_modelversion_parents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_modelversion_parents('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''from_modelversion_id'')::bigint');
CREATE TRIGGER audit_fixed_from_modelversion_id_to_modelversion_id
    AFTER UPDATE ON public.registry_modelversion_parents
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'from_modelversion_id', 'to_modelversion_id');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_modelversion_parents
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_while_registering
    AFTER INSERT ON public.registry_modelversion_parents
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_while_open('from_modelversion_id');
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER audit_fixed_from_modelversion_id_to_modelversion_id;
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER registry_while_registering;
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'audit_fixed_from_modelversion_id_to_modelversion_id');
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'registry_while_registering');

-- registry_periodicreview
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_periodicreview
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_periodicreview
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer one; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_periodicreview DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'review', 'uid', '');
CREATE TRIGGER audit_fixed_uid_model_id_number_outcome_findings_condi_16457b2f
    AFTER UPDATE ON public.registry_periodicreview
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'number', 'outcome', 'findings', 'conditions', 'live_versions', 'due', 'next_review', 'reviewer_id', 'reviewed_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_periodicreview
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_periodicreview ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_periodicreview ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_periodicreview ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_periodicreview ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_number_outcome_findings_condi_16457b2f;
ALTER TABLE public.registry_periodicreview ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_periodicreview'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_periodicreview'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_periodicreview'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_periodicreview'::regclass, 'audit_fixed_uid_model_id_number_outcome_findings_condi_16457b2f');
SELECT fence.seal('public.registry_periodicreview'::regclass, 'audit_truncate_refused');

-- registry_protectedalias
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_protectedalias DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'protected_alias', 'name', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_protectedalias
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_protectedalias ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_protectedalias ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_protectedalias'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_protectedalias'::regclass, 'audit_truncate_refused');

-- registry_questionnairerevision
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_questionnairerevision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_questionnairerevision
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer one; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_questionnairerevision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'questionnaire', 'uid', '');
CREATE TRIGGER audit_fixed_uid_number_title_source_document_digest_pu_01dae146
    AFTER UPDATE ON public.registry_questionnairerevision
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'number', 'title', 'source', 'document', 'digest', 'published_at', 'published_by');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_questionnairerevision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_questionnairerevision ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_questionnairerevision ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_questionnairerevision ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_questionnairerevision ENABLE ALWAYS TRIGGER audit_fixed_uid_number_title_source_document_digest_pu_01dae146;
ALTER TABLE public.registry_questionnairerevision ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_questionnairerevision'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_questionnairerevision'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_questionnairerevision'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_questionnairerevision'::regclass, 'audit_fixed_uid_number_title_source_document_digest_pu_01dae146');
SELECT fence.seal('public.registry_questionnairerevision'::regclass, 'audit_truncate_refused');

-- registry_registeredmodel
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_registeredmodel
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_registeredmodel
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Archive the model instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_registeredmodel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'model', 'uid', '');
CREATE TRIGGER audit_fixed_mlflow_name
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'mlflow_name');
CREATE TRIGGER audit_fixed_uid_slug_created_at
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'slug', 'created_at');
CREATE CONSTRAINT TRIGGER audit_named_risk_tier
    AFTER UPDATE ON public.registry_registeredmodel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_named_change('model', 'uid', 'risk_tier');
CREATE TRIGGER audit_once_deleted_at
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW WHEN (((old.deleted_at IS NOT NULL) AND (old.deleted_at IS DISTINCT FROM new.deleted_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'deleted_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_registeredmodel
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_counts_up
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_counts_up('next_version', 'revision');
CREATE CONSTRAINT TRIGGER registry_deleted_ungoverned
    AFTER UPDATE ON public.registry_registeredmodel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((old.deleted_at IS DISTINCT FROM new.deleted_at)) EXECUTE FUNCTION public.registry_deleted_ungoverned('model.deleted', 'other');
CREATE CONSTRAINT TRIGGER registry_renamed_ungoverned
    AFTER UPDATE ON public.registry_registeredmodel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (((old.renamed)::text IS DISTINCT FROM (new.renamed)::text)) EXECUTE FUNCTION public.registry_deleted_ungoverned('model.renamed', 'all');
CREATE CONSTRAINT TRIGGER registry_tier_by_two
    AFTER UPDATE ON public.registry_registeredmodel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (((old.risk_tier IS DISTINCT FROM new.risk_tier) OR (old.tier_basis_id IS DISTINCT FROM new.tier_basis_id))) EXECUTE FUNCTION public.registry_tier_by_two();
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_fixed_mlflow_name;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_fixed_uid_slug_created_at;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_named_risk_tier;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_once_deleted_at;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER registry_counts_up;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER registry_deleted_ungoverned;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER registry_renamed_ungoverned;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER registry_tier_by_two;
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_fixed_mlflow_name');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_fixed_uid_slug_created_at');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_named_risk_tier');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_once_deleted_at');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'registry_counts_up');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'registry_deleted_ungoverned');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'registry_renamed_ungoverned');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'registry_tier_by_two');

-- registry_registeredname
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_registeredname
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_registeredname
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A name is given once and stays the model’s.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_registeredname DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_registeredname('[]', 'model', 'uid', 'SELECT p0."uid"::text FROM public."registry_registeredmodel" AS p0 WHERE p0.id = ($1 ->> ''model_id'')::bigint');
CREATE TRIGGER audit_fixed_model_id_skeleton
    AFTER UPDATE ON public.registry_registeredname
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'model_id', 'skeleton');
CREATE TRIGGER audit_once_released_at
    AFTER UPDATE ON public.registry_registeredname
    FOR EACH ROW WHEN (((old.released_at IS NOT NULL) AND (old.released_at IS DISTINCT FROM new.released_at))) EXECUTE FUNCTION public.audit_keep_columns('once', 'released_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_registeredname
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_fixed_model_id_skeleton;
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_once_released_at;
ALTER TABLE public.registry_registeredname ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_fixed_model_id_skeleton');
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_once_released_at');
SELECT fence.seal('public.registry_registeredname'::regclass, 'audit_truncate_refused');

-- registry_reviewergroup
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_reviewergroup
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_reviewergroup
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Take its members out instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_reviewergroup DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'group', 'uid', '');
CREATE TRIGGER audit_fixed_group_ptr_id_uid_slug_created_at
    AFTER UPDATE ON public.registry_reviewergroup
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'group_ptr_id', 'uid', 'slug', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_reviewergroup
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_reviewergroup ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_reviewergroup ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_reviewergroup ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_reviewergroup ENABLE ALWAYS TRIGGER audit_fixed_group_ptr_id_uid_slug_created_at;
ALTER TABLE public.registry_reviewergroup ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_reviewergroup'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_reviewergroup'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_reviewergroup'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_reviewergroup'::regclass, 'audit_fixed_group_ptr_id_uid_slug_created_at');
SELECT fence.seal('public.registry_reviewergroup'::regclass, 'audit_truncate_refused');

-- registry_reviewreminder
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_reviewreminder
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_reviewreminder
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Add a newer one; this one stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_reviewreminder DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'reminder', 'uid', '');
CREATE TRIGGER audit_fixed_uid_model_id_due_step_person_id_sent_at
    AFTER UPDATE ON public.registry_reviewreminder
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'due', 'step', 'person_id', 'sent_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_reviewreminder
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_reviewreminder ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_reviewreminder ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_reviewreminder ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_reviewreminder ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_due_step_person_id_sent_at;
ALTER TABLE public.registry_reviewreminder ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_reviewreminder'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_reviewreminder'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_reviewreminder'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_reviewreminder'::regclass, 'audit_fixed_uid_model_id_due_step_person_id_sent_at');
SELECT fence.seal('public.registry_reviewreminder'::regclass, 'audit_truncate_refused');

-- registry_signinlink
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_signinlink
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_signinlink
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A newer link ends it.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_signinlink DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_signinlink('["digest", "mailed_at"]', 'person', 'uid', 'SELECT p0."uid"::text FROM public."registry_user" AS p0 WHERE p0.id = ($1 ->> ''account_id'')::bigint');
CREATE TRIGGER audit_fixed_uid_account_id_way_issued_by_id_created_at_fe3f1a89
    AFTER UPDATE ON public.registry_signinlink
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'account_id', 'way', 'issued_by_id', 'created_at', 'expires_at');
CREATE TRIGGER audit_once_used_at_ended_at_mailed_at
    AFTER UPDATE ON public.registry_signinlink
    FOR EACH ROW WHEN ((((old.used_at IS NOT NULL) AND (old.used_at IS DISTINCT FROM new.used_at)) OR ((old.ended_at IS NOT NULL) AND (old.ended_at IS DISTINCT FROM new.ended_at)) OR ((old.mailed_at IS NOT NULL) AND (old.mailed_at IS DISTINCT FROM new.mailed_at)))) EXECUTE FUNCTION public.audit_keep_columns('once', 'used_at', 'ended_at', 'mailed_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_signinlink
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER registry_link_keeps_digest
    BEFORE UPDATE ON public.registry_signinlink
    FOR EACH ROW WHEN (((old.digest IS DISTINCT FROM new.digest) AND (((old.way)::text <> 'mailed'::text) OR (old.mailed_at IS NOT NULL) OR (old.used_at IS NOT NULL) OR (old.ended_at IS NOT NULL)))) EXECUTE FUNCTION public.audit_refuse('the secret of a link that left stays', 'Issue a new link; it ends this one.');
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_fixed_uid_account_id_way_issued_by_id_created_at_fe3f1a89;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_once_used_at_ended_at_mailed_at;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_signinlink ENABLE ALWAYS TRIGGER registry_link_keeps_digest;
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_fixed_uid_account_id_way_issued_by_id_created_at_fe3f1a89');
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_once_used_at_ended_at_mailed_at');
SELECT fence.seal('public.registry_signinlink'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_signinlink'::regclass, 'registry_link_keeps_digest');

-- registry_stage
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_stage
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_stage
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Take the moves into it away instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_stage DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'stage', 'slug', '');
CREATE TRIGGER audit_fixed_slug_initial_exclusive
    AFTER UPDATE ON public.registry_stage
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'slug', 'initial', 'exclusive');
CREATE CONSTRAINT TRIGGER audit_named_protected_protected_exit
    AFTER UPDATE ON public.registry_stage DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_named_change('stage', 'slug', 'protected', 'protected_exit');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_stage
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_fixed_slug_initial_exclusive;
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_named_protected_protected_exit;
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_stage'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_stage'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_stage'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_stage'::regclass, 'audit_fixed_slug_initial_exclusive');
SELECT fence.seal('public.registry_stage'::regclass, 'audit_named_protected_protected_exit');
SELECT fence.seal('public.registry_stage'::regclass, 'audit_truncate_refused');

-- registry_stagemove
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_stagemove DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_stagemove('[]', 'stage', 'slug', 'SELECT p0."slug"::text FROM public."registry_stage" AS p0 WHERE p0.id = ($1 ->> ''source_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_stagemove
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_stagemove ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_stagemove ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_stagemove'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_stagemove'::regclass, 'audit_truncate_refused');

-- registry_stageoccupancy
CREATE TRIGGER audit_close_closed_at_closed_event
    AFTER UPDATE ON public.registry_stageoccupancy
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_stageoccupancy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_stageoccupancy
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close the row instead; its service does.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_stageoccupancy('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_stageoccupancy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER registry_dated_by_event
    AFTER INSERT OR UPDATE ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_dated_by_event();
CREATE TRIGGER registry_stamp_occupancy
    BEFORE INSERT ON public.registry_stageoccupancy
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_stamp_occupancy();
CREATE CONSTRAINT TRIGGER registry_version_in_its_place
    AFTER INSERT OR UPDATE ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.registry_version_in_its_place();
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER audit_close_closed_at_closed_event;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER registry_dated_by_event;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER registry_stamp_occupancy;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER registry_version_in_its_place;
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'audit_close_closed_at_closed_event');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'registry_dated_by_event');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'registry_stamp_occupancy');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'registry_version_in_its_place');

-- registry_user
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.registry_user
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.registry_user
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Deactivate the account instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.registry_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'person', 'uid', '');
CREATE TRIGGER audit_fixed_uid_kind_created_at
    AFTER UPDATE ON public.registry_user
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'kind', 'created_at');
CREATE CONSTRAINT TRIGGER audit_named_is_active
    AFTER UPDATE ON public.registry_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_named_change('person', 'uid', 'is_active');
CREATE CONSTRAINT TRIGGER audit_named_is_superuser_is_staff
    AFTER INSERT OR UPDATE ON public.registry_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_named_change('person', 'uid', 'is_superuser', 'is_staff');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.registry_user
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_fixed_uid_kind_created_at;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_named_is_active;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_named_is_superuser_is_staff;
ALTER TABLE public.registry_user ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.registry_user'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.registry_user'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.registry_user'::regclass, 'audit_event_required');
SELECT fence.seal('public.registry_user'::regclass, 'audit_fixed_uid_kind_created_at');
SELECT fence.seal('public.registry_user'::regclass, 'audit_named_is_active');
SELECT fence.seal('public.registry_user'::regclass, 'audit_named_is_superuser_is_staff');
SELECT fence.seal('public.registry_user'::regclass, 'audit_truncate_refused');

-- The functions belong to no role that can log in.
SELECT fence.take(name::regprocedure) FROM unnest(ARRAY[
    'public.audit_event_of_registry_accountcontrol()',
    'public.audit_event_of_registry_aliasassignment()',
    'public.audit_event_of_registry_contribution()',
    'public.audit_event_of_registry_datasetreference()',
    'public.audit_event_of_registry_evidence()',
    'public.audit_event_of_registry_metric()',
    'public.audit_event_of_registry_modelcard()',
    'public.audit_event_of_registry_modelgrouppermission()',
    'public.audit_event_of_registry_modeluserpermission()',
    'public.audit_event_of_registry_modelversion_parents()',
    'public.audit_event_of_registry_registeredname()',
    'public.audit_event_of_registry_signinlink()',
    'public.audit_event_of_registry_stagemove()',
    'public.audit_event_of_registry_stageoccupancy()',
    'public.registry_confirmed_by_second()',
    'public.registry_confirmed_by_single_officer()',
    'public.registry_counts_up()',
    'public.registry_dataset_identity(text,text,text,text,text,text)',
    'public.registry_dated_by_event()',
    'public.registry_deleted_ungoverned()',
    'public.registry_group_by_event()',
    'public.registry_instance_changes()',
    'public.registry_membership_not_backdated()',
    'public.registry_protected_alias_by_promotion()',
    'public.registry_protected_alias_stays()',
    'public.registry_single_officer_declared()',
    'public.registry_stage_alias_by_promotion()',
    'public.registry_stage_by_occupancy()',
    'public.registry_stage_left_by_promotion()',
    'public.registry_stamp_occupancy()',
    'public.registry_tier_by_two()',
    'public.registry_version_forward()',
    'public.registry_version_in_its_place()',
    'public.registry_version_of_deleted()',
    'public.registry_while_open()'
]) AS name;
