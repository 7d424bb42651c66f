-- A second factor and a lock of signing are opened and closed with an event about the account. Codes are accepted in
-- ascending steps only.
CREATE FUNCTION public.audit_event_of_registry_secondfactor() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."account_id" = NEW."account_id") AND EXISTS (SELECT FROM public."registry_user" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['person:' || p0."uid"::text] WHERE p0.id = NEW."account_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_registry_secondfactor()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."registry_secondfactor" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_secondfactor('[]', 'person', 'uid', 'SELECT p0."uid"::text FROM public."registry_user" AS p0 WHERE p0.id = ($1 ->> ''account_id'')::bigint');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."registry_secondfactor" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."registry_secondfactor" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Remove or reset the second factor instead.');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."registry_secondfactor" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_account_id_secret_opened_at_opened_event" AFTER UPDATE ON public."registry_secondfactor" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'account_id', 'secret', 'opened_at', 'opened_event');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_fixed_uid_account_id_secret_opened_at_opened_event";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_fixed_uid_account_id_secret_opened_at_opened_event');
CREATE TRIGGER "audit_once_closed_at_closed_event" AFTER UPDATE ON public."registry_secondfactor" FOR EACH ROW WHEN ((OLD."closed_at" IS NOT NULL AND OLD."closed_at" IS DISTINCT FROM NEW."closed_at") OR (OLD."closed_event" IS NOT NULL AND OLD."closed_event" IS DISTINCT FROM NEW."closed_event")) EXECUTE FUNCTION public.audit_keep_columns('once', 'closed_at', 'closed_event');
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "audit_once_closed_at_closed_event";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'audit_once_closed_at_closed_event');
CREATE FUNCTION public.audit_event_of_registry_signinglock() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."account_id" = NEW."account_id") AND EXISTS (SELECT FROM public."registry_user" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['person:' || p0."uid"::text] WHERE p0.id = NEW."account_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_registry_signinglock()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."registry_signinglock" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_signinglock('[]', 'person', 'uid', 'SELECT p0."uid"::text FROM public."registry_user" AS p0 WHERE p0.id = ($1 ->> ''account_id'')::bigint');
ALTER TABLE public."registry_signinglock" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."registry_signinglock"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."registry_signinglock" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_signinglock" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."registry_signinglock"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."registry_signinglock" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Unlock the account instead.');
ALTER TABLE public."registry_signinglock" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."registry_signinglock"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."registry_signinglock" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_signinglock" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."registry_signinglock"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_close_closed_at_closed_event" AFTER UPDATE ON public."registry_signinglock" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
ALTER TABLE public."registry_signinglock" ENABLE ALWAYS TRIGGER "audit_close_closed_at_closed_event";
SELECT fence.seal('public."registry_signinglock"'::regclass, 'audit_close_closed_at_closed_event');
CREATE FUNCTION public.registry_code_steps_ascend()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.last_step < OLD.last_step OR NOT (OLD.recovery_codes @> NEW.recovery_codes)
       OR (OLD.closed_at IS NOT NULL AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'a code of a second factor is accepted once'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.second_factors.';
    END IF;
    RETURN NULL;
END
$function$;
SELECT fence.take('public.registry_code_steps_ascend()'::regprocedure);
CREATE TRIGGER "registry_code_steps_ascend" AFTER UPDATE ON public."registry_secondfactor" FOR EACH ROW EXECUTE FUNCTION public.registry_code_steps_ascend();
ALTER TABLE public."registry_secondfactor" ENABLE ALWAYS TRIGGER "registry_code_steps_ascend";
SELECT fence.seal('public."registry_secondfactor"'::regclass, 'registry_code_steps_ascend');
