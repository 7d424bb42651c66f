-- The guards of the kind of a request. Frozen: a later change is a later migration.

SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_kind_restores_id_confirming_group" AFTER UPDATE ON public."governance_promotionrequest" FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'kind', 'restores_id', 'confirming_group');
ALTER TABLE public."governance_promotionrequest" ENABLE ALWAYS TRIGGER "audit_fixed_kind_restores_id_confirming_group";
SELECT fence.seal('public."governance_promotionrequest"'::regclass, 'audit_fixed_kind_restores_id_confirming_group');
