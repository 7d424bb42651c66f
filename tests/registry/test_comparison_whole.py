"""Two versions in everything: environments, data, files, cards, numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.comparison import Dataset, File, MetricBound, PackageChange, VersionSnapshot, compare, read_lock
from registry.comparison.text import DiffGranularity

REQUIREMENTS = """\
# made by pip-compile
--index-url https://pypi.org/simple
numpy==1.26.4 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
Scikit_Learn==1.4.0   # why
uvicorn[standard]==0.29.0 ; python_version >= "3.8"
mypkg @ file:///build/mypkg-1.0.whl
-e git+https://git.example/x.git@abc#egg=x
requests>=2.0
"""
CONDA = """\
name: scoring
channels: [conda-forge]
dependencies:
  - python=3.11.8=hab00c5b_0
  - numpy=1.26.4
  - conda-forge::scipy==1.12.0
  - pip
  - pip:
      - torch==2.2.1
      - "-r more.txt"
"""
EXPLICIT = "@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda#abc\n"
UV = """\
version = 1
[[package]]
name = "numpy"
version = "1.26.4"
[[package]]
name = "app"
source = { editable = "." }
"""


def changes(before: str, after: str) -> dict[str, PackageChange]:
    found = compare(VersionSnapshot("m", 1, lock=before), VersionSnapshot("m", 2, lock=after)).dependencies
    return {p.name: p for p in found.packages if p.kind != "same"}


def test_a_lock_is_read_whatever_wrote_it() -> None:
    lock = read_lock(REQUIREMENTS)
    assert {name: p.version for name, p in lock.packages.items()} == {
        "numpy": "1.26.4",
        "scikit-learn": "1.4.0",
        "uvicorn": "0.29.0",
        "mypkg": "file:///build/mypkg-1.0.whl",
        "requests": ">=2.0",
    }
    assert lock.other == ("--index-url https://pypi.org/simple", "-e git+https://git.example/x.git@abc#egg=x")
    lock = read_lock(CONDA)
    assert {name: p.version for name, p in lock.packages.items()} == {
        "python": "3.11.8",
        "numpy": "1.26.4",
        "scipy": "1.12.0",
        "pip": "",
        "torch": "2.2.1",
    }
    assert lock.other == ("-r more.txt",)
    assert (read_lock(EXPLICIT).form, read_lock(EXPLICIT).packages["numpy"].version) == ("conda-explicit", "1.26.4")
    assert {n: p.version for n, p in read_lock(UV).packages.items()} == {"numpy": "1.26.4", "app": ""}
    assert read_lock(" \n").form == "none"
    assert read_lock("FROM python:3.11 AS base\nRUN make (all)").form == "text"


@pytest.mark.parametrize(
    ("before", "after", "kind", "major"),
    [
        ("a==1.2", "a==1.3", "upgraded", False),
        ("a==1.10", "a==1.9", "downgraded", False),
        ("a==1.9", "a==2.0", "upgraded", True),
        ("a==0.3.1", "a==0.4.0", "upgraded", True),
        ("a==0.3.1", "a==0.3.2", "upgraded", False),
        ("a==1.0rc1", "a==1.0", "upgraded", False),
        ("a==2024a!", "a==2024b!", "changed", False),
        ("a>=1", "a==1", "changed", False),
        ("a==1", "b==1\na==1", "added", False),
    ],
)
def test_packages(before: str, after: str, kind: str, major: bool) -> None:
    (change,) = changes(before, after).values()
    assert (change.kind, change.major) == (kind, major)


def test_the_same_version_written_otherwise_is_no_change() -> None:
    assert changes("Foo_Bar==1.0", "foo-bar==1.0.0") == {}


def test_too_many_packages_are_compared_by_lines_and_it_is_said() -> None:
    before = "".join(f"pkg-{n}==1.0\n" for n in range(6_000))
    found = compare(
        VersionSnapshot("m", 1, lock=before), VersionSnapshot("m", 2, lock=before + "one-more==1\n")
    ).dependencies
    assert found.how == "lines"
    assert [o.after for o in found.other] == ["one-more==1"]
    other = compare(
        VersionSnapshot("m", 1, lock=before), VersionSnapshot("m", 2, lock=before.replace("1.0", "2.0"))
    ).dependencies
    assert (len(other.other), other.left_out) == (500, 11_500)
    assert other.count == 12_000


def test_yaml_that_stands_for_millions_is_not_followed() -> None:
    levels = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 10)]
    bomb = "\n".join(levels) + "\n"
    read_lock(f"{bomb}dependencies: [*x9]\n")
    card = f"---\n{bomb}---\n# Card\n"
    found = compare(VersionSnapshot("m", 1, card=card), VersionSnapshot("m", 2, card=card + "more\n")).card
    assert "more than 20,000 values" in found.unreadable
    assert found.count == 1


CARD = """\
---
license: mit
metrics: [auc]
---
# Model

