-- The database guards of release 0.1.0. Frozen: a later change is a later migration.
--
-- Functions first; then the triggers of each table, which fire ALWAYS and are sealed, so that only a superuser can drop
-- or disable them (governance/database/sql). The functions belong to no role that can log in.

CREATE FUNCTION public.audit_event_of_governance_packet()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."request_id" = NEW."request_id") AND EXISTS (SELECT FROM public."governance_promotionrequest" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['promotion:' || p0."uid"::text] WHERE p0.id = NEW."request_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_governance_requestpolicy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."request_id" = NEW."request_id") AND EXISTS (SELECT FROM public."governance_promotionrequest" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['promotion:' || p0."uid"::text] WHERE p0.id = NEW."request_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.audit_event_of_governance_webhooksecret()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."webhook_id" = NEW."webhook_id") AND EXISTS (SELECT FROM public."governance_webhook" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['webhook:' || p0."uid"::text] WHERE p0.id = NEW."webhook_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_addition_names_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    about bigint := NEW.id;
BEGIN
    IF EXISTS (
        SELECT FROM (
    SELECT o.stage_id, ''::varchar AS alias, o.promotion, o.before_governance FROM public.registry_stageoccupancy o
      JOIN public.registry_stage s ON s.id = o.stage_id AND s.protected
     WHERE o.version_id = about AND o.closed_at IS NULL
    UNION ALL
    SELECT NULL, a.name, a.promotion, a.before_governance FROM public.registry_aliasassignment a
      JOIN public.registry_protectedalias p ON p.name = a.name
     WHERE a.version_id = about AND a.closed_at IS NULL) held
         WHERE held.promotion IS NOT NULL AND NOT EXISTS (
            SELECT FROM public.audit_event e
             WHERE e.touched @> ARRAY['promotion:' || held.promotion::text, 'version:' || NEW.uid::text]
               AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp())
    ) THEN
        RAISE EXCEPTION 'the inputs of version % change without an event that names its promotion', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.evidence.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_alias_in_its_stage()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    request public.governance_promotionrequest;
BEGIN
    IF NEW.before_governance OR NOT EXISTS (
        SELECT FROM public.registry_stage s
         WHERE s.protected
           AND ((lower(NEW.name) IN (lower(s.slug), lower(s.name)))
             OR (s.id = (SELECT stage_id FROM public.registry_protectedalias WHERE name = NEW.name)
                 AND NOT EXISTS (SELECT FROM public.registry_stageoccupancy o
                                  WHERE o.version_id = NEW.version_id AND o.stage_id = s.id
                                    AND o.opened_at <= NEW.opened_at
                                    AND (o.closed_at IS NULL OR o.closed_at >= NEW.opened_at))))
    ) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND version_id = NEW.version_id AND target_alias = NEW.name AND state = 'promoted';
    IF NOT FOUND OR NOT EXISTS (SELECT FROM public.governance_requestpolicy
                                 WHERE request_id = request.id AND basis = 'represented_stage') THEN
        RAISE EXCEPTION 'the alias % represents a stage: it is received there, or under the policy for entering it',
            NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate sets the alias.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_alias_needs_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT 1 FROM public.registry_protectedalias WHERE name = NEW.name) AND NOT EXISTS (
        SELECT 1 FROM public.governance_promotionrequest AS request
        WHERE request.uid = NEW.promotion AND request.version_id = NEW.version_id
            AND request.target_alias = NEW.name AND request.state = 'promoted'
    ) THEN
        RAISE EXCEPTION 'a protected alias is set by a promoted request only'
            USING ERRCODE = '23514', CONSTRAINT = 'alias_needs_promotion',
            HINT = 'Ask with governance.promotions.request; the gate sets the alias.';
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION public.governance_attached_under_review()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    about bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
BEGIN
    IF EXISTS (
        SELECT FROM (
    SELECT o.stage_id, ''::varchar AS alias, o.promotion, o.before_governance FROM public.registry_stageoccupancy o
      JOIN public.registry_stage s ON s.id = o.stage_id AND s.protected
     WHERE o.version_id = about AND o.closed_at IS NULL
    UNION ALL
    SELECT NULL, a.name, a.promotion, a.before_governance FROM public.registry_aliasassignment a
      JOIN public.registry_protectedalias p ON p.name = a.name
     WHERE a.version_id = about AND a.closed_at IS NULL) held
         WHERE held.before_governance AND NOT EXISTS (
            SELECT FROM public.governance_promotionrequest r
             WHERE r.version_id = about AND r.state IN ('open', 'blocked', 'ready')
               AND r.target_stage_id IS NOT DISTINCT FROM held.stage_id AND r.target_alias = held.alias)
    ) THEN
        RAISE EXCEPTION 'a version in a protected place takes nothing that no promotion request covers'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.evidence.attach_file.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_deleted_unrequested()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM public.governance_promotionrequest r
         WHERE r.policy_revision_id IS NOT NULL
           AND CASE WHEN TG_TABLE_NAME = 'registry_modelversion' THEN NEW.id IN (r.version_id, r.champion_id)
                    ELSE r.model_id = NEW.id END) THEN
        RAISE EXCEPTION '% of % refused: a promotion was requested under a policy', TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_digest_of_content()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    content bytea := CASE WHEN TG_ARGV[1] = 'text' THEN convert_to(to_jsonb(NEW) ->> 'text', 'UTF8')
                          ELSE (to_jsonb(NEW) ->> TG_ARGV[1])::bytea END;
