"""A closed request stays as it was closed, its policies were in force, and protection is not lifted around a move."""

from django.db import migrations

FUNCTIONS = {
    # After the set-up, a revision is what a proposal of its publication contains.
    "governance_revision_was_proposed": """
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
""",
    # A request is made under, and bound to, revisions that are or were in force and that name its way; one for a
    # protected place has one. Asked at once: what protects a place may differ at the end of the transaction.
    "governance_policy_of_request": """
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
""",
    # A place is not protected (again) by the transaction that filled it: the guards of the move could have been asked
    # while it was not protected. A visible row that is no older than this transaction was written by it.
    "governance_protected_before_filled": """
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
""",
}


def function(name):
    head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    return migrations.RunSQL(
        (f"{head} AS $${FUNCTIONS[name]}$$", f"SELECT fence.take('public.{name}()'::regprocedure)"),
        reverse_sql=migrations.RunSQL.noop,
    )


def guard(table, name, when, call=None, *, condition="TRUE"):
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE TRIGGER {name} {when} ON public.{table} FOR EACH ROW WHEN ({condition}) "
                f"EXECUTE FUNCTION public.{call or name + '()'}"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


CLOSED = (
    "OLD.before_governance <> NEW.before_governance OR OLD.state NOT IN ('open', 'blocked', 'ready') AND "
    "(OLD.state, OLD.closed_at, OLD.packet_digest, OLD.expires_at) "
    "IS DISTINCT FROM (NEW.state, NEW.closed_at, NEW.packet_digest, NEW.expires_at)"
)
TIGHTENED = "NEW.protected AND NOT OLD.protected OR NEW.protected_exit AND NOT OLD.protected_exit"


class Migration(migrations.Migration):
    dependencies = [("governance", "0015_paths"), ("registry", "0023_single_officer_and_links")]

    operations = [
        guard(
            "governance_promotionrequest",
            "governance_closed_stays",
            "BEFORE UPDATE",
            "audit_refuse('a closed request stays as it was closed', 'Open a new request.')",
            condition=CLOSED,
        ),
        guard(
            "governance_policy",
            "governance_policy_stays_in_force",
            "BEFORE UPDATE",
            "audit_refuse('a policy in force is replaced by its next revision', 'Propose a revision.')",
            condition="OLD.in_force_id IS NOT NULL AND NEW.in_force_id IS NULL",
        ),
        function("governance_revision_was_proposed"),
        guard("governance_policyrevision", "governance_revision_was_proposed", "AFTER INSERT"),
        function("governance_policy_of_request"),
        guard("governance_promotionrequest", "governance_policy_of_request", "AFTER INSERT"),
        guard("governance_requestpolicy", "governance_policy_of_request", "AFTER INSERT"),
        function("governance_protected_before_filled"),
        guard("registry_stage", "governance_protected_before_filled", "AFTER UPDATE", condition=TIGHTENED),
        guard("registry_protectedalias", "governance_protected_before_filled", "AFTER INSERT OR UPDATE"),
    ]
