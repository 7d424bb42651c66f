-- What the gate demands of a promotion besides the guards of the first migration. Their functions are taken, so the
-- superuser puts this in place: fence.strengthen_gate() runs at the end of each declared migration and changes nothing
-- where all is there.

CREATE OR REPLACE FUNCTION fence.strengthen_gate() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET event_triggers = off
AS $strengthen$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.governance_promotionrequest')
                                              AND attname = 'kind' AND NOT attisdropped) THEN
        RETURN;
    END IF;

    -- The approvals that the policies demand, by the kind of the request; a policy without the section of the kind
    -- demands its ordinary approvals. A rollback returns to exactly the inputs that were approved in the same place.
    CREATE OR REPLACE FUNCTION public.governance_promoted_by_decisions() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $body$
    DECLARE
        needed bigint;
        standing bigint;
    BEGIN
        IF NEW.state <> 'promoted' OR NEW.before_governance OR (TG_OP = 'UPDATE' AND OLD.state = 'promoted') THEN
            RETURN NULL;
        END IF;
        IF NEW.kind = 'rollback' AND NOT EXISTS (
            SELECT FROM public.governance_promotionrequest e
             WHERE e.id = NEW.restores_id AND e.version_id = NEW.version_id AND e.state = 'promoted'
               AND e.policy_revision_id IS NOT NULL AND e.fingerprint = NEW.fingerprint
               AND e.target_stage_id IS NOT DISTINCT FROM NEW.target_stage_id AND e.target_alias = NEW.target_alias) THEN
            RAISE EXCEPTION 'promotion % refused: it restores inputs that were not approved in this place', NEW.id
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Use governance.promotions.';
        END IF;
        SELECT coalesce(sum(rule.count), 0) INTO needed FROM (
            SELECT max(coalesce((asked ->> 'count')::bigint, 1)) AS count
              FROM public.governance_policyrevision r, jsonb_array_elements(CASE
                       WHEN NEW.kind = 'rollback' AND r.document ? 'rollback' THEN r.document -> 'rollback' -> 'approvals'
                       WHEN NEW.kind = 'emergency' AND r.document -> 'emergency' -> 'groups' ? NEW.confirming_group THEN
                           jsonb_build_array(jsonb_build_object('group', NEW.confirming_group))
                       ELSE r.document -> 'approvals' END) AS asked
             WHERE r.id = NEW.policy_revision_id
                OR r.id IN (SELECT policy_revision_id FROM public.governance_requestpolicy WHERE request_id = NEW.id)
             GROUP BY asked ->> 'group') AS rule;
        IF NEW.kind <> 'ordinary' AND needed = 0 THEN
            RAISE EXCEPTION 'promotion % refused: no person approves this %', NEW.id, NEW.kind
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Use governance.promotions.';
        END IF;
        IF needed = 0 THEN
            RETURN NULL;
        END IF;
        SELECT count(DISTINCT d.person_id) INTO standing FROM public.governance_decision d
          JOIN public.registry_user u ON u.id = d.person_id
         WHERE d.request_id = NEW.id AND d.outcome = 'approve' AND d.lapsed_at IS NULL
           AND d.packet_digest = NEW.packet_digest AND d.person_id <> NEW.requested_by_id
           AND u.kind = 'person' AND NOT u.is_superuser;
        IF standing < needed THEN
            RAISE EXCEPTION 'promotion % refused: its policies ask % approvals, and % stand', NEW.id, needed, standing
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Use governance.promotions.';
        END IF;
        RETURN NULL;
    END
    $body$;

    -- A group that a policy in force calls, in whatever section, gets members by two people.
    CREATE OR REPLACE FUNCTION public.governance_member_by_two() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $body$
    DECLARE
        called text := (SELECT slug FROM public.registry_reviewergroup WHERE group_ptr_id = NEW.group_id);
        asked jsonb := jsonb_build_array(jsonb_build_object('group', called));
    BEGIN
        IF NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) OR NOT (
            EXISTS (SELECT FROM public.registry_grant g
                     WHERE g.group_id = NEW.group_id AND g.model_id IS NULL AND g.role IN ('officer', 'administrator')
                       AND g.closed_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > NEW.opened_at))
            OR EXISTS (SELECT FROM public.governance_policyterm t
                         JOIN public.governance_policyrevision r ON r.id = t.revision_id
                        WHERE t.closed_at IS NULL AND NOT EXISTS (
                                SELECT FROM public.governance_policyterm later
                                 WHERE later.policy_id = t.policy_id AND later.closed_at IS NULL
                                   AND (later.starts_at, later.id) > (t.starts_at, t.id)
                                   AND later.starts_at <= NEW.opened_at)
                          AND (r.document -> 'approvals' @> asked
                           OR r.document -> 'rollback' -> 'approvals' @> asked
                           OR r.document -> 'emergency' -> 'groups' ? called))
        ) THEN
            RETURN NULL;
        END IF;
        IF NOT EXISTS (
            SELECT FROM public.registry_changeproposal p
              JOIN public.audit_event e ON e.event_id = p.closed_event
             WHERE p.outcome = 'confirmed' AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
               AND p.kind = 'group.membership' AND p.payload ->> 'group' = called
               AND p.payload ->> 'uid' = (SELECT u.uid FROM public.registry_user u WHERE u.id = NEW.user_id)) THEN
            RAISE EXCEPTION 'a member joins % with a confirmed proposal only', called
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'Use registry.services.governing.add_member.';
        END IF;
        RETURN NULL;
    END
    $body$;
END
$strengthen$;
REVOKE ALL ON FUNCTION fence.strengthen_gate() FROM PUBLIC;