BEGIN
    IF to_jsonb(NEW) ->> TG_ARGV[0] IS DISTINCT FROM encode(sha256(content), 'hex') THEN
        RAISE EXCEPTION '% of % refused: % is not the SHA-256 of %', TG_OP, TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[1]
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use the product''s services.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_leaving_names_its_source()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    left_stage public.registry_stage;
    entered public.registry_stage;
    request public.governance_promotionrequest;
BEGIN
    SELECT s.* INTO left_stage FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
     WHERE o.version_id = NEW.version_id AND o.closed_event = NEW.opened_event AND o.id <> NEW.id
     ORDER BY o.id DESC LIMIT 1;
    IF NOT FOUND OR left_stage.id = NEW.stage_id
       OR NOT (left_stage.protected OR left_stage.protected_exit) OR NEW.before_governance THEN
        RETURN NULL;
    END IF;
    SELECT * INTO entered FROM public.registry_stage WHERE id = NEW.stage_id;
    SELECT * INTO request FROM public.governance_promotionrequest WHERE uid = NEW.promotion;
    -- What another version displaces leaves by that version's request; from one protected stage to another the policy
    -- for entering is enough where the exit is not protected.
    IF request.version_id <> NEW.version_id OR (entered.protected AND NOT left_stage.protected_exit) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.governance_requestpolicy b
          JOIN public.governance_policyrevision r ON r.id = b.policy_revision_id
          CROSS JOIN LATERAL (SELECT r.document -> 'applies_to' AS said) d
         WHERE b.request_id = request.id AND b.basis = 'leaving'
           AND CASE WHEN jsonb_array_length(coalesce(said -> 'from', '[]')) > 0 THEN
                   said -> 'from' ? left_stage.slug
                   AND (jsonb_array_length(coalesce(said -> 'stages', '[]')) = 0 OR said -> 'stages' ? entered.slug)
               ELSE said -> 'stages' ? entered.slug AND NOT entered.protected END
    ) THEN
        RAISE EXCEPTION 'the policy for leaving another stage does not let a version leave %', left_stage.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_leaving_needs_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    left_stage public.registry_stage;
    request public.governance_promotionrequest;
BEGIN
    SELECT s.* INTO left_stage FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
     WHERE o.version_id = NEW.version_id AND o.closed_event = NEW.opened_event AND o.id <> NEW.id
     ORDER BY o.id DESC LIMIT 1;
    -- An approval that is renewed where the version is opens another occupancy of the same stage.
    IF NOT FOUND OR left_stage.id = NEW.stage_id
       OR NOT (left_stage.protected OR left_stage.protected_exit) OR NEW.before_governance THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND model_id = NEW.model_id AND state = 'promoted' AND policy_revision_id IS NOT NULL;
    IF NOT FOUND OR NOT (CASE
        WHEN request.version_id <> NEW.version_id THEN request.target_stage_id = left_stage.id
        WHEN request.target_stage_id <> NEW.stage_id THEN false
        ELSE NOT (left_stage.protected_exit
                  OR NOT (SELECT protected FROM public.registry_stage WHERE id = NEW.stage_id))
             OR EXISTS (SELECT FROM public.governance_requestpolicy
                         WHERE request_id = request.id AND basis = 'leaving')
    END) THEN
        RAISE EXCEPTION 'a protected stage is left by a promoted request under a policy for leaving it only'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_member_by_two()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    called text := (SELECT slug FROM public.registry_reviewergroup WHERE group_ptr_id = NEW.group_id);
BEGIN
    IF NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) OR NOT (
        EXISTS (SELECT FROM public.registry_grant g
                 WHERE g.group_id = NEW.group_id AND g.model_id IS NULL AND g.role IN ('officer', 'administrator')
                   AND g.closed_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > NEW.opened_at))
        OR EXISTS (SELECT FROM public.governance_policy f
                     JOIN public.governance_policyrevision r ON r.id = f.in_force_id
                    WHERE r.document -> 'approvals' @> jsonb_build_array(jsonb_build_object('group', called)))
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
$function$;

