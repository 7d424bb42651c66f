"""URLs of the pages: plural nouns with a trailing slash, one view each."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from governance.interfaces.web import (
    access,
    access_requests,
    aliases,
    audit,
    audit_bundles,
    catalogue,
    change_proposals,
    checks,
    compare,
    datasets,
    delegations,
    discussion,
    documents,
    emergency,
    findings,
    help_page,
    impacts,
    model_forms,
    model_reviews,
    models,
    notification_settings,
    notifications,
    packet_pages,
    policies,
    policy_editor,
    policy_terms,
    population,
    profile,
    promotions,
    quick_search,
    reviews,
    risk,
    rollback,
    saved_views,
    search,
    second_factor,
    sign_in,
    sign_offs,
    signals,
    signatures,
    version_additions,
    version_facts,
    versions,
    waivers,
)


class Slug(StringConverter):
    """A model name: Django's slug with dots."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Sha256(StringConverter):
    """A hexadecimal digest."""

    regex = r"[0-9a-f]{64}"


class DatasetKey(StringConverter):
    """A dataset identity, or a digest of any algorithm."""

    regex = r"[A-Za-z0-9._:+=~-]{1,128}"


class CheckSlug(StringConverter):
    """Name of a check, as in a policy."""

    regex = r"[a-z0-9_]+(?:\.[a-z0-9_]+)+"


register_converter(CheckSlug, "check")
register_converter(Slug, "model")
register_converter(Sha256, "sha256")
register_converter(DatasetKey, "dataset")

