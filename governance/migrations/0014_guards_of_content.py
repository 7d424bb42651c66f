"""What a row holds is what it claims: digests of their bytes, and promotions with the approvals their policies ask."""

from django.db import migrations

FUNCTIONS = {
    # A request that some policy governs is promoted with as many standing approvals, of different people who did not
    # ask for it, over the packet under review, as its policies call for together: for each group the largest count.
    "governance_promoted_by_decisions": """
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
""",
    # The digest is that of the bytes. Arguments: the column of the digest, that of the bytes or text.
    "governance_digest_of_content": """
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
""",
}


def function(name):
    head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    return migrations.RunSQL(
        (f"{head} AS $${FUNCTIONS[name]}$$", f"SELECT fence.take('public.{name}()'::regprocedure)"),
        reverse_sql=migrations.RunSQL.noop,
    )


def guard(table, function, when, *arguments, deferred=False):
    kind, deferral = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED ") if deferred else ("TRIGGER", "")
    given = ", ".join(f"'{argument}'" for argument in arguments)
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE {kind} {function} {when} ON public.{table} {deferral}"
                f"FOR EACH ROW EXECUTE FUNCTION public.{function}({given})"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {function}",
            f"SELECT fence.seal('public.{table}'::regclass, '{function}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0013_governing_by_two"),
        ("registry", "0016_contributions"),
    ]

    operations = [
        function("governance_promoted_by_decisions"),
        guard(
            "governance_promotionrequest",
            "governance_promoted_by_decisions",
            "AFTER INSERT OR UPDATE OF state",
            deferred=True,
        ),
        function("governance_digest_of_content"),
        guard("governance_packet", "governance_digest_of_content", "AFTER INSERT OR UPDATE", "digest", "body"),
        guard("governance_frozendocument", "governance_digest_of_content", "AFTER INSERT OR UPDATE", "digest", "body"),
        guard("registry_modelcard", "governance_digest_of_content", "AFTER INSERT OR UPDATE", "sha256", "text"),
    ]
