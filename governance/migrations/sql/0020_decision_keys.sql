-- The guards of decision keys and of what proves decision signatures. Frozen: a later change is a later migration.

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_decisionkey" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'decision_key', 'uid', '');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_decisionkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_truncate_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_decisionkey" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A newer key replaces it; old attestations are verified with it.');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_decisionkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_delete_all_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_uid_key_id_public_key_valid_from_registered_event" AFTER UPDATE ON public."governance_decisionkey" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'key_id', 'public_key', 'valid_from', 'registered_event');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_fixed_uid_key_id_public_key_valid_from_registered_event";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_fixed_uid_key_id_public_key_valid_from_registered_event');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_once_valid_until_replaced_event" AFTER UPDATE ON public."governance_decisionkey" FOR EACH ROW WHEN ((OLD."valid_until" IS NOT NULL AND OLD."valid_until" IS DISTINCT FROM NEW."valid_until") OR (OLD."replaced_event" IS NOT NULL AND OLD."replaced_event" IS DISTINCT FROM NEW."replaced_event")) EXECUTE FUNCTION public.audit_keep_columns('once', 'valid_until', 'replaced_event');
ALTER TABLE public."governance_decisionkey" ENABLE ALWAYS TRIGGER "audit_once_valid_until_replaced_event";
SELECT fence.seal('public."governance_decisionkey"'::regclass, 'audit_once_valid_until_replaced_event');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION public.audit_event_of_governance_signaturerecord() RETURNS trigger
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
SELECT fence.take('public.audit_event_of_governance_signaturerecord()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_signaturerecord" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_signaturerecord('[]', 'decision', 'uid', 'SELECT p0."uid"::text FROM public."governance_decision" AS p0 WHERE p0.id = ($1 ->> ''decision_id'')::bigint');
ALTER TABLE public."governance_signaturerecord" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_signaturerecord"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_signaturerecord" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signaturerecord" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_signaturerecord"'::regclass, 'audit_truncate_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_signaturerecord" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'It proves a decision signature.');
ALTER TABLE public."governance_signaturerecord" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_signaturerecord"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_signaturerecord" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signaturerecord" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_signaturerecord"'::regclass, 'audit_delete_all_refused');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_decision_id_statement_attestation_key_id" AFTER UPDATE ON public."governance_signaturerecord" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'decision_id', 'statement', 'attestation', 'key_id');
ALTER TABLE public."governance_signaturerecord" ENABLE ALWAYS TRIGGER "audit_fixed_decision_id_statement_attestation_key_id";
SELECT fence.seal('public."governance_signaturerecord"'::regclass, 'audit_fixed_decision_id_statement_attestation_key_id');

-- A decision is recorded with its attestation, in one transaction.
CREATE FUNCTION public.governance_decision_attested() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.governance_signaturerecord s WHERE s.decision_id = NEW.id) THEN
        RAISE EXCEPTION 'decision % has no attested signature', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_decision_attested()'::regprocedure);
CREATE CONSTRAINT TRIGGER "governance_decision_attested" AFTER INSERT ON public."governance_decision" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_decision_attested();
ALTER TABLE public."governance_decision" ENABLE ALWAYS TRIGGER "governance_decision_attested";
SELECT fence.seal('public."governance_decision"'::regclass, 'governance_decision_attested');