app_name = "web"
urlpatterns = [
    path("", reviews.home, name="home"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/link/", sign_in.link, name="sign-in-link"),
    path("sign-in/send-again/", sign_in.send_again, name="send-again"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("reviews/", reviews.reviews, name="reviews"),
    path("reviews/calendar/", model_reviews.calendar, name="review-calendar"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/<uuid:uid>/", notifications.open_notification, name="notification"),
    path("promotions/", promotions.promotion_list, name="promotions"),
    path("promotions/<int:number>/", promotions.promotion, name="promotion"),
    path("promotions/<int:number>/decision/", promotions.decide, name="decide"),
    path("promotions/<int:number>/passkey/", promotions.prepare_passkey, name="prepare-passkey"),
    path("promotions/<int:number>/withdraw/", promotions.withdraw, name="withdraw"),
    path("promotions/<int:number>/promote/", promotions.promote, name="promote"),
    path("promotions/<int:number>/packet/<sha256:digest>/", packet_pages.packet, name="packet"),
    path("promotions/<int:number>/packets/<sha256:digest>/", packet_pages.earlier_address, name="packet-earlier"),
    path(
        "promotions/<int:number>/packet/<sha256:before>..<sha256:after>/", packet_pages.compare, name="compare-packets"
    ),
    path("promotions/<int:number>/decisions/<int:decision>/", signatures.decision, name="decision"),
    path("decision-keys/", signatures.decision_keys, name="decision-keys"),
    path("promotions/<int:number>/comments/", discussion.comment_on_request, name="request-comments"),
    path("promotions/<int:number>/objections/<int:decision>/", promotions.end_objection, name="end-objection"),
    path("models/<model:slug>/versions/<int:number>/comments/", discussion.comment_on_version, name="version-comments"),
    path("comments/<int:number>/", discussion.comment, name="comment"),
    path("comments/<int:number>/edit/", discussion.edit, name="edit-comment"),
    path("comments/<int:number>/withdraw/", discussion.withdraw, name="withdraw-comment"),
    path("threads/<int:number>/", discussion.thread, name="thread"),
    path("threads/<int:number>/resolve/", discussion.resolve, name="resolve-thread"),
    path("threads/<int:number>/reopen/", discussion.reopen, name="reopen-thread"),
    path("search/views/", saved_views.views, name="saved-views"),
    path("search/views/<int:number>/", saved_views.change_view, name="change-view"),
    path("help/", help_page.help_page, name="help"),
    path("search/help/", search.search_help, name="search-help"),
    path("models/", catalogue.catalogue, name="models"),
    path("models/new/", model_forms.register_model, name="register-model"),
    path("models/<model:slug>/", models.model, name="model"),
    path("models/<model:slug>/edit/", model_forms.edit_model, name="edit-model"),
    path("models/<model:slug>/risk/", risk.risk, name="risk"),
    path("models/<model:slug>/risk/assess/", risk.assess, name="assess"),
    path("models/<model:slug>/reviews/", model_reviews.model_reviews, name="model-reviews"),
    path("models/<model:slug>/archive/", model_forms.archive_model, name="archive-model"),
    path("models/<model:slug>/emergency/", emergency.emergency, name="emergency"),
    path("models/<model:slug>/rollback/", rollback.rollback, name="rollback"),
    path("models/<model:slug>/aliases/<str:name>/remove/", aliases.remove, name="remove-alias"),
    path("models/<model:slug>/access/", access.model_access, name="model-access"),
    path("models/<model:slug>/access/give/", access.give_role, name="give-role"),
    path("models/<model:slug>/access/<uuid:grant_id>/revoke/", access.revoke_role, name="revoke-role"),
    path("models/<model:slug>/compare/", compare.choose, name="choose-versions"),
    path("models/<model:slug>/compare/v<int:before>..v<int:after>/", compare.compare, name="compare"),
    path("models/<model:slug>/versions/<int:number>/", versions.version, name="version"),
    path("models/<model:slug>/versions/<int:number>/lineage/", datasets.version_lineage, name="version-lineage"),
    path("models/<model:slug>/versions/<int:number>/sign-off/", sign_offs.sign_off, name="sign-off"),
    path("models/<model:slug>/versions/<int:number>/signals/", signals.signals, name="signals"),
    path("models/<model:slug>/versions/<int:number>/card/", documents.card, name="card"),
    path("models/<model:slug>/versions/<int:number>/card/edit/", version_additions.card_edit, name="edit-card"),
    path("models/<model:slug>/versions/<int:number>/metrics/", version_additions.metrics, name="add-metrics"),
    path("models/<model:slug>/versions/<int:number>/card.pdf", documents.card_pdf, name="card-pdf"),
    path("models/<model:slug>/versions/<int:number>/document/", documents.document, name="document"),
    path("models/<model:slug>/versions/<int:number>/document.pdf", documents.document_pdf, name="document-pdf"),
    path("models/<model:slug>/versions/<int:number>/document.json", documents.document_json, name="document-json"),
    path("models/<model:slug>/versions/<int:number>/edit/", version_facts.edit, name="edit-version"),
    path("models/<model:slug>/versions/<int:number>/documents/", version_facts.documents, name="documents"),
    path("models/<model:slug>/versions/<int:number>/promote/", versions.promote, name="request-promotion"),
    path("models/<model:slug>/versions/<int:number>/files/<path:path>", versions.artifact, name="artifact"),
    path(
        "models/<model:slug>/versions/<int:number>/evidence/<str:kind>/<int:revision>",
        versions.evidence,
        name="evidence",
    ),
    path(
        "models/<model:slug>/versions/<int:number>/evidence/<str:kind>/<int:revision>/",
        versions.evidence_page,
        name="evidence-page",
    ),
    path("findings/", findings.finding_list, name="findings"),
    path("findings/<int:number>/", findings.finding, name="finding"),
    path("findings/<int:number>/acknowledge/", findings.acknowledge, name="acknowledge-finding"),
    path("findings/<int:number>/assign/", findings.assign, name="assign-finding"),
    path("findings/<int:number>/reschedule/", findings.reschedule, name="reschedule-finding"),
    path("findings/<int:number>/propose/", findings.propose, name="propose-closure"),
    path("findings/<int:number>/return/", findings.return_closure, name="return-closure"),
    path("findings/<int:number>/close/", findings.close, name="close-finding"),
    path("models/<model:slug>/findings/new/", findings.open_finding, name="open-finding"),
    path("waivers/", waivers.waiver_list, name="waivers"),
    path("waivers/<int:number>/", waivers.waiver, name="waiver"),
    path("waivers/<int:number>/revoke/", waivers.revoke, name="revoke-waiver"),
    path("promotions/<int:number>/waive/<check:check_slug>/", waivers.grant, name="grant-waiver"),
    path("policies/", policies.policy_list, name="policies"),
    path("policies/<slug:slug>/", policies.policy, name="policy"),
    path("policies/<slug:slug>/propose/", policy_editor.propose, name="propose-policy"),
    path("policies/<slug:slug>/retire/", policy_terms.retire, name="retire-policy"),
    path("policies/<slug:slug>/cancel/", policy_terms.cancel, name="cancel-policy-change"),
    path("replays/<int:number>/", policy_editor.replay, name="policy-replay"),
    path("checks/", checks.check_list, name="checks"),
    path("checks/<check:check_slug>/", checks.check, name="check"),
    path("checks/<check:check_slug>/examples/<str:name>", checks.example, name="check-example"),
    path("impacts/", impacts.impact_list, name="impacts"),
    path("datasets/", datasets.dataset_list, name="datasets"),
    path("datasets/<dataset:key>/recall/", impacts.recall_dataset, name="recall-dataset"),
    path("datasets/<dataset:key>/", datasets.dataset, name="dataset"),
    path("access-requests/", access_requests.access_requests, name="access-requests"),
    path("access-requests/new/", access_requests.ask, name="ask-access"),
    path("access-requests/<int:number>/", access_requests.access_request, name="access-request"),
    path("access-requests/<int:number>/grant/", access_requests.grant, name="grant-access"),
    path("access-requests/<int:number>/deny/", access_requests.deny, name="deny-access"),
    path("access-requests/<int:number>/withdraw/", access_requests.withdraw, name="withdraw-access"),
    path("changes/", change_proposals.changes, name="changes"),
    path("changes/<int:number>/", change_proposals.change, name="change"),
    path("changes/<int:number>/confirm/", change_proposals.confirm, name="confirm-change"),
    path("changes/<int:number>/reject/", change_proposals.reject, name="reject-change"),
    path("changes/<int:number>/withdraw/", change_proposals.withdraw, name="withdraw-change"),
    path("stages/", population.stage_list, name="stages"),
    path("stages/<slug:slug>/", population.stage, name="stage"),
    path("audit/", audit.audit, name="audit"),
    path("audit/bundle/", audit_bundles.bundle, name="audit-bundle"),
    path("audit/verifier.py", audit_bundles.verifier_file, name="verifier"),
    path("audit/<uuid:event_id>/", audit.event, name="event"),
    path("go/", quick_search.jump, name="jump"),
    path("go/<path:what>", quick_search.jump, name="go"),
    path("profile/", profile.profile, name="profile"),
    path("profile/display/", profile.display, name="display"),
    path("profile/theme/", profile.theme, name="theme"),
    path("profile/password/", profile.password, name="password"),
    path("profile/delegations/", delegations.delegation_list, name="delegations"),
    path("profile/delegations/<uuid:uid>/revoke/", delegations.revoke_delegation, name="revoke-delegation"),
    path("profile/second-factor/", second_factor.second_factor, name="second-factor"),
    path("profile/second-factor/remove/", second_factor.remove, name="remove-second-factor"),
    path("profile/passkeys/", second_factor.enrol_passkey, name="enrol-passkey"),
    path("profile/passkeys/<int:number>/rename/", second_factor.rename_passkey, name="rename-passkey"),
    path("profile/passkeys/<int:number>/remove/", second_factor.remove_passkey, name="remove-passkey"),
    path("profile/notifications/", notification_settings.settings, name="notification-settings"),
    path("profile/notifications/channels/", notification_settings.add_channel, name="add-notification-channel"),
    path(
        "profile/notifications/channels/<uuid:uid>/", notification_settings.change_channel, name="notification-channel"
    ),
    path("profile/notifications/deliveries/", notification_settings.deliveries, name="notification-deliveries"),
    path(
        "profile/notifications/deliveries/<uuid:uid>/", notification_settings.send_again, name="send-notification-again"
    ),
    path("profile/tokens/", profile.token_list, name="tokens"),
    path("profile/tokens/<str:uid>/revoke/", profile.revoke_token, name="revoke-token"),
]
