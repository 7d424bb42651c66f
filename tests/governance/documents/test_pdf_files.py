"""Long PDF files: drawn once, by a worker, for readers who may see what is printed; bounded; failures are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit import clock
from governance import task_queue, tasks
from governance.documents import pdf_files, pdf_writer
from governance.documents.pdf_files import Printed
from governance.models import PdfFile
from registry.exceptions import InvalidStateError
from registry.models import User
from tests import factories
from tests.governance.documents.test_paper import read

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def about(**facts: Any) -> pdf_writer.PdfMetadata:
    given = pdf_writer.PdfMetadata(
        "Model card, revision 1", "credit-risk-pd v1", "Marta Kovač", NOW, "https://registry.example/"
    )
    return replace(given, **facts)


def card(text: str, **facts: Any) -> Printed:
    return Printed("card", {"text": text, "metadata": {"license": "mit"}}, about(**facts))


LONG = "# Results\n\n| dataset | metric | value |\n|-|-|-|\n" + "| loans | auc | 0.81 |\n" * 400


@pytest.fixture
def reader() -> User:
    return factories.person("marta")


def test_a_short_file_is_drawn_at_once_and_not_kept(reader: User) -> None:
    body = pdf_files.pdf_of(card("# Use\n\nRank applications."), requested_by=reader)
    assert body is not None
    assert body.startswith(b"%PDF-")
    assert not PdfFile.objects.exists()


def test_a_long_file_is_drawn_once_by_a_worker(reader: User, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as enqueued:
        assert pdf_files.pdf_of(card(LONG), requested_by=reader) is None
        # The time of the request is not part of the digest.
        assert pdf_files.pdf_of(card(LONG, printed_at=NOW + timedelta(minutes=1)), requested_by=reader) is None
    assert len(enqueued) == 1
    row = PdfFile.objects.get()
    assert pdf_files.due() == [row.pk]
    tasks.draw_pdf(row.pk)
    assert pdf_files.draw(row.pk) is False
    row.refresh_from_db()
    assert (row.state, row.attempts, bytes(row.source)) == ("done", 1, b"")
    body = pdf_files.pdf_of(card(LONG), requested_by=reader)
    assert body == bytes(row.body or b"")
    assert body is not None
    assert body.startswith(b"%PDF-")
    # It is what would have been drawn in the request, at the time when it was first requested.
    assert body == card(LONG, printed_at=row.created_at).draw()


@pytest.mark.parametrize("change", [{"printed_by": "Aiko Tanaka"}, {"facts": [("Digest", "sha256:other")]}])
def test_another_reader_or_content_is_another_file(reader: User, change: dict[str, Any]) -> None:
    pdf_files.pdf_of(card(LONG), requested_by=reader)
    pdf_files.pdf_of(card(LONG, **change), requested_by=reader)
    assert PdfFile.objects.count() == 2


def test_a_lost_worker_is_replaced_and_in_the_end_the_file_fails(reader: User) -> None:
    with clock.freeze(NOW):
        pdf_files.pdf_of(card(LONG), requested_by=reader)
        row = PdfFile.objects.get()
        for attempt in range(1, pdf_files.MAX_ATTEMPTS + 1):
            assert pdf_files.due() == [row.pk]
            # A worker claims it and is killed.
            PdfFile.objects.filter(pk=row.pk).update(claim=uuid4(), heartbeat_at=NOW, attempts=attempt)
            PdfFile.objects.filter(pk=row.pk).update(heartbeat_at=clock.now())
            assert pdf_files.due() == []
            clock.advance(pdf_files.LOST_AFTER + timedelta(seconds=1))
        assert pdf_files.due() == []
        row.refresh_from_db()
        assert row.state == "failed"
        with pytest.raises(InvalidStateError) as refused:
            pdf_files.pdf_of(card(LONG), requested_by=reader)
        assert refused.value.code == "rendering_failed"
        assert "lost" in refused.value.detail
        clock.advance(pdf_files.FAILED_FOR + timedelta(seconds=1))
        assert pdf_files.pdf_of(card(LONG), requested_by=reader) is None
        assert pdf_files.draw(PdfFile.objects.get().pk)
        assert pdf_files.pdf_of(card(LONG), requested_by=reader) is not None


def test_what_cannot_be_drawn_is_a_failure_with_its_reason(reader: User) -> None:
    pdf_files.pdf_of(card(LONG), requested_by=reader)
    row = PdfFile.objects.get()
    row.source = bytes(row.source).replace(b'"metadata":{"license":"mit"}', b'"metadata":null')
    row.source = bytes(row.source).replace(b'"text":', b'"other":')
    row.save()
    assert pdf_files.draw(row.pk)
    row.refresh_from_db()
    assert (row.state, row.problem) == ("failed", "drawing it failed: KeyError")
    with pytest.raises(InvalidStateError) as refused:
        pdf_files.pdf_of(card(LONG), requested_by=reader)
    assert refused.value.code == "rendering_failed"


def test_one_person_has_few_files_waiting(reader: User) -> None:
    for number in range(pdf_files.MAX_WAITING):
        assert pdf_files.pdf_of(card(f"{LONG}{number}"), requested_by=reader) is None
    with pytest.raises(InvalidStateError) as refused:
        pdf_files.pdf_of(card(f"{LONG}one more"), requested_by=reader)
    assert refused.value.code == "too_many_renderings"
    assert pdf_files.pdf_of(card(f"{LONG}0"), requested_by=reader) is None
    assert pdf_files.pdf_of(card(f"{LONG}other"), requested_by=factories.person("aiko")) is None


def test_old_files_and_files_beyond_the_number_kept_are_deleted(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with clock.freeze(NOW):
        for number in range(4):
            pdf_files.pdf_of(card(f"{LONG}{number}"), requested_by=reader)
            pdf_files.draw(PdfFile.objects.latest("pk").pk)
            clock.advance(timedelta(minutes=1))
        monkeypatch.setattr(pdf_files, "MAX_KEPT", 2)
        assert pdf_files.sweep() == 2
        assert pdf_files.sweep() == 0
        clock.advance(pdf_files.KEPT_FOR)
        assert pdf_files.sweep() == 2


def test_the_task_has_a_queue_of_its_own_and_less_time_than_a_claim() -> None:
    assert tasks.draw_pdf.name == task_queue.DRAW_PDF
    assert pdf_files.LOST_AFTER.total_seconds() > tasks.PDF_HARD_LIMIT > tasks.PDF_SOFT_LIMIT


# --- what is drawn is bounded


def test_a_table_too_wide_for_a_page_is_printed_as_lines() -> None:
    columns = "|" + "a|" * 60 + "\n|" + "-|" * 60 + "\n|" + "b|" * 60 + "\n"
    assert pdf_writer.card(columns, {}, about()).startswith(b"%PDF-")


def test_rows_and_pages_beyond_the_limits_are_counted_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_writer, "MAX_CELLS", 30)
    drawn = pdf_writer.card(LONG, {}, about(), compress=False)
    assert "more rows are not printed" in read(drawn)
    monkeypatch.setattr(pdf_writer, "MAX_PAGES", 2)
    drawn = pdf_writer.card("# Heading\n\nWords.\n\n" * 500, {}, about(), compress=False)
    assert "The rest is not printed" in read(drawn)
    assert drawn.count(b"/Type /Page\n") == 2
