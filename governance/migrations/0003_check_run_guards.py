"""The fence of check runs: an outcome needs its event and is final; a claim and a heartbeat are no events."""

from django.db import migrations

from audit.migration_guards import immutable_columns, refuse_delete, require_event

OUTCOME_IS_FINAL = """
CREATE TRIGGER governance_outcome_is_final BEFORE UPDATE ON public.governance_checkrun FOR EACH ROW
    WHEN (OLD.status = 'completed')
    EXECUTE FUNCTION public.audit_refuse('a completed check run is final', 'Queue another attempt; the latest counts.');
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER governance_outcome_is_final;
SELECT fence.seal('public.governance_checkrun'::regclass, 'governance_outcome_is_final');
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0002_guards")]

    operations = [
        # A run that completes changes its conclusion too, so `status` alone covers no more than a claim.
        require_event(
            "governance_checkrun",
            "check_run",
            unrecorded=["status", "claim", "claimed_at", "heartbeat_at", "run_after"],
        ),
        refuse_delete("governance_checkrun", "Every attempt is kept; the latest counts."),
        immutable_columns(
            "governance_checkrun",
            "uid",
            "request_id",
            "version_id",
            "check_slug",
            "check_version",
            "mode",
            "params",
            "inputs_digest",
            "attempt",
            "created_at",
        ),
        migrations.RunSQL(OUTCOME_IS_FINAL, reverse_sql=migrations.RunSQL.noop),
    ]
