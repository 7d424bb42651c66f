"""Once the set-up is confirmed, who governs changes with a proposal that a second officer confirmed only."""

from django.db import migrations

CONFIRMED = """
        SELECT FROM public.registry_changeproposal p
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.outcome = 'confirmed' AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
"""

ROLE = f"""
BEGIN
    IF NEW.model_id IS NOT NULL OR NEW.role NOT IN ('officer', 'administrator')
       OR NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS ({CONFIRMED}
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
"""  # noqa: S608 - names of ours

MEMBER = f"""
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
    IF NOT EXISTS ({CONFIRMED}
           AND p.kind = 'group.membership' AND p.payload ->> 'group' = called
           AND p.payload ->> 'uid' = (SELECT u.uid FROM public.registry_user u WHERE u.id = NEW.user_id)) THEN
        RAISE EXCEPTION 'a member joins % with a confirmed proposal only', called
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.governing.add_member.';
    END IF;
    RETURN NULL;
END
"""  # noqa: S608 - names of ours


def guard(table, name, body):
    """A sealed trigger on new rows of a table, checked at commit."""
    return migrations.RunSQL(
        (
            (
                f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql "
                f"SET search_path = pg_catalog, pg_temp AS $${body}$$"
            ),
            f"SELECT fence.take('public.{name}()'::regprocedure)",
            (
                f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON public.{table} "
                f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.{name}()"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        )
    )


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0012_reapproval"),
        ("registry", "0020_sign_in_links"),
    ]

    operations = [
        guard("registry_grant", "governance_role_by_two", ROLE),
        guard("registry_membership", "governance_member_by_two", MEMBER),
    ]
