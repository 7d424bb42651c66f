-- The database guards of discussions. Frozen: a later change is a later migration.

CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_discussionthread" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'thread', 'uid', '');
ALTER TABLE public."governance_discussionthread" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_discussionthread"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_discussionthread" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_discussionthread" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_discussionthread"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_discussionthread" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A thread is resolved; it is never taken away.');
ALTER TABLE public."governance_discussionthread" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_discussionthread"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_discussionthread" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_discussionthread" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_discussionthread"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_model_id_version_id_request_id_decisio_cd44308c" AFTER UPDATE ON public."governance_discussionthread" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'model_id', 'version_id', 'request_id', 'decision_id', 'opened_by_id', 'opened_at');
ALTER TABLE public."governance_discussionthread" ENABLE ALWAYS TRIGGER "audit_fixed_uid_model_id_version_id_request_id_decisio_cd44308c";
SELECT fence.seal('public."governance_discussionthread"'::regclass, 'audit_fixed_uid_model_id_version_id_request_id_decisio_cd44308c');
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_comment" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'comment', 'uid', '');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_comment" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_comment" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A comment is withdrawn; it is never taken away.');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_comment" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_uid_thread_id_author_id_posted_with_id_posted_at" AFTER UPDATE ON public."governance_comment" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'uid', 'thread_id', 'author_id', 'posted_with_id', 'posted_at');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_fixed_uid_thread_id_author_id_posted_with_id_posted_at";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_fixed_uid_thread_id_author_id_posted_with_id_posted_at');
CREATE TRIGGER "audit_once_withdrawn_at" AFTER UPDATE ON public."governance_comment" FOR EACH ROW WHEN ((OLD."withdrawn_at" IS NOT NULL AND OLD."withdrawn_at" IS DISTINCT FROM NEW."withdrawn_at")) EXECUTE FUNCTION public.audit_keep_columns('once', 'withdrawn_at');
ALTER TABLE public."governance_comment" ENABLE ALWAYS TRIGGER "audit_once_withdrawn_at";
SELECT fence.seal('public."governance_comment"'::regclass, 'audit_once_withdrawn_at');
CREATE FUNCTION public.audit_event_of_governance_commentrevision() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."comment_id" = NEW."comment_id") AND EXISTS (SELECT FROM public."governance_comment" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['comment:' || p0."uid"::text] WHERE p0.id = NEW."comment_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_commentrevision()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_commentrevision" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_commentrevision('[]', 'comment', 'uid', 'SELECT p0."uid"::text FROM public."governance_comment" AS p0 WHERE p0.id = ($1 ->> ''comment_id'')::bigint');
ALTER TABLE public."governance_commentrevision" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_commentrevision"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_commentrevision" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_commentrevision" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_commentrevision"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_commentrevision" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A comment is withdrawn; its texts are never taken away.');
ALTER TABLE public."governance_commentrevision" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_commentrevision"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_commentrevision" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_commentrevision" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_commentrevision"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_comment_id_number_text_mentions_written_at" AFTER UPDATE ON public."governance_commentrevision" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'comment_id', 'number', 'text', 'mentions', 'written_at');
ALTER TABLE public."governance_commentrevision" ENABLE ALWAYS TRIGGER "audit_fixed_comment_id_number_text_mentions_written_at";
SELECT fence.seal('public."governance_commentrevision"'::regclass, 'audit_fixed_comment_id_number_text_mentions_written_at');
CREATE FUNCTION public.audit_event_of_governance_threadresolution() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD."thread_id" = NEW."thread_id") AND EXISTS (SELECT FROM public."governance_discussionthread" AS p0 JOIN public.audit_event e ON e.touched @> ARRAY['thread:' || p0."uid"::text] WHERE p0.id = NEW."thread_id" AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;
SELECT fence.take('public.audit_event_of_governance_threadresolution()'::regprocedure);
CREATE CONSTRAINT TRIGGER "audit_event_required" AFTER INSERT OR UPDATE OR DELETE ON public."governance_threadresolution" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_event_of_governance_threadresolution('[]', 'thread', 'uid', 'SELECT p0."uid"::text FROM public."governance_discussionthread" AS p0 WHERE p0.id = ($1 ->> ''thread_id'')::bigint');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_event_required";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_event_required');
CREATE TRIGGER "audit_truncate_refused" BEFORE TRUNCATE ON public."governance_threadresolution" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_truncate_refused";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_truncate_refused');
CREATE TRIGGER "audit_delete_refused" BEFORE DELETE ON public."governance_threadresolution" FOR EACH ROW EXECUTE FUNCTION public.audit_refuse('what is governed is kept for good', 'A thread is reopened; its resolutions are never taken away.');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_delete_refused";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_delete_refused');
CREATE TRIGGER "audit_delete_all_refused" BEFORE TRUNCATE ON public."governance_threadresolution" FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_delete_all_refused";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_delete_all_refused');
CREATE TRIGGER "audit_fixed_thread_id_kind_explanation_resolved_by_id__619bb3d8" AFTER UPDATE ON public."governance_threadresolution" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'thread_id', 'kind', 'explanation', 'resolved_by_id', 'resolved_at', 'event');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_fixed_thread_id_kind_explanation_resolved_by_id__619bb3d8";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_fixed_thread_id_kind_explanation_resolved_by_id__619bb3d8');
CREATE TRIGGER "audit_once_reopened_by_id_reopened_at" AFTER UPDATE ON public."governance_threadresolution" FOR EACH ROW WHEN ((OLD."reopened_by_id" IS NOT NULL AND OLD."reopened_by_id" IS DISTINCT FROM NEW."reopened_by_id") OR (OLD."reopened_at" IS NOT NULL AND OLD."reopened_at" IS DISTINCT FROM NEW."reopened_at")) EXECUTE FUNCTION public.audit_keep_columns('once', 'reopened_by_id', 'reopened_at');
ALTER TABLE public."governance_threadresolution" ENABLE ALWAYS TRIGGER "audit_once_reopened_by_id_reopened_at";
SELECT fence.seal('public."governance_threadresolution"'::regclass, 'audit_once_reopened_by_id_reopened_at');
