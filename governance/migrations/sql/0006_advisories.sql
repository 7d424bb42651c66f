-- The database guards of imported advisories. Frozen: a later change is a later migration.

CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_advisorymirror" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'advisory_mirror', 'uid', '');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_advisorymirror" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_advisorymirror" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close or archive the row instead.');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_advisorymirror" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_ecosystem_sha256_modified_records_pack_de9f993a" AFTER UPDATE ON public."governance_advisorymirror" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'ecosystem', 'sha256', 'modified', 'records', 'packages', 'imported_at', 'imported_by_id');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_fixed_uid_ecosystem_sha256_modified_records_pack_de9f993a";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_fixed_uid_ecosystem_sha256_modified_records_pack_de9f993a');
CREATE TRIGGER "audit_once_replaced_at" AFTER UPDATE ON public."governance_advisorymirror" FOR EACH ROW WHEN ((OLD."replaced_at" IS NOT NULL AND OLD."replaced_at" IS DISTINCT FROM NEW."replaced_at")) EXECUTE FUNCTION public.audit_keep_columns('once', 'replaced_at');
ALTER TABLE public."governance_advisorymirror" ENABLE ALWAYS TRIGGER "audit_once_replaced_at";
SELECT fence.seal('public."governance_advisorymirror"'::regclass, 'audit_once_replaced_at');
CREATE FUNCTION public.audit_event_of_governance_packageadvisories() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."mirror_id" = NEW."mirror_id") AND EXISTS (SELECT FROM public."governance_advisorymirror" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['advisory_mirror:' || p0."uid"::text] WHERE p0.id = NEW."mirror_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_packageadvisories()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_packageadvisories" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_packageadvisories('[]', 'advisory_mirror', 'uid', 'SELECT p0."uid"::text FROM public."governance_advisorymirror" AS p0 WHERE p0.id = ($1 ->> ''mirror_id'')::bigint');
ALTER TABLE public."governance_packageadvisories" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_packageadvisories"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_packageadvisories" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_packageadvisories" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_packageadvisories"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_fixed_mirror_id_package_advisories" AFTER UPDATE ON public."governance_packageadvisories" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'mirror_id', 'package', 'advisories');
ALTER TABLE public."governance_packageadvisories" ENABLE ALWAYS TRIGGER "audit_fixed_mirror_id_package_advisories";
SELECT fence.seal('public."governance_packageadvisories"'::regclass, 'audit_fixed_mirror_id_package_advisories');
