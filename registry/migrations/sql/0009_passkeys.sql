-- The guards of passkeys. Frozen: a later change is a later migration.

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION public.audit_event_of_registry_passkey() RETURNS trigger
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
SELECT fence.take('public.audit_event_of_registry_passkey()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."registry_passkey" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_registry_passkey('[]', 'person', 'uid', 'SELECT p0."uid"::text FROM public."registry_user" AS p0 WHERE p0.id = ($1 ->> ''account_id'')::bigint');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."registry_passkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_truncate_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."registry_passkey" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Remove the passkey instead.');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."registry_passkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_delete_all_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_uid_account_id_credential_id_credential_pu_5c531809" AFTER UPDATE ON public."registry_passkey" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'account_id', 'credential_id', 'credential', 'public_key', 'key_id', 'opened_at', 'opened_event');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_fixed_uid_account_id_credential_id_credential_pu_5c531809";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_fixed_uid_account_id_credential_id_credential_pu_5c531809');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_once_closed_at_closed_event" AFTER UPDATE ON public."registry_passkey" FOR EACH ROW WHEN ((OLD."closed_at" IS NOT NULL AND OLD."closed_at" IS DISTINCT FROM NEW."closed_at") OR (OLD."closed_event" IS NOT NULL AND OLD."closed_event" IS DISTINCT FROM NEW."closed_event")) EXECUTE FUNCTION public.audit_keep_columns('once', 'closed_at', 'closed_event');
ALTER TABLE public."registry_passkey" ENABLE ALWAYS TRIGGER "audit_once_closed_at_closed_event";
SELECT fence.seal('public."registry_passkey"'::regclass, 'audit_once_closed_at_closed_event');