CREATE FUNCTION public.governance_place_says_how()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    request public.governance_promotionrequest;
BEGIN
    SELECT * INTO request FROM public.governance_promotionrequest WHERE uid = NEW.promotion;
    IF NEW.before_governance IS DISTINCT FROM coalesce(request.before_governance, false)
       OR (NEW.before_governance AND NOT (
            request.version_id = NEW.version_id
            AND (to_jsonb(NEW) ->> 'stage_id')::bigint IS NOT DISTINCT FROM request.target_stage_id
            AND coalesce(to_jsonb(NEW) ->> 'name', '') = request.target_alias)) THEN
        RAISE EXCEPTION 'a row of % does not say how the version came there', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_policy_by_two()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.in_force_id IS NULL
       OR (TG_OP = 'UPDATE' AND NEW.in_force_id IS NOT DISTINCT FROM OLD.in_force_id)
       OR NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.governance_policyrevision r
          JOIN public.registry_changeproposal p ON p.id = r.proposal_id
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE r.id = NEW.in_force_id AND r.policy_id = NEW.id
           AND p.kind = 'policy.publication' AND p.outcome = 'confirmed' AND p.subject_id = NEW.slug
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'policy % comes into force with a confirmed proposal only', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.policies.propose.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_policy_of_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    request public.governance_promotionrequest;
    revision public.governance_policyrevision;
    said jsonb;
    target text;
    confirmed_at timestamptz := (SELECT max(setup_confirmed_at) FROM public.registry_instance);
    broken text;
BEGIN
    IF TG_TABLE_NAME = 'governance_requestpolicy' THEN
        SELECT * INTO request FROM public.governance_promotionrequest WHERE id = NEW.request_id;
    ELSE
        request := NEW;
    END IF;
    SELECT slug INTO target FROM public.registry_stage WHERE id = request.target_stage_id;
    IF NEW.policy_revision_id IS NULL THEN
        IF NOT request.before_governance
           AND (EXISTS (SELECT FROM public.registry_stage WHERE id = request.target_stage_id AND protected)
                OR EXISTS (SELECT FROM public.registry_protectedalias WHERE name = request.target_alias)) THEN
            broken := 'a request for a protected place is made under a policy';
        END IF;
    ELSE
        SELECT * INTO revision FROM public.governance_policyrevision WHERE id = NEW.policy_revision_id;
        said := revision.document -> 'applies_to';
        IF NOT EXISTS (SELECT FROM public.governance_policy WHERE in_force_id = revision.id)
           AND NOT EXISTS (
               SELECT FROM public.registry_changeproposal p JOIN public.governance_policy f ON f.id = revision.policy_id
                WHERE p.id = revision.proposal_id AND p.kind = 'policy.publication' AND p.outcome = 'confirmed'
                  AND p.subject_id = f.slug AND p.payload ->> 'source' = revision.source)
           AND NOT (revision.proposal_id IS NULL
                    AND (confirmed_at IS NULL OR revision.published_at <= confirmed_at)) THEN
            broken := 'its policy revision was never in force';
        ELSIF NOT coalesce(CASE
            WHEN request.target_alias <> '' THEN
                said -> 'aliases' ? request.target_alias
                OR (jsonb_array_length(coalesce(said -> 'from', '[]')) = 0 AND EXISTS (
                    SELECT FROM public.registry_stage s
                     WHERE said -> 'stages' ? s.slug
                       AND (lower(request.target_alias) IN (lower(s.slug), lower(s.name))
                            OR s.id = (SELECT stage_id FROM public.registry_protectedalias
                                        WHERE name = request.target_alias))))
            WHEN jsonb_array_length(coalesce(said -> 'from', '[]')) > 0 THEN
                EXISTS (SELECT FROM public.registry_stage s
                         WHERE said -> 'from' ? s.slug
                           AND s.id IN (request.source_stage_id, (SELECT stage_id FROM public.registry_modelversion
                                                                   WHERE id = request.version_id)))
                AND (jsonb_array_length(coalesce(said -> 'stages', '[]')) = 0 OR said -> 'stages' ? target)
            ELSE said -> 'stages' ? target END, false) THEN
            broken := 'its policy revision does not apply to what is asked for';
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'promotion % refused: %', request.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.request.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_promoted_by_decisions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    needed bigint;
    standing bigint;
BEGIN
    IF NEW.state <> 'promoted' OR NEW.before_governance OR (TG_OP = 'UPDATE' AND OLD.state = 'promoted') THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(sum(rule.count), 0) INTO needed FROM (
        SELECT max(coalesce((asked ->> 'count')::bigint, 1)) AS count
          FROM public.governance_policyrevision r, jsonb_array_elements(r.document -> 'approvals') AS asked
         WHERE r.id = NEW.policy_revision_id
            OR r.id IN (SELECT policy_revision_id FROM public.governance_requestpolicy WHERE request_id = NEW.id)
         GROUP BY asked ->> 'group') AS rule;
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
$function$;

CREATE FUNCTION public.governance_promoted_by_right()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    broken text;
BEGIN
    IF NEW.before_governance THEN
        IF NOT EXISTS (
            SELECT FROM public.registry_importrecord r
             LEFT JOIN public.registry_stage s ON s.id = NEW.target_stage_id
             WHERE r.version_id = NEW.version_id
               AND CASE WHEN s.id IS NULL THEN NEW.target_alias = ANY (r.aliases)
                        ELSE lower(r.stage) = lower(s.name) END
        ) THEN
            broken := 'no import record says that the version was there before it came here';
        ELSIF EXISTS (SELECT FROM public.governance_decision WHERE request_id = NEW.id)
           OR EXISTS (SELECT FROM public.governance_checkrun WHERE request_id = NEW.id) THEN
            broken := 'what was promoted before governance has neither checks nor decisions';
        END IF;
    ELSIF NEW.state = 'promoted' AND NEW.policy_revision_id IS NULL AND (
        EXISTS (SELECT FROM public.registry_stage WHERE id = NEW.target_stage_id AND protected)
        OR EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.target_alias)
    ) THEN
        broken := 'a protected stage or alias is reached under a policy';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'promotion % refused: %', NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_promotion_of_its_place()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    request public.governance_promotionrequest;
    placed jsonb := to_jsonb(NEW);
    broken text;
