"""What loading does, on the pages of a version and of a request, and in the packet that is signed."""

from __future__ import annotations

from typing import ClassVar

from governance.development.demo import artifacts
from governance.interfaces.web import packets
from governance.models import CheckRun, Packet, PromotionRequest
from governance.selectors import loading_effects
from governance.services import policies, setup
from registry.models import ModelVersion
from tests import factories
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import PageTest

SCANNED = """
slug: scanned-staging
title: Into Staging, scanned
applies_to: {stages: [staging]}
priority: 60
checks: [{check: artifact.scan}]
approvals: [{group: risk-team, count: 1}]
"""
HOSTILE = "code/<b>x</b>.py"


class TestLoadingEffects(PageTest):
    """Two requests: files that are safe and import, and files that run code."""

    safe: ClassVar[PromotionRequest]
    unsafe: ClassVar[PromotionRequest]
    version: ClassVar[ModelVersion]

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        policies.publish(actor=setup.INSTALLER, source=SCANNED, reason="the scene of a test")
        priya, model = cls.scene.people.priya, cls.scene.model
        files = artifacts.files("skops", ["age", "income"], 7, alone=True)
        cls.version = factories.version(model, priya, files, card=scenes.CARD)
        cls.safe = scenes.promoted(cls.version, priya, "staging")
        mlmodel = b"flavors: {python_function: {loader_module: mlflow.sklearn, code: code}}"
        other = factories.version(model, priya, {"MLmodel": mlmodel, HOSTILE: b"import os\n"}, card=scenes.CARD)
        cls.unsafe = scenes.promoted(other, priya, "staging")

    def test_both_pages_list_what_is_imported(self) -> None:
        marta = self.scene.people.marta
        for path in (
            f"/promotions/{self.safe.pk}/",
            f"/models/{self.scene.model.slug}/versions/{self.version.number}/",
        ):
            page = self.read(marta, path)
            page.has("What loading v", "Safe", "sklearn.linear_model._logistic.LogisticRegression", "imports", "yes")
            page.has("does not state that the model behaves well")

    def test_what_is_not_allowed_is_named_and_escaped(self) -> None:
        page = self.read(self.scene.people.marta, f"/promotions/{self.unsafe.pk}/")
        page.has("Unsafe", "executes", HOSTILE, "no")
        assert "<b>x</b>" not in page.html

    def test_the_packet_that_is_signed_contains_the_effects(self) -> None:
        packet = Packet.objects.get(request=self.safe, digest=self.safe.packet_digest)
        content = packets.read(bytes(packet.body))
        (check,) = (check for check in content["checks"] if check["check"] == "artifact.scan")
        subjects = {effect["subject"] for effect in check["measures"]["effects"]}
        assert "sklearn.linear_model._logistic.LogisticRegression" in subjects
        assert check["measures"]["effects_sha256"]
        assert packets.digest(bytes(packet.body)) == packet.digest

    def test_measures_of_another_form_are_shown_as_no_result(self) -> None:
        run = CheckRun(
            check_slug="artifact.scan", measures={"effects": [5, {"kind": []}], "files": [], "verdict": None}
        )
        found = loading_effects([None, run])
        assert found is not None
        assert (found.verdict, found.total, found.refused, len(found.effects)) == ("", 1, (), 1)
        assert loading_effects([CheckRun(check_slug="docs.model_card")]) is None
        assert loading_effects([CheckRun(check_slug="artifact.scan", measures={})]) is not None
