-- The database guards of emergency changes. Frozen: a later change is a later migration.

CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_emergencychange" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'emergency', 'uid', '');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_emergencychange" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_emergencychange" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close or archive the row instead.');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_emergencychange" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_request_id_incident_hours_retrospectiv_e39845da" AFTER UPDATE ON public."governance_emergencychange" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'request_id', 'incident', 'hours', 'retrospective_within_days', 'when_ended', 'signed_name', 'signed_meaning', 'signed_at');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_fixed_uid_request_id_incident_hours_retrospectiv_e39845da";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_fixed_uid_request_id_incident_hours_retrospectiv_e39845da');
CREATE TRIGGER "audit_once_began_at_ends_at_retrospective_due_finding__73f980e3" AFTER UPDATE ON public."governance_emergencychange" FOR EACH ROW WHEN ((OLD."began_at" IS NOT NULL AND OLD."began_at" IS DISTINCT FROM NEW."began_at") OR (OLD."ends_at" IS NOT NULL AND OLD."ends_at" IS DISTINCT FROM NEW."ends_at") OR (OLD."retrospective_due" IS NOT NULL AND OLD."retrospective_due" IS DISTINCT FROM NEW."retrospective_due") OR (OLD."finding_id" IS NOT NULL AND OLD."finding_id" IS DISTINCT FROM NEW."finding_id") OR (OLD."overdue_at" IS NOT NULL AND OLD."overdue_at" IS DISTINCT FROM NEW."overdue_at") OR (OLD."repaid_at" IS NOT NULL AND OLD."repaid_at" IS DISTINCT FROM NEW."repaid_at")) EXECUTE FUNCTION public.audit_keep_columns('once', 'began_at', 'ends_at', 'retrospective_due', 'finding_id', 'overdue_at', 'repaid_at');
ALTER TABLE public."governance_emergencychange" ENABLE ALWAYS TRIGGER "audit_once_began_at_ends_at_retrospective_due_finding__73f980e3";
SELECT fence.seal('public."governance_emergencychange"'::regclass, 'audit_once_began_at_ends_at_retrospective_due_finding__73f980e3');