BEGIN
    IF NEW.promotion IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND model_id = NEW.model_id AND state = 'promoted';
    IF NOT FOUND THEN
        broken := 'it names no promoted request of its model';
    ELSIF NOT coalesce(CASE
        WHEN TG_TABLE_NAME = 'registry_aliasassignment' THEN
            request.version_id = NEW.version_id AND request.target_alias = placed ->> 'name'
        WHEN request.version_id = NEW.version_id THEN request.target_stage_id = (placed ->> 'stage_id')::bigint
        ELSE EXISTS (SELECT FROM public.registry_stage s
                      WHERE s.id = request.target_stage_id AND s.displaced_to_id = (placed ->> 'stage_id')::bigint)
        END, false) THEN
        broken := 'its promotion was asked for another place';
    ELSIF EXISTS (SELECT FROM public.registry_stageoccupancy o
                   WHERE o.model_id = NEW.model_id AND o.promotion = NEW.promotion
                     AND o.opened_event <> NEW.opened_event)
       OR EXISTS (SELECT FROM public.registry_aliasassignment a
                   WHERE a.model_id = NEW.model_id AND a.promotion = NEW.promotion
                     AND a.opened_event <> NEW.opened_event) THEN
        broken := 'its promotion was carried out before';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a row of % is refused: %', TG_TABLE_NAME, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_protected_before_filled()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    mine CONSTANT integer := age(pg_current_xact_id()::xid);
    filled boolean;
BEGIN
    IF TG_TABLE_NAME = 'registry_stage' THEN
        filled := EXISTS (SELECT FROM public.registry_stageoccupancy o
                           WHERE o.stage_id = NEW.id AND age(o.xmin) <= mine)
            OR EXISTS (SELECT FROM public.governance_promotionrequest r
                        WHERE r.target_stage_id = NEW.id AND r.state = 'promoted' AND age(r.xmin) <= mine);
    ELSE
        filled := EXISTS (SELECT FROM public.registry_aliasassignment a
                           WHERE a.name = NEW.name AND age(a.xmin) <= mine)
            OR EXISTS (SELECT FROM public.governance_promotionrequest r
                        WHERE r.target_alias = NEW.name AND r.state = 'promoted' AND age(r.xmin) <= mine);
    END IF;
    IF filled THEN
        RAISE EXCEPTION '% of % refused: a place is not protected by the transaction that changes what is in it',
            TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Commit the move first.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_require_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF (SELECT protected FROM public.registry_stage WHERE id = NEW.stage_id) AND NOT EXISTS (
        SELECT 1 FROM public.governance_promotionrequest AS request
        WHERE request.uid = NEW.promotion AND request.version_id = NEW.version_id AND request.state = 'promoted'
    ) THEN
        RAISE EXCEPTION 'a protected stage is entered by a promoted request only'
            USING ERRCODE = '23514', CONSTRAINT = 'occupancy_needs_promotion',
            HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END $function$;

CREATE FUNCTION public.governance_revision_was_proposed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p JOIN public.governance_policy f ON f.id = NEW.policy_id
         WHERE p.id = NEW.proposal_id AND p.kind = 'policy.publication' AND p.subject_id = f.slug
           AND p.payload ->> 'source' = NEW.source) THEN
        RAISE EXCEPTION 'a policy revision is made from a proposal that contains its source'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.policies.propose.';
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.governance_role_by_two()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.model_id IS NOT NULL OR NEW.role NOT IN ('officer', 'administrator')
       OR NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.outcome = 'confirmed' AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()

           AND p.kind = 'organisation.role' AND p.payload ->> 'role' = NEW.role
           AND p.payload ->> 'uid' = coalesce(
               (SELECT u.uid FROM public.registry_user u WHERE u.id = NEW.user_id),
               (SELECT g.uid::text FROM public.registry_reviewergroup g WHERE g.group_ptr_id = NEW.group_id))) THEN
        RAISE EXCEPTION 'the role % is given with a confirmed proposal only', NEW.role
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.governing.give_role.';
    END IF;
    RETURN NULL;
END
$function$;

