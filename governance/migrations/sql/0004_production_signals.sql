-- The database guards of production signals and findings. Frozen: a later change is a later migration.

CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_signalreport" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'signal_report', 'uid', '');
ALTER TABLE public."governance_signalreport" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_signalreport"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_signalreport" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalreport" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_signalreport"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_signalreport" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close or archive the row instead.');
ALTER TABLE public."governance_signalreport" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_signalreport"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_signalreport" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalreport" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_signalreport"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_version_id_source_format_window_from_w_964bb5ab" AFTER UPDATE ON public."governance_signalreport" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'source', 'format', 'window_from', 'window_to', 'signals', 'sha256', 'unread', 'unread_total', 'reported_by_id', 'reported_at');
ALTER TABLE public."governance_signalreport" ENABLE ALWAYS TRIGGER "audit_fixed_uid_version_id_source_format_window_from_w_964bb5ab";
SELECT fence.seal('public."governance_signalreport"'::regclass, 'audit_fixed_uid_version_id_source_format_window_from_w_964bb5ab');
CREATE FUNCTION public.audit_event_of_governance_signalseries() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."version_id" = NEW."version_id") AND EXISTS (SELECT FROM public."registry_modelversion" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['version:' || p0."uid"::text] WHERE p0.id = NEW."version_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_signalseries()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_signalseries" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_signalseries('[]', 'version', 'uid', 'SELECT p0."uid"::text FROM public."registry_modelversion" AS p0 WHERE p0.id = ($1 ->> ''version_id'')::bigint');
ALTER TABLE public."governance_signalseries" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_signalseries"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_signalseries" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalseries" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_signalseries"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_signalseries" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close or archive the row instead.');
ALTER TABLE public."governance_signalseries" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_signalseries"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_signalseries" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalseries" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_signalseries"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_version_id_kind_name_slice_dataset" AFTER UPDATE ON public."governance_signalseries" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'version_id', 'kind', 'name', 'slice', 'dataset');
ALTER TABLE public."governance_signalseries" ENABLE ALWAYS TRIGGER "audit_fixed_version_id_kind_name_slice_dataset";
SELECT fence.seal('public."governance_signalseries"'::regclass, 'audit_fixed_version_id_kind_name_slice_dataset');
CREATE FUNCTION public.audit_event_of_governance_signalvalue() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."report_id" = NEW."report_id") AND EXISTS (SELECT FROM public."governance_signalreport" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['signal_report:' || p0."uid"::text] WHERE p0.id = NEW."report_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_signalvalue()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_signalvalue" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_signalvalue('[]', 'signal_report', 'uid', 'SELECT p0."uid"::text FROM public."governance_signalreport" AS p0 WHERE p0.id = ($1 ->> ''report_id'')::bigint');
ALTER TABLE public."governance_signalvalue" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_signalvalue"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_signalvalue" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalvalue" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_signalvalue"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_signalvalue" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Close or archive the row instead.');
ALTER TABLE public."governance_signalvalue" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_signalvalue"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_signalvalue" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_signalvalue" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_signalvalue"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_series_id_at_report_id_value_sample_size" AFTER UPDATE ON public."governance_signalvalue" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'series_id', 'at', 'report_id', 'value', 'sample_size');
ALTER TABLE public."governance_signalvalue" ENABLE ALWAYS TRIGGER "audit_fixed_series_id_at_report_id_value_sample_size";
SELECT fence.seal('public."governance_signalvalue"'::regclass, 'audit_fixed_series_id_at_report_id_value_sample_size');
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_monitoringfinding" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'finding', 'uid', '');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_monitoringfinding" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_monitoringfinding" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'Resolve the finding instead.');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_monitoringfinding" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_version_id_model_id_kind_signal_slice__e32d51fa" AFTER UPDATE ON public."governance_monitoringfinding" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'version_id', 'model_id', 'kind', 'signal', 'slice', 'dataset', 'direction', 'op', 'limit', 'policy_revision_id', 'stage_id', 'first_value', 'first_slice', 'first_at', 'opened_at');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_fixed_uid_version_id_model_id_kind_signal_slice__e32d51fa";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_fixed_uid_version_id_model_id_kind_signal_slice__e32d51fa');
CREATE TRIGGER "audit_once_acknowledged_at_acknowledged_by_id_resolved_91e4086d" AFTER UPDATE ON public."governance_monitoringfinding" FOR EACH ROW WHEN ((OLD."acknowledged_at" IS NOT NULL AND OLD."acknowledged_at" IS DISTINCT FROM NEW."acknowledged_at") OR (OLD."acknowledged_by_id" IS NOT NULL AND OLD."acknowledged_by_id" IS DISTINCT FROM NEW."acknowledged_by_id") OR (OLD."resolved_at" IS NOT NULL AND OLD."resolved_at" IS DISTINCT FROM NEW."resolved_at") OR (OLD."resolved_by_id" IS NOT NULL AND OLD."resolved_by_id" IS DISTINCT FROM NEW."resolved_by_id")) EXECUTE FUNCTION public.audit_keep_columns('once', 'acknowledged_at', 'acknowledged_by_id', 'resolved_at', 'resolved_by_id');
ALTER TABLE public."governance_monitoringfinding" ENABLE ALWAYS TRIGGER "audit_once_acknowledged_at_acknowledged_by_id_resolved_91e4086d";
SELECT fence.seal('public."governance_monitoringfinding"'::regclass, 'audit_once_acknowledged_at_acknowledged_by_id_resolved_91e4086d');