First words.

## Intended use

Ranks applicants.

## Limits

None known.
"""


def test_a_card_is_compared_by_front_matter_and_section() -> None:
    after = (
        CARD.replace("license: mit", "license: bsd")
        .replace("None known.", "Thin files.")
        .replace("## Limits", "### Not for\n\nX\n\n## Limits")
    )
    found = compare(VersionSnapshot("m", 1, card=CARD), VersionSnapshot("m", 2, card=after)).card
    assert [(v.name, v.before, v.after) for v in found.metadata if v.differs] == [("license", "mit", "bsd")]
    assert [(s.title, s.kind) for s in found.sections] == [
        ("", "same"),
        ("Intended use", "changed"),
        ("Limits", "changed"),
    ]
    assert found.count == 3


def test_a_card_of_two_megabytes_is_compared_by_lines() -> None:
    long = "words of a card that nobody reads to its end\n" * 45_000
    (section,) = compare(
        VersionSnapshot("m", 1, card=long), VersionSnapshot("m", 2, card=long + "the end\n")
    ).card.sections
    assert section.text.how is not DiffGranularity.WHOLE or section.text.changed
    assert section.text.after.endswith("the end\n")


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_a_card_holds_is_compared(a: str, b: str) -> None:
    found = compare(VersionSnapshot("m", 1, card=a), VersionSnapshot("m", 2, card=b)).card
    assert compare(VersionSnapshot("m", 1, card=a), VersionSnapshot("m", 2, card=a)).total == 0
    assert all(s.text.changed or s.kind != "changed" for s in found.sections)


def test_data_are_the_same_where_a_digest_says_so() -> None:
    strong = Dataset("training", "loans", "2026-07", "", "sha256", "a" * 64, "strong")
    other = Dataset("training", "loans", "2026-08", "", "sha256", "b" * 64, "strong")
    weak = Dataset("training", "loans", "2026-07", "", "mlflow", "1a2b", "weak")

    def said(before: Dataset, after: Dataset) -> tuple[str, str, str]:
        (row,) = compare(VersionSnapshot("m", 1, datasets=[before]), VersionSnapshot("m", 2, datasets=[after])).data
        return row.kind, row.identity, row.description

    assert said(strong, strong) == ("same", "same", "the same bytes")
    assert said(strong, other) == ("changed", "other", "other data: the digests differ")
    assert said(strong, weak) == ("changed", "unproven", "weaker identity: strong → weak")
    assert said(weak, strong)[2] == "stronger identity: weak → strong"
    label = Dataset("training", "loans", "2026-07")
    assert said(label, label)[1] == "unproven"


def test_files_by_path_and_digest() -> None:
    a = VersionSnapshot(
        "m", 1, files={"m.onnx": File("a" * 64, 5), "old.txt": File("b" * 64, 1), "gone": File("c" * 64, 1)}
    )
    b = VersionSnapshot(
        "m", 2, files={"m.onnx": File("d" * 64, 6), "new.txt": File("b" * 64, 1), "more": File("e" * 64, 1)}
    )
    found = {f.path: (f.kind, f.was_at) for f in compare(a, b).files}
    assert found == {
        "m.onnx": ("changed", ""),
        "new.txt": ("moved", "old.txt"),
        "gone": ("removed", ""),
        "more": ("added", ""),
    }


def test_a_metric_is_better_where_a_limit_says_which_way_that_is() -> None:
    bounds = {("auc", "", ""): MetricBound(">=", 0.8), ("ece", "", ""): MetricBound("<=", 0.1)}
    before = {("auc", "", ""): 0.85, ("ece", "", ""): 0.05, ("rmse", "", ""): 1.0, ("ks", "", "thin"): 0.3}
    after = {("auc", "", ""): 0.79, ("ece", "", ""): 0.04, ("rmse", "", ""): 2.0, ("f1", "holdout", ""): 0.5}
    found = compare(VersionSnapshot("m", 1, metrics=before), VersionSnapshot("m", 2, metrics=after), bounds.get).metrics
    assert [(m.name, m.kind, m.within) for m in found] == [
        ("auc", "worse", False),
        ("ece", "better", True),
        ("f1", "added", None),
        ("ks", "removed", None),
        ("rmse", "worse", None),
    ]


def test_nested_parameters_have_dotted_names() -> None:
    a, b = {"net": {"depth": 3, "act": "relu"}, "seed": 1}, {"net": {"depth": 4, "act": "relu"}}
    found = compare(VersionSnapshot("m", 1, parameters=a), VersionSnapshot("m", 2, parameters=b)).parameters
    assert [(v.name, v.before, v.after, v.kind) for v in found if v.differs] == [
        ("net.depth", "3", "4", "changed"),
        ("seed", "1", None, "removed"),
    ]