-- governance_checkrun
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_checkrun
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_checkrun
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Every attempt is kept; the latest counts.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_checkrun DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('["status", "claim", "claimed_at", "heartbeat_at", "run_after"]', 'check_run', 'uid', '');
CREATE TRIGGER audit_fixed_uid_request_id_version_id_check_slug_check_9eb3031b
    AFTER UPDATE ON public.governance_checkrun
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'request_id', 'version_id', 'check_slug', 'check_version', 'mode', 'params', 'inputs_digest', 'attempt', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_checkrun
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_outcome_is_final
    BEFORE UPDATE ON public.governance_checkrun
    FOR EACH ROW WHEN (((old.status)::text = 'completed'::text)) EXECUTE FUNCTION public.audit_refuse('a completed check run is final', 'Queue another attempt; the latest counts.');
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_fixed_uid_request_id_version_id_check_slug_check_9eb3031b;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER governance_outcome_is_final;
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_fixed_uid_request_id_version_id_check_slug_check_9eb3031b');
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_checkrun'::regclass, 'governance_outcome_is_final');

-- governance_decision
CREATE TRIGGER audit_close_lapsed_at_lapsed_event
    AFTER UPDATE ON public.governance_decision
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('close', 'lapsed_at', 'lapsed_event');
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_decision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_decision
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A decision lapses; it is never taken away.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_decision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'decision', 'uid', '', 'promotion', 'uid', 'SELECT p0."uid"::text FROM public."governance_promotionrequest" AS p0 WHERE p0.id = ($1 ->> ''request_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_decision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.governance_decision ENABLE ALWAYS TRIGGER audit_close_lapsed_at_lapsed_event;
ALTER TABLE public.governance_decision ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_decision ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_decision ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_decision ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.governance_decision'::regclass, 'audit_close_lapsed_at_lapsed_event');
SELECT fence.seal('public.governance_decision'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_decision'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_decision'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_decision'::regclass, 'audit_truncate_refused');

-- governance_frozendocument
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_frozendocument
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_frozendocument
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A document belongs to the promotion it was frozen for.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_frozendocument DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'frozen_document', 'uid', '');
CREATE TRIGGER audit_fixed_uid_version_id_request_id_template_digest__fd7bfb32
    AFTER UPDATE ON public.governance_frozendocument
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'request_id', 'template', 'digest', 'body', 'missing', 'event', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_frozendocument
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_digest_of_content
    AFTER INSERT OR UPDATE ON public.governance_frozendocument
    FOR EACH ROW EXECUTE FUNCTION public.governance_digest_of_content('digest', 'body');
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_request_id_template_digest__fd7bfb32;
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_frozendocument ENABLE ALWAYS TRIGGER governance_digest_of_content;
SELECT fence.seal('public.governance_frozendocument'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_frozendocument'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_frozendocument'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_frozendocument'::regclass, 'audit_fixed_uid_version_id_request_id_template_digest__fd7bfb32');
SELECT fence.seal('public.governance_frozendocument'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_frozendocument'::regclass, 'governance_digest_of_content');

-- governance_packet
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_packet
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_packet
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'What an approver was shown is kept for good.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_packet DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_packet('[]', 'promotion', 'uid', 'SELECT p0."uid"::text FROM public."governance_promotionrequest" AS p0 WHERE p0.id = ($1 ->> ''request_id'')::bigint');
CREATE TRIGGER audit_fixed_request_id_digest_body_created_at
    AFTER UPDATE ON public.governance_packet
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'request_id', 'digest', 'body', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_packet
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_digest_of_content
    AFTER INSERT OR UPDATE ON public.governance_packet
    FOR EACH ROW EXECUTE FUNCTION public.governance_digest_of_content('digest', 'body');
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER audit_fixed_request_id_digest_body_created_at;
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_packet ENABLE ALWAYS TRIGGER governance_digest_of_content;
SELECT fence.seal('public.governance_packet'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_packet'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_packet'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_packet'::regclass, 'audit_fixed_request_id_digest_body_created_at');
SELECT fence.seal('public.governance_packet'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_packet'::regclass, 'governance_digest_of_content');

-- governance_policy
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_policy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_policy
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Publish a revision instead; what a policy said stays.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_policy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'policy', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_policy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE CONSTRAINT TRIGGER governance_policy_by_two
    AFTER INSERT OR UPDATE ON public.governance_policy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_policy_by_two();
CREATE TRIGGER governance_policy_stays_in_force
    BEFORE UPDATE ON public.governance_policy
    FOR EACH ROW WHEN (((old.in_force_id IS NOT NULL) AND (new.in_force_id IS NULL))) EXECUTE FUNCTION public.audit_refuse('a policy in force is replaced by its next revision', 'Propose a revision.');
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER governance_policy_by_two;
ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER governance_policy_stays_in_force;
SELECT fence.seal('public.governance_policy'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_policy'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_policy'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_policy'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_policy'::regclass, 'governance_policy_by_two');
SELECT fence.seal('public.governance_policy'::regclass, 'governance_policy_stays_in_force');

-- governance_policyrevision
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_policyrevision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_policyrevision
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Publish the next revision instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_policyrevision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'policy_revision', 'uid', '');
CREATE TRIGGER audit_fixed_confirmed_by_proposal_id
    AFTER UPDATE ON public.governance_policyrevision
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'confirmed_by', 'proposal_id');
CREATE TRIGGER audit_fixed_uid_policy_id_number_source_document_diges_ea6231ae
    AFTER UPDATE ON public.governance_policyrevision
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'policy_id', 'number', 'source', 'document', 'digest', 'published_at', 'published_by');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_policyrevision
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_revision_was_proposed
    AFTER INSERT ON public.governance_policyrevision
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_revision_was_proposed();
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_fixed_confirmed_by_proposal_id;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_fixed_uid_policy_id_number_source_document_diges_ea6231ae;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_policyrevision ENABLE ALWAYS TRIGGER governance_revision_was_proposed;
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_fixed_confirmed_by_proposal_id');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_fixed_uid_policy_id_number_source_document_diges_ea6231ae');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_policyrevision'::regclass, 'governance_revision_was_proposed');

