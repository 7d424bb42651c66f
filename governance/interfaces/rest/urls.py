"""URLs of the API, without trailing slashes."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path, register_converter
from django.urls.converters import StringConverter
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from governance.interfaces.rest import (
    access,
    access_requests,
    aliases,
    artifacts,
    audit,
    audit_proofs,
    change_proposals,
    checks,
    comparisons,
    datasets,
    delegations,
    discussion,
    documents,
    emergencies,
    errors,
    evidence,
    external_checks,
    findings,
    impacts,
    models,
    notifications,
    openapi_views,
    policies,
    promotions,
    queue,
    readiness,
    reference,
    risk,
    rollbacks,
    sign_offs,
    signals,
    signatures,
    stages,
    verification_keys,
    waivers,
    whoami,
)
from governance.interfaces.rest import versions as version_views

app_name = "api"


class PositiveIntegerConverter(StringConverter):
    """A number without sign and leading zeros that fits its column."""

    regex = "[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> int:  # type: ignore[override]  # a converter returns any type
        return int(value)

    def to_url(self, value: object) -> str:
        return str(value)


class ModelNameConverter(StringConverter):
    """Any possible model name."""

    regex = "[a-z0-9._-]{1,200}"


class FilePathConverter(StringConverter):
    """A path inside a version: slashes allowed, no control characters."""

    regex = "[^\\x00-\\x1f\\x7f]{1,500}"


class AliasNameConverter(StringConverter):
    """Any possible alias."""

    regex = r"[\w-]{1,255}"


class EvidenceKindConverter(StringConverter):
    """A kind of evidence."""

    regex = "[a-z0-9_.]{1,80}"


register_converter(PositiveIntegerConverter, "api-number")
register_converter(ModelNameConverter, "api-model")
register_converter(FilePathConverter, "api-file")


class DatasetKeyConverter(StringConverter):
    """A dataset identity, or a digest of any algorithm."""

    regex = "[A-Za-z0-9._:+=~-]{1,128}"


class CheckSlugConverter(StringConverter):
    """Name of a check, as in a policy."""

    regex = "[a-z0-9_]+(?:\\.[a-z0-9_]+)+"


register_converter(CheckSlugConverter, "api-check")
register_converter(AliasNameConverter, "api-alias")
register_converter(EvidenceKindConverter, "api-kind")
register_converter(DatasetKeyConverter, "api-dataset")

_VERSION = "models/<api-model:slug>/versions/<api-number:number>"

urlpatterns: list[URLPattern] = [
    path("schema", openapi_views.SchemaView.as_view(), name="schema"),
    path("docs", reference.ReferenceView.as_view(), name="reference"),
    path("docs/", csrf_exempt(RedirectView.as_view(pattern_name="api:reference")), name="reference-slash"),
    path("problems", openapi_views.ProblemsView.as_view(), name="problems"),
    path("problems/<slug:code>", openapi_views.ProblemView.as_view(), name="problem"),
    path("whoami", whoami.WhoAmIView.as_view()),
    path("models", models.ModelsView.as_view()),
    path("models/<api-model:slug>", models.ModelView.as_view()),
    path("models/<api-model:slug>/versions", version_views.VersionsView.as_view()),
    path("models/<api-model:slug>/stages/<api-alias:stage>", stages.StageView.as_view()),
    path("stages/<api-alias:stage>/versions", stages.OccupantsView.as_view()),
    path("models/<api-model:slug>/assessments", risk.AssessmentsView.as_view()),
    path("models/<api-model:slug>/reviews", risk.ReviewsView.as_view()),
    path("questionnaires", risk.QuestionnairesView.as_view()),
    path("verification-keys", verification_keys.VerificationKeysView.as_view()),
    path("models/<api-model:slug>/aliases", aliases.AliasesView.as_view()),
    path("models/<api-model:slug>/rollbacks", rollbacks.RollbacksView.as_view()),
    path("models/<api-model:slug>/emergencies", emergencies.EmergenciesView.as_view()),
    path("models/<api-model:slug>/aliases/<api-alias:name>", aliases.AliasView.as_view()),
    path(
        "models/<api-model:slug>/compare/<api-number:before>..<api-number:after>", comparisons.ComparisonView.as_view()
    ),
    path("versions", version_views.AllVersionsView.as_view()),
    path(_VERSION, version_views.VersionView.as_view()),
    path(f"{_VERSION}/artifacts", artifacts.UploadsView.as_view()),
    path(f"{_VERSION}/artifacts/<api-file:path>", artifacts.ArtifactView.as_view()),
    path(f"{_VERSION}/complete", version_views.CompletionView.as_view()),
    path(f"{_VERSION}/metrics", evidence.MetricsView.as_view()),
    path(f"{_VERSION}/card", evidence.CardView.as_view()),
    path(f"{_VERSION}/document", documents.DocumentView.as_view()),
    path(f"{_VERSION}/document.pdf", documents.DocumentPdfView.as_view()),
    path(f"{_VERSION}/evidence/<api-kind:kind>", evidence.EvidenceView.as_view()),
    path(f"{_VERSION}/checks/<api-kind:check>/runs", external_checks.ExternalRunsView.as_view()),
    path("check-runs/<uuid:run>", external_checks.ExternalRunView.as_view()),
    path("check-runs/<uuid:run>/attachment", external_checks.ExternalAttachmentView.as_view()),
    path(f"{_VERSION}/readiness", readiness.ReadinessView.as_view()),
    path(f"{_VERSION}/signals", signals.SignalsView.as_view()),
    path(f"{_VERSION}/sign-offs", sign_offs.SignOffsView.as_view()),
    path("models/<api-model:slug>/findings", findings.FindingsView.as_view()),
    path("findings", findings.AllFindingsView.as_view()),
    path("findings/<api-number:number>", findings.FindingView.as_view()),
    path("waivers", waivers.WaiversView.as_view()),
    path("waivers/<api-number:number>", waivers.WaiverView.as_view()),
    path(f"{_VERSION}/lineage", datasets.LineageView.as_view()),
    path("impacts", impacts.ImpactsView.as_view()),
    path("datasets", datasets.DatasetsView.as_view()),
    path("datasets/<api-dataset:key>", datasets.DatasetView.as_view()),
    path("datasets/<api-dataset:key>/dependents", datasets.DependentsView.as_view()),
    path("resolve", version_views.ResolveView.as_view()),
    path("models/<api-model:slug>/access", access.AccessView.as_view()),
    path("models/<api-model:slug>/grants", access.GrantsView.as_view()),
    path("models/<api-model:slug>/grants/<uuid:grant>/revoke", access.RevocationView.as_view()),
    path("queue", queue.QueueView.as_view()),
    path("notifications", notifications.NotificationsView.as_view()),
    path("notifications/read", notifications.NotificationReadingView.as_view()),
    path("notifications/settings", notifications.NotificationSettingsView.as_view()),
    path("notifications/deliveries", notifications.DeliveriesView.as_view()),
    path("delegations", delegations.DelegationsView.as_view()),
    path("delegations/<uuid:delegation>", delegations.DelegationView.as_view()),
    path("access-requests", access_requests.AccessRequestsView.as_view()),
    path("access-requests/<api-number:access_request>", access_requests.AccessRequestView.as_view()),
    path("access-requests/<api-number:access_request>/grant", access_requests.GrantingView.as_view()),
    path("access-requests/<api-number:access_request>/deny", access_requests.DenialView.as_view()),
    path("access-requests/<api-number:access_request>/withdraw", access_requests.AccessWithdrawalView.as_view()),
    path("promotions", promotions.PromotionsView.as_view()),
    path("promotions/<api-number:id>", promotions.PromotionView.as_view()),
    path("promotions/<api-number:id>/gate", promotions.GateView.as_view()),
    path("promotions/<api-number:id>/checks", checks.RunsView.as_view()),
    path("promotions/<api-number:id>/events", audit.TrailView.as_view()),
    path("promotions/<api-number:id>/execute", promotions.ExecutionView.as_view()),
    path("promotions/<api-number:id>/withdraw", promotions.WithdrawalView.as_view()),
    path("promotions/<api-number:id>/decisions", promotions.DecisionsView.as_view()),
    path("promotions/<api-number:id>/decisions/<api-number:decision>/signature", signatures.SignatureView.as_view()),
    path("decision-keys", signatures.DecisionKeysView.as_view()),
    path("promotions/<api-number:id>/comments", discussion.RequestCommentsView.as_view()),
    path("promotions/<api-number:id>/threads", discussion.RequestThreadsView.as_view()),
    path(f"{_VERSION}/comments", discussion.VersionCommentsView.as_view()),
    path(f"{_VERSION}/threads", discussion.VersionThreadsView.as_view()),
    path("comments/<api-number:comment>", discussion.SingleCommentView.as_view()),
    path("comments/<api-number:comment>/withdraw", discussion.CommentWithdrawalView.as_view()),
    path("threads/<api-number:thread>", discussion.ThreadView.as_view()),
    path("threads/<api-number:thread>/resolve", discussion.ThreadResolutionView.as_view()),
    path("threads/<api-number:thread>/reopen", discussion.ThreadReopeningView.as_view()),
    path("checks", checks.ChecksView.as_view()),
    path("checks/<api-check:slug>", checks.CheckView.as_view()),
    path("simulate", readiness.SimulationView.as_view()),
    path("policies", policies.PoliciesView.as_view()),
    path("change-proposals", change_proposals.ChangesView.as_view()),
    path("change-proposals/<api-number:number>", change_proposals.ChangeView.as_view()),
    path("policies/paths", policies.PathsView.as_view()),
    path("audit/events", audit.EventsView.as_view()),
    path("audit/verifier", audit.VerifierView.as_view()),
    path("audit/export", audit.EventExportView.as_view()),
    path("audit/events/<uuid:event>", audit.EventView.as_view()),
    path("audit/events/<uuid:event>/proof", audit_proofs.EventProofView.as_view()),
    path("audit/heads/latest", audit_proofs.LogHeadView.as_view()),
    path("audit/consistency", audit_proofs.ConsistencyView.as_view()),
    path("audit/tiles/<api-file:path>", audit_proofs.TileView.as_view()),
    # Catch all other paths: Django must not append a slash or return HTML. csrf_exempt: no session is read.
    re_path(r"", csrf_exempt(errors.not_found)),
]
