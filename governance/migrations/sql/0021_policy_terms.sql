-- Terms of policies. Frozen: a later change is a later migration.

-- What was published before was in force from its publication on.
INSERT INTO public.governance_policyterm (uid, policy_id, revision_id, proposal_id, starts_at, opened_at, opened_event)
SELECT gen_random_uuid(), r.policy_id, r.id, r.proposal_id, r.published_at, r.published_at,
       (SELECT e.event_id FROM public.audit_event e
         WHERE e.touched @> ARRAY['policy_revision:' || r.uid] ORDER BY e.id LIMIT 1)
  FROM public.governance_policyrevision r
 ORDER BY r.id;

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_policyterm" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'policy_term', 'uid', '');
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_policyterm" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_policyterm" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A scheduled change is cancelled; its row is kept.');
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_policyterm" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_close_closed_at_closed_event" AFTER UPDATE ON public."governance_policyterm" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'closed_at', 'closed_event');
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "audit_close_closed_at_closed_event";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'audit_close_closed_at_closed_event');

-- After the set-up, a term comes from a proposal that two people signed, which names its time; the terms of a policy
-- begin in the order in which they were decided.
CREATE FUNCTION public.governance_term_by_two() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text := (SELECT slug FROM public.governance_policy WHERE id = NEW.policy_id);
    broken text;
BEGIN
    IF EXISTS (SELECT FROM public.governance_policyterm o
                WHERE o.policy_id = NEW.policy_id AND o.id < NEW.id AND o.closed_at IS NULL
                  AND o.starts_at > NEW.starts_at) THEN
        broken := 'a later change is scheduled already';
    ELSIF NEW.revision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.governance_policyrevision r
         WHERE r.id = NEW.revision_id AND r.policy_id = NEW.policy_id
           AND r.proposal_id IS NOT DISTINCT FROM NEW.proposal_id) THEN
        broken := 'the revision is of another policy or proposal';
    ELSIF EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.id = NEW.proposal_id AND p.outcome = 'confirmed' AND p.subject_id = named
           AND p.kind = CASE WHEN NEW.revision_id IS NULL THEN 'policy.retirement' ELSE 'policy.publication' END
           AND NEW.starts_at = greatest(NEW.opened_at, (p.payload ->> 'in_force_from')::timestamptz)
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        broken := 'it changes with a confirmed proposal only';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'term of policy % refused: %', named, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.policies.propose.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_term_by_two()'::regprocedure);
CREATE CONSTRAINT TRIGGER "governance_term_by_two" AFTER INSERT ON public."governance_policyterm" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_term_by_two();
ALTER TABLE public."governance_policyterm" ENABLE ALWAYS TRIGGER "governance_term_by_two";
SELECT fence.seal('public."governance_policyterm"'::regclass, 'governance_term_by_two');

-- A request is bound to no revision whose term has not begun or was cancelled.
CREATE FUNCTION public.governance_policy_term_begun() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bound_at timestamptz := coalesce(to_jsonb(NEW) ->> 'added_at', to_jsonb(NEW) ->> 'created_at');
BEGIN
    IF NEW.policy_revision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.governance_policyterm t
         WHERE t.revision_id = NEW.policy_revision_id AND t.closed_at IS NULL AND t.starts_at <= bound_at) THEN
        RAISE EXCEPTION 'policy revision % is not in force yet, or was cancelled', NEW.policy_revision_id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$$;
SELECT fence.take('public.governance_policy_term_begun()'::regprocedure);
CREATE TRIGGER "governance_policy_term_begun" AFTER INSERT ON public."governance_requestpolicy" FOR EACH ROW EXECUTE FUNCTION public.governance_policy_term_begun();
ALTER TABLE public."governance_requestpolicy" ENABLE ALWAYS TRIGGER "governance_policy_term_begun";
SELECT fence.seal('public."governance_requestpolicy"'::regclass, 'governance_policy_term_begun');
CREATE TRIGGER "governance_policy_term_begun" AFTER INSERT ON public."governance_promotionrequest" FOR EACH ROW EXECUTE FUNCTION public.governance_policy_term_begun();
ALTER TABLE public."governance_promotionrequest" ENABLE ALWAYS TRIGGER "governance_policy_term_begun";
SELECT fence.seal('public."governance_promotionrequest"'::regclass, 'governance_policy_term_begun');