-- governance_promotionrequest
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_promotionrequest
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Withdraw the request instead.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_promotionrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'promotion', 'uid', '');
CREATE TRIGGER audit_fixed_before_governance
    AFTER UPDATE ON public.governance_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'before_governance');
CREATE TRIGGER audit_fixed_reapproves_id
    AFTER UPDATE ON public.governance_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'reapproves_id');
CREATE TRIGGER audit_fixed_uid_model_id_version_id_source_stage_id_ta_daa910c3
    AFTER UPDATE ON public.governance_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'version_id', 'source_stage_id', 'target_stage_id', 'target_alias', 'champion_id', 'reason', 'policy_revision_id', 'requested_by_id', 'requested_with_id', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_promotionrequest
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_closed_keeps_fingerprint
    BEFORE UPDATE ON public.governance_promotionrequest
    FOR EACH ROW WHEN ((((old.fingerprint)::text <> (new.fingerprint)::text) AND ((old.state)::text <> ALL ((ARRAY['open'::character varying, 'blocked'::character varying, 'ready'::character varying])::text[])))) EXECUTE FUNCTION public.audit_refuse('what a closed request was about stays', 'Open a new request for what the version has now.');
CREATE TRIGGER governance_closed_stays
    BEFORE UPDATE ON public.governance_promotionrequest
    FOR EACH ROW WHEN (((old.before_governance <> new.before_governance) OR (((old.state)::text <> ALL ((ARRAY['open'::character varying, 'blocked'::character varying, 'ready'::character varying])::text[])) AND (((((old.state)::text IS DISTINCT FROM (new.state)::text) OR (old.closed_at IS DISTINCT FROM new.closed_at)) OR ((old.packet_digest)::text IS DISTINCT FROM (new.packet_digest)::text)) OR (old.expires_at IS DISTINCT FROM new.expires_at))))) EXECUTE FUNCTION public.audit_refuse('a closed request stays as it was closed', 'Open a new request.');
CREATE TRIGGER governance_policy_of_request
    AFTER INSERT ON public.governance_promotionrequest
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_policy_of_request();
CREATE CONSTRAINT TRIGGER governance_promoted_by_decisions
    AFTER INSERT OR UPDATE OF state ON public.governance_promotionrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_promoted_by_decisions();
CREATE CONSTRAINT TRIGGER governance_promoted_by_right
    AFTER INSERT OR UPDATE OF state ON public.governance_promotionrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_promoted_by_right();
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_fixed_before_governance;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_fixed_reapproves_id;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_version_id_source_stage_id_ta_daa910c3;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER governance_closed_keeps_fingerprint;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER governance_closed_stays;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER governance_policy_of_request;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER governance_promoted_by_decisions;
ALTER TABLE public.governance_promotionrequest ENABLE ALWAYS TRIGGER governance_promoted_by_right;
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_fixed_before_governance');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_fixed_reapproves_id');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_fixed_uid_model_id_version_id_source_stage_id_ta_daa910c3');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'governance_closed_keeps_fingerprint');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'governance_closed_stays');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'governance_policy_of_request');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'governance_promoted_by_decisions');
SELECT fence.seal('public.governance_promotionrequest'::regclass, 'governance_promoted_by_right');

-- governance_requestpolicy
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_requestpolicy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_requestpolicy
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A request keeps every policy that governs it.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_requestpolicy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_requestpolicy('[]', 'promotion', 'uid', 'SELECT p0."uid"::text FROM public."governance_promotionrequest" AS p0 WHERE p0.id = ($1 ->> ''request_id'')::bigint');
CREATE TRIGGER audit_fixed_request_id_policy_revision_id_basis_added_at_event
    AFTER UPDATE ON public.governance_requestpolicy
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'request_id', 'policy_revision_id', 'basis', 'added_at', 'event');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_requestpolicy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER governance_policy_of_request
    AFTER INSERT ON public.governance_requestpolicy
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_policy_of_request();
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER audit_fixed_request_id_policy_revision_id_basis_added_at_event;
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_requestpolicy ENABLE ALWAYS TRIGGER governance_policy_of_request;
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'audit_fixed_request_id_policy_revision_id_basis_added_at_event');
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_requestpolicy'::regclass, 'governance_policy_of_request');

