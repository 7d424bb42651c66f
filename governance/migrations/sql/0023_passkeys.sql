-- The guards of assertions of passkeys. Frozen: a later change is a later migration.

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION public.audit_event_of_governance_passkeyassertion() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."decision_id" = NEW."decision_id") AND EXISTS (SELECT FROM public."governance_decision" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['decision:' || p0."uid"::text] WHERE p0.id = NEW."decision_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_passkeyassertion()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_passkeyassertion" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_passkeyassertion('[]', 'decision', 'uid', 'SELECT p0."uid"::text FROM public."governance_decision" AS p0 WHERE p0.id = ($1 ->> ''decision_id'')::bigint');
ALTER TABLE public."governance_passkeyassertion" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_passkeyassertion"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_passkeyassertion" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_passkeyassertion" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_passkeyassertion"'::regclass, 'audit_truncate_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_passkeyassertion" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'It proves a decision signature.');
ALTER TABLE public."governance_passkeyassertion" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_passkeyassertion"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_passkeyassertion" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_passkeyassertion" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_passkeyassertion"'::regclass, 'audit_delete_all_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_decision_id_passkey_id_authenticator_data__0a7485ab" AFTER UPDATE ON public."governance_passkeyassertion" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'decision_id', 'passkey_id', 'authenticator_data', 'client_data', 'signature', 'sign_count', 'rp_id', 'origin');
ALTER TABLE public."governance_passkeyassertion" ENABLE ALWAYS TRIGGER "audit_fixed_decision_id_passkey_id_authenticator_data__0a7485ab";
SELECT fence.seal('public."governance_passkeyassertion"'::regclass, 'audit_fixed_decision_id_passkey_id_authenticator_data__0a7485ab');

-- The method of a decision is a passkey if and only if its assertion is recorded with it.
CREATE FUNCTION public.governance_decision_asserted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.signed_method = 'passkey') IS DISTINCT FROM EXISTS (
        SELECT FROM public.governance_passkeyassertion a JOIN public.registry_passkey k ON k.id = a.passkey_id
         WHERE a.decision_id = NEW.id AND k.account_id = NEW.person_id
    ) THEN
        RAISE EXCEPTION 'decision % has no assertion of a passkey of its signer', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_decision_asserted()'::regprocedure);
CREATE CONSTRAINT TRIGGER "governance_decision_asserted" AFTER INSERT ON public."governance_decision" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_decision_asserted();
ALTER TABLE public."governance_decision" ENABLE ALWAYS TRIGGER "governance_decision_asserted";
SELECT fence.seal('public."governance_decision"'::regclass, 'governance_decision_asserted');
