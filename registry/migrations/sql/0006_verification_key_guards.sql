-- A key is added by a confirmed proposal, never changed, and closed once, when it is revoked.
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."registry_verificationkey" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'verification_key', 'uid', '');
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."registry_verificationkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."registry_verificationkey" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Revoke the key instead.');
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."registry_verificationkey" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_close_closed_at_closed_event_revoked_by_revocation_reason" AFTER UPDATE ON public."registry_verificationkey" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event', 'revoked_by', 'revocation_reason');
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "audit_close_closed_at_closed_event_revoked_by_revocation_reason";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'audit_close_closed_at_closed_event_revoked_by_revocation_reason');
CREATE FUNCTION public.registry_key_confirmed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.id = NEW.proposal_id AND p.kind = 'verification_key.addition' AND p.outcome = 'confirmed'
           AND p.subject_id = NEW.key_id AND p.model_id IS NOT DISTINCT FROM NEW.model_id
           AND p.payload ->> 'public_key' = NEW.public_key AND p.payload ->> 'name' = NEW.name
           AND p.payload ->> 'algorithm' = NEW.algorithm
           AND (p.payload -> 'purposes' ? 'signature') = NEW.for_signatures
           AND (p.payload -> 'purposes' ? 'provenance') = NEW.for_provenance
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'a verification key is added by the confirmed proposal of the same key'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.verification_keys.propose.';
    END IF;
    RETURN NULL;
END
$function$;
SELECT fence.take('public.registry_key_confirmed()'::regprocedure);
CREATE CONSTRAINT TRIGGER "registry_key_confirmed" AFTER INSERT ON public."registry_verificationkey" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.registry_key_confirmed();
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "registry_key_confirmed";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'registry_key_confirmed');
CREATE CONSTRAINT TRIGGER "registry_dated_by_event" AFTER INSERT OR UPDATE ON public."registry_verificationkey" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.registry_dated_by_event();
ALTER TABLE public."registry_verificationkey" ENABLE ALWAYS TRIGGER "registry_dated_by_event";
SELECT fence.seal('public."registry_verificationkey"'::regclass, 'registry_dated_by_event');