-- governance_sourcecopy
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_sourcecopy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_sourcecopy
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'What was copied, and what could not be, stays on record.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_sourcecopy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('["claim", "heartbeat_at", "run_after", "attempts"]', 'copy', 'uid', '');
CREATE TRIGGER audit_fixed_uid_version_id_created_at
    AFTER UPDATE ON public.governance_sourcecopy
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_sourcecopy
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.governance_sourcecopy ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_sourcecopy ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_sourcecopy ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_sourcecopy ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_created_at;
ALTER TABLE public.governance_sourcecopy ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.governance_sourcecopy'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_sourcecopy'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_sourcecopy'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_sourcecopy'::regclass, 'audit_fixed_uid_version_id_created_at');
SELECT fence.seal('public.governance_sourcecopy'::regclass, 'audit_truncate_refused');

-- governance_webhook
CREATE TRIGGER audit_delete_all_refused
    BEFORE TRUNCATE ON public.governance_webhook
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_webhook
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Delete it through the service: its row stays, without its secret.');
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_webhook DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'webhook', 'uid', '');
CREATE TRIGGER audit_fixed_uid_created_by_id_created_at
    AFTER UPDATE ON public.governance_webhook
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'created_by_id', 'created_at');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_webhook
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.governance_webhook ENABLE ALWAYS TRIGGER audit_delete_all_refused;
ALTER TABLE public.governance_webhook ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_webhook ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_webhook ENABLE ALWAYS TRIGGER audit_fixed_uid_created_by_id_created_at;
ALTER TABLE public.governance_webhook ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.governance_webhook'::regclass, 'audit_delete_all_refused');
SELECT fence.seal('public.governance_webhook'::regclass, 'audit_delete_refused');
SELECT fence.seal('public.governance_webhook'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_webhook'::regclass, 'audit_fixed_uid_created_by_id_created_at');
SELECT fence.seal('public.governance_webhook'::regclass, 'audit_truncate_refused');

-- governance_webhooksecret
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR DELETE OR UPDATE ON public.governance_webhooksecret DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_webhooksecret('[]', 'webhook', 'uid', 'SELECT p0."uid"::text FROM public."governance_webhook" AS p0 WHERE p0.id = ($1 ->> ''webhook_id'')::bigint');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_webhooksecret
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.governance_webhooksecret ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_webhooksecret ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.governance_webhooksecret'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_webhooksecret'::regclass, 'audit_truncate_refused');

-- registry_aliasassignment
CREATE CONSTRAINT TRIGGER governance_alias_in_its_stage
    AFTER INSERT ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_alias_in_its_stage();
CREATE CONSTRAINT TRIGGER governance_alias_needs_promotion
    AFTER INSERT ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_alias_needs_promotion();
CREATE CONSTRAINT TRIGGER governance_place_says_how
    AFTER INSERT ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_place_says_how();
CREATE CONSTRAINT TRIGGER governance_promotion_of_its_place
    AFTER INSERT ON public.registry_aliasassignment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_promotion_of_its_place();
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER governance_alias_in_its_stage;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER governance_alias_needs_promotion;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER governance_place_says_how;
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER governance_promotion_of_its_place;
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'governance_alias_in_its_stage');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'governance_alias_needs_promotion');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'governance_place_says_how');
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'governance_promotion_of_its_place');

-- registry_artifact
CREATE CONSTRAINT TRIGGER governance_attached_under_review
    AFTER INSERT ON public.registry_artifact DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_attached_under_review('version_id');
ALTER TABLE public.registry_artifact ENABLE ALWAYS TRIGGER governance_attached_under_review;
SELECT fence.seal('public.registry_artifact'::regclass, 'governance_attached_under_review');

-- registry_datasetreference
CREATE CONSTRAINT TRIGGER governance_attached_under_review
    AFTER INSERT ON public.registry_datasetreference DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_attached_under_review('version_id');
ALTER TABLE public.registry_datasetreference ENABLE ALWAYS TRIGGER governance_attached_under_review;
SELECT fence.seal('public.registry_datasetreference'::regclass, 'governance_attached_under_review');

-- registry_grant
CREATE CONSTRAINT TRIGGER governance_role_by_two
    AFTER INSERT ON public.registry_grant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_role_by_two();
ALTER TABLE public.registry_grant ENABLE ALWAYS TRIGGER governance_role_by_two;
SELECT fence.seal('public.registry_grant'::regclass, 'governance_role_by_two');

-- registry_membership
CREATE CONSTRAINT TRIGGER governance_member_by_two
    AFTER INSERT ON public.registry_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_member_by_two();
ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER governance_member_by_two;
SELECT fence.seal('public.registry_membership'::regclass, 'governance_member_by_two');

-- registry_modelcard
CREATE TRIGGER governance_digest_of_content
    AFTER INSERT OR UPDATE ON public.registry_modelcard
    FOR EACH ROW EXECUTE FUNCTION public.governance_digest_of_content('sha256', 'text');
ALTER TABLE public.registry_modelcard ENABLE ALWAYS TRIGGER governance_digest_of_content;
SELECT fence.seal('public.registry_modelcard'::regclass, 'governance_digest_of_content');

-- registry_modelversion
CREATE CONSTRAINT TRIGGER governance_addition_names_promotion
    AFTER UPDATE ON public.registry_modelversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((((old.fingerprint)::text <> (new.fingerprint)::text) AND ((old.status)::text = 'registered'::text))) EXECUTE FUNCTION public.governance_addition_names_promotion();
