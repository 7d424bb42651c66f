-- The database guards of delegations. Frozen: a later change is a later migration.

CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_delegation" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'delegation', 'uid', '');
ALTER TABLE public."governance_delegation" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_delegation"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_delegation" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_delegation" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_delegation"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_delegation" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A delegation is revoked or ends; its row is kept.');
ALTER TABLE public."governance_delegation" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_delegation"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_delegation" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_delegation" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_delegation"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_close_closed_at_closed_event" AFTER UPDATE ON public."governance_delegation" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
ALTER TABLE public."governance_delegation" ENABLE ALWAYS TRIGGER "audit_close_closed_at_closed_event";
SELECT fence.seal('public."governance_delegation"'::regclass, 'audit_close_closed_at_closed_event');

-- A decision by delegation is signed by the delegate, in the place of the delegator, who did not ask for the promotion,
-- while the delegation is in effect. The unique indexes of the table keep one decision for each signer and each member.
CREATE FUNCTION public.governance_decided_by_delegation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.delegation_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.governance_delegation g, public.governance_promotionrequest r
         WHERE g.id = NEW.delegation_id AND g.delegate_id = NEW.person_id AND g.delegator_id = NEW.on_behalf_of_id
           AND g.closed_at IS NULL AND g.valid_from <= NEW.signed_at AND g.valid_until > NEW.signed_at
           AND r.id = NEW.request_id AND g.delegator_id <> r.requested_by_id
    ) THEN
        RAISE EXCEPTION 'decision refused: delegation % does not allow it', NEW.delegation_id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_decided_by_delegation()'::regprocedure);
CREATE TRIGGER "governance_decided_by_delegation" AFTER INSERT ON public."governance_decision" FOR EACH ROW EXECUTE FUNCTION public.governance_decided_by_delegation();
ALTER TABLE public."governance_decision" ENABLE ALWAYS TRIGGER "governance_decided_by_delegation";
SELECT fence.seal('public."governance_decision"'::regclass, 'governance_decided_by_delegation');

-- Nothing is promoted while an approval by a delegation that has ended counts as one: such an approval lapses first.
CREATE FUNCTION public.governance_promoted_by_delegates() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.state = 'promoted' AND (TG_OP = 'INSERT' OR OLD.state <> 'promoted') AND EXISTS (
        SELECT FROM public.governance_decision d JOIN public.governance_delegation g ON g.id = d.delegation_id
         WHERE d.request_id = NEW.id AND d.outcome = 'approve' AND d.lapsed_at IS NULL
           AND (g.closed_at <= NEW.closed_at OR g.valid_until <= NEW.closed_at)
    ) THEN
        RAISE EXCEPTION 'promotion % refused: an approval is by a delegation that has ended', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_promoted_by_delegates()'::regprocedure);
CREATE CONSTRAINT TRIGGER "governance_promoted_by_delegates" AFTER INSERT OR UPDATE OF state ON public."governance_promotionrequest" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_promoted_by_delegates();
ALTER TABLE public."governance_promotionrequest" ENABLE ALWAYS TRIGGER "governance_promoted_by_delegates";
SELECT fence.seal('public."governance_promotionrequest"'::regclass, 'governance_promoted_by_delegates');
