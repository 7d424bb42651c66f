"""Evaluation tables as common tools export them: read where there is one meaning, else refused with what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.checks.base import EVALUATION_TABLE, CheckOutcome, Conclusion, File
from governance.checks.builtin.evaluation import Evaluation
from governance.checks.metrics_ci import NotComputable
from governance.checks.number_columns import NumberColumn
from governance.checks.tables import TableFormatError

Judged = Callable[..., CheckOutcome]
Reading = Callable[[bytes], Evaluation]

LINES = ["id,label,prediction,score"] + [f"{n},{n % 2},{n % 2},0.{n % 90 + 10}1" for n in range(40)]
TEXT = "\n".join(LINES) + "\n"


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    def reading(content: bytes) -> Evaluation:
        path = tmp_path / "table"
        path.write_bytes(content)
        file = File(EVALUATION_TABLE, "eval.csv", hashlib.sha256(content).hexdigest(), len(content), path)
        return Evaluation.read(file, None, 0.5)

    return reading


def semicolons(text: str) -> str:
    return text.replace(",", ";").replace("0.", "0,")


EXPORTS = {
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "Windows-1252": TEXT.replace("id,", "Nº,").encode("cp1252"),
    "semicolons and decimal commas": semicolons(TEXT).encode(),
    "tabs": TEXT.replace(",", "\t").encode(),
    "tabs and decimal commas": semicolons(TEXT).replace(";", "\t").encode(),
    "Excel's first line": ("sep=;\r\n" + semicolons(TEXT).replace("\n", "\r\n")).encode("utf-16"),
    "Excel's first line in quotes": ('"sep=;"\n' + semicolons(TEXT)).encode(),
    "tabs, said in the first line": ("sep=\t\n" + TEXT.replace(",", "\t")).encode(),
    "old line ends": TEXT.replace("\n", "\r").encode(),
    "blank lines first": ("\n\n" + TEXT).encode(),
    "separators behind": TEXT.replace("\n", ",\n").encode(),
    "separators behind the rows alone": TEXT.replace("1\n", "1,,\n").encode(),
    "rows of separators": (TEXT + ",,,\n,,,\n").encode(),
    "percent": "\n".join([LINES[0], *(f"{n},{n % 2},{n % 2},{n % 90 + 10}.1 %" for n in range(40))]).encode(),
    "names of scikit-learn": TEXT.replace("label,prediction,score", "y_true,y_pred,y_score").encode(),
    "capitals": TEXT.replace("id,label,prediction,score", "ID,Label, Prediction ,SCORE").encode(),
    "pandas with its index": ("," + TEXT.replace("\n", "\n0,").rstrip("0,")).encode(),
    "quoted": TEXT.replace(",", '","').replace("\n", '"\n"').join(['"', ""])[:-1].encode(),
    "columns in another order": "\n".join(",".join(reversed(line.split(","))) for line in LINES).encode(),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_as_what_it_says(read: Reading, name: str) -> None:
    plain, found = read(TEXT.encode()), read(EXPORTS[name])
    assert found.labels.tolist() == plain.labels.tolist()
    assert found.scores is not None
    assert plain.scores is not None
    assert found.scores.tolist() == pytest.approx(plain.scores.tolist())
    assert found.estimate("accuracy", 0.95, 1) == plain.estimate("accuracy", 0.95, 1)


def test_the_form_that_was_read_is_reported(judged: Judged) -> None:
    files = {"eval.csv": EXPORTS["semicolons and decimal commas"]}
    outcome = judged(
        "performance.threshold", files, kind=EVALUATION_TABLE, facts={"metrics": []},
        thresholds=[{"metric": "accuracy", "value": 0.5}],
    )  # fmt: skip
    assert outcome.conclusion is Conclusion.SUCCESS
    assert [(f.code, f.severity) for f in outcome.findings] == [("table_form", "info")]
    assert "columns separated by semicolons, decimal commas" in outcome.findings[0].message


REFUSED = {
    "Label;Points\n1;2\n": ("separated by semicolons, line 1; found: Label, Points", "score"),
    "sep=;\nA;B\n1;2\n": ("separated by semicolons, line 2; found: A, B", "“label”", "y_true"),
    "target;y_true;pred\n1;1;1\n": ("“target” and “y_true” could each be the column label",),
    "a,b;c\n1,2;3\n": ("commas and semicolons", "sep=;"),
    "label;score\n1;0,5\n0;0.5\n": ("row 2, score has a comma", "row 3, score a point"),
    "label;score\n1;1,234\n0;2,500\n": ("may separate decimals or thousands",),
    "label;score\n1;1,234\n0;1.234\n": ("row 2, score has a comma", "row 3, score a point"),
    "label;score\n1;1.234,5\n0;1,234.5\n": ("row 2, score has a comma", "row 3, score a point"),
    "label;score\n1;0.5\n0;12,34.5\n": ("row 3, score: '12,34.5' is not a finite number",),
    "label,score\n1,0.5\n0,0,5\n": ("line 3: 3 fields", "If commas separate decimals"),
    "label,score\n1,0.5\nlabel,score\n": ("line 3, repeats the header",),
    "PK\3\4 [Content_Types].xml": ("ZIP archive, perhaps a workbook of Excel", "CSV in UTF-8"),
    '[{"label": 1}]': ("is JSON", "CSV in UTF-8"),
    "label,score\n1,50%\n0,0.5\n": ("row 2, score is in percent",),
    "label,score\n1,0.5\n0,0.5,3\n": ("line 3: 3 fields, but the header has 2", "found: label, score"),
    "id,label,score\n1,1,0.5\n,0,0.5\n": ("row 3: the id is blank",),
    "id,label,score\n1,1,0.5\n2,0,0.5\n1,0,0.5\n": ("rows 2 and 4 have the same id",),
    "": ("is empty",),
    "label,score\n": ("no rows",),
    "score,score\n1,1\n": ("names “score” twice",),
    "l\0abel": ("NUL",),
    "a": ("“label”",),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_one_meaning_is_refused_with_what_was_found(read: Reading, text: str) -> None:
    with pytest.raises(TableFormatError) as caught:
        read(text.encode())
    for part in REFUSED[text]:
        assert part in str(caught.value)


NUMBERS = {
    "0,5 1,23E-05": [0.5, 1.23e-05],
    "1.234,5 2.000 0,25": [1234.5, 2000.0, 0.25],
    "1,234.5 2,000 0.25": [1234.5, 2000.0, 0.25],
    "1,234,567 2,000": [1234567.0, 2000.0],
    "1.234 0.5 2.": [1.234, 0.5, 2.0],
    "1.234 2.345": [1.234, 2.345],
    "1\u00a0234,5 2\u202f000 7": [1234.5, 2000.0, 7.0],
    "1'234.5 -2’000": [1234.5, -2000.0],
    "\u22120,5 +1": [-0.5, 1.0],
    "12,5\u00a0% 3%": [0.125, 0.03],
    ".5 1e-3 -4": [0.5, 0.001, -4.0],
}


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_of_one_notation_are_read(text: str) -> None:
    for cells in (text.split(" "), text.split(" ")[::-1]):
        column = NumberColumn("row ", "score")
        for line, cell in enumerate(cells):
            column.add([cell], line)
        together = NumberColumn("row ", "score")
        together.add(cells, 1)
        assert sorted(column.finish()) == sorted(together.finish()) == pytest.approx(sorted(NUMBERS[text]))


def test_probabilities_that_are_given_as_predictions_are_not_compared_with_labels(read: Reading) -> None:
    found = read(b"label,prediction\n" + b"1,0.93\n0,0.12\n1,1\n0,0.0\n" * 30)
    with pytest.raises(NotComputable, match=r"0\.93 are no labels: name a column of probabilities score"):
        found.estimate("accuracy", 0.95, 1)
    assert found.estimate("mae", 0.95, 1).value == pytest.approx((0.07 + 0.12) / 4)


@pytest.mark.parametrize("content", [TEXT.encode("utf-32"), TEXT.encode("utf-16")[2:], b"label,score\n\x81,1\n"])
def test_an_encoding_that_is_not_known_is_refused(read: Reading, content: bytes) -> None:
    with pytest.raises(TableFormatError, match="Save it as CSV in UTF-8"):
        read(content)


def repeated(text: str, times: int) -> bytes:
    head, *lines = text.splitlines()
    return "\n".join([head, *(lines * times)]).encode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TEXT, "repeated_ids"),
        (TEXT.replace("id,", "note,"), "repeated_rows"),
        ("\n".join(["label,score", *(f"{n % 2},0.{n + 10}" for n in range(40))]), "repeated_rows"),
    ],
)  # fmt: skip
def test_repeated_rows_tighten_no_bound(read: Reading, text: str, code: str) -> None:
    once, often = read(text.encode()), read(repeated(text, 50))
    assert often.estimate("auc", 0.95, 1) == once.estimate("auc", 0.95, 1)
    assert once.remarks == ()
    assert [remark.code for remark in often.remarks] == [code]
    assert "counted once" in often.remarks[0].message


def test_a_block_of_labels_and_predictions_that_is_repeated_counts_once(read: Reading) -> None:
    block = [(a, b) for a in "abcdefgh" for b in "abcdefgh"]
    text = "label,prediction\n" + "\n".join(f"{a},{b}" for a, b in block * 3)
    assert len(read(text.encode()).labels) == 64
    assert len(read(text.encode() + b"\na,a\n").labels) == 193


def test_labels_and_predictions_that_repeat_by_themselves_all_count(read: Reading) -> None:
    text = "label,prediction\n" + "1,1\n0,0\n" * 500
    assert len(read(text.encode()).labels) == 1000


def test_a_single_class_is_reported(read: Reading) -> None:
    found = read(b"id,label,prediction\n1,1,1\n2,1,0\n")
    assert [remark.code for remark in found.remarks] == ["single_class"]