CREATE TRIGGER governance_deleted_unrequested
    AFTER UPDATE ON public.registry_modelversion
    FOR EACH ROW WHEN ((old.deleted_at IS DISTINCT FROM new.deleted_at)) EXECUTE FUNCTION public.governance_deleted_unrequested();
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER governance_addition_names_promotion;
ALTER TABLE public.registry_modelversion ENABLE ALWAYS TRIGGER governance_deleted_unrequested;
SELECT fence.seal('public.registry_modelversion'::regclass, 'governance_addition_names_promotion');
SELECT fence.seal('public.registry_modelversion'::regclass, 'governance_deleted_unrequested');

-- registry_modelversion_parents
CREATE CONSTRAINT TRIGGER governance_attached_under_review
    AFTER INSERT ON public.registry_modelversion_parents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_attached_under_review('from_modelversion_id');
ALTER TABLE public.registry_modelversion_parents ENABLE ALWAYS TRIGGER governance_attached_under_review;
SELECT fence.seal('public.registry_modelversion_parents'::regclass, 'governance_attached_under_review');

-- registry_protectedalias
CREATE TRIGGER governance_protected_before_filled
    AFTER INSERT OR UPDATE ON public.registry_protectedalias
    FOR EACH ROW WHEN (true) EXECUTE FUNCTION public.governance_protected_before_filled();
ALTER TABLE public.registry_protectedalias ENABLE ALWAYS TRIGGER governance_protected_before_filled;
SELECT fence.seal('public.registry_protectedalias'::regclass, 'governance_protected_before_filled');

-- registry_registeredmodel
CREATE TRIGGER governance_deleted_unrequested
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW WHEN ((old.deleted_at IS DISTINCT FROM new.deleted_at)) EXECUTE FUNCTION public.governance_deleted_unrequested();
CREATE TRIGGER governance_renamed_unrequested
    AFTER UPDATE ON public.registry_registeredmodel
    FOR EACH ROW WHEN (((old.renamed)::text IS DISTINCT FROM (new.renamed)::text)) EXECUTE FUNCTION public.governance_deleted_unrequested();
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER governance_deleted_unrequested;
ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER governance_renamed_unrequested;
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'governance_deleted_unrequested');
SELECT fence.seal('public.registry_registeredmodel'::regclass, 'governance_renamed_unrequested');

-- registry_stage
CREATE TRIGGER governance_protected_before_filled
    AFTER UPDATE ON public.registry_stage
    FOR EACH ROW WHEN (((new.protected AND (NOT old.protected)) OR (new.protected_exit AND (NOT old.protected_exit)))) EXECUTE FUNCTION public.governance_protected_before_filled();
ALTER TABLE public.registry_stage ENABLE ALWAYS TRIGGER governance_protected_before_filled;
SELECT fence.seal('public.registry_stage'::regclass, 'governance_protected_before_filled');

-- registry_stageoccupancy
CREATE CONSTRAINT TRIGGER governance_leaving_names_its_source
    AFTER INSERT ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_leaving_names_its_source();
CREATE CONSTRAINT TRIGGER governance_leaving_needs_promotion
    AFTER INSERT ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_leaving_needs_promotion();
CREATE CONSTRAINT TRIGGER governance_occupancy_needs_promotion
    AFTER INSERT ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_require_promotion();
CREATE CONSTRAINT TRIGGER governance_place_says_how
    AFTER INSERT ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_place_says_how();
CREATE CONSTRAINT TRIGGER governance_promotion_of_its_place
    AFTER INSERT ON public.registry_stageoccupancy DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.governance_promotion_of_its_place();
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_leaving_names_its_source;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_leaving_needs_promotion;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_occupancy_needs_promotion;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_place_says_how;
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_promotion_of_its_place;
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_leaving_names_its_source');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_leaving_needs_promotion');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_occupancy_needs_promotion');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_place_says_how');
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_promotion_of_its_place');

-- The functions belong to no role that can log in.
SELECT fence.take(name::regprocedure) FROM unnest(ARRAY[
    'public.audit_event_of_governance_packet()',
    'public.audit_event_of_governance_requestpolicy()',
    'public.audit_event_of_governance_webhooksecret()',
    'public.governance_addition_names_promotion()',
    'public.governance_alias_in_its_stage()',
    'public.governance_alias_needs_promotion()',
    'public.governance_attached_under_review()',
    'public.governance_deleted_unrequested()',
    'public.governance_digest_of_content()',
    'public.governance_leaving_names_its_source()',
    'public.governance_leaving_needs_promotion()',
    'public.governance_member_by_two()',
    'public.governance_place_says_how()',
    'public.governance_policy_by_two()',
    'public.governance_policy_of_request()',
    'public.governance_promoted_by_decisions()',
    'public.governance_promoted_by_right()',
    'public.governance_promotion_of_its_place()',
    'public.governance_protected_before_filled()',
    'public.governance_require_promotion()',
    'public.governance_revision_was_proposed()',
    'public.governance_role_by_two()'
]) AS name;
