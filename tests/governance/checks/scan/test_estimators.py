"""Fitted estimators of scikit-learn, as their users save them, are safe."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import all_estimators

from governance.checks.scan.report import Verdict
from tests.governance.checks.scan.pickle_made import imports, scanned

GENERATOR = np.random.RandomState(0)
X = np.abs(GENERATOR.rand(40, 4))
Y = np.array([0, 1] * 20)
NUMBERS = GENERATOR.rand(40)
BOTH = np.stack([Y, 1 - Y], 1)
TEXTS = ["a b c", "b c d", "c d e e"] * 10
INPUTS: tuple[tuple[Any, ...], ...] = (
    (X, Y),
    (X, NUMBERS),
    (X,),
    (X, BOTH),
    (TEXTS,),
    ([{"a": 1, "b": 2}] * 5,),
    (Y,),
    (X[:, 0], NUMBERS),
    ([["a"], ["b"]],),
)

QUICK = {
    "RandomForestClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "SVC",
    "LogisticRegression",
    "SGDClassifier",
    "KNeighborsClassifier",
    "GaussianProcessRegressor",
    "IsotonicRegression",
    "SplineTransformer",
    "OneHotEncoder",
    "DictVectorizer",
    "CountVectorizer",
    "MLPClassifier",
    "IsolationForest",
    "KMeans",
    "CalibratedClassifierCV",
    "TargetEncoder",
    "BayesianRidge",
    "IterativeImputer",
}
"""Estimators of each family, which between them refer to most kinds of names."""


def instances(estimator: type) -> Iterator[Any]:
    from sklearn.utils._test_common.instance_generator import _construct_instances

    with suppress(SkipTest):  # two that cannot be made without another estimator
        yield from _construct_instances(estimator)


def fitted(estimator: type) -> Iterator[Any]:
    """Each instance that scikit-learn's own tests make, fitted with the first input that it accepts."""
    for instance in instances(estimator):
        for given in INPUTS:
            try:
                yield clone(instance).fit(*given)
            except Exception:
                continue
            break


def files(model: Any, protocols: tuple[int, ...]) -> Iterator[bytes]:
    for protocol in protocols:
        yield pickle.dumps(model, protocol)
    for compress in (0, 3):
        file = io.BytesIO()
        joblib.dump(model, file, compress=compress)
        yield file.getvalue()


def refused(chosen: list[tuple[str, type]], protocols: tuple[int, ...]) -> tuple[list[str], int]:
    found, count = [], 0
    with warnings.catch_warnings(action="ignore"):
        for label, estimator in chosen:
            for model in fitted(estimator):
                for content in files(model, protocols):
                    count += 1
                    result = scanned(content)
                    if result.verdict is not Verdict.SAFE or not imports(result):
                        found.append(f"{label}: {result.findings[:2]}")
    return found, count


def test_estimators_of_each_family_are_safe() -> None:
    chosen = [(label, estimator) for label, estimator in all_estimators() if label in QUICK]
    found, count = refused(chosen, (2, 5))

    assert found == []
    assert count >= 4 * len(chosen) >= 60


@pytest.mark.long
def test_all_estimators_are_safe_in_all_protocols() -> None:
    found, count = refused(all_estimators(), (0, 1, 2, 3, 4, 5))

    assert found == []
    assert count > 1_500


def test_a_pipeline_with_its_search_is_safe() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_selection import SelectKBest, mutual_info_classif
    from sklearn.metrics import make_scorer, roc_auc_score
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    columns = ColumnTransformer([("scale", StandardScaler(), [0, 1]), ("log", FunctionTransformer(np.log1p), [2, 3])])
    forest = RandomForestClassifier(n_estimators=3, random_state=np.random.RandomState(0))
    steps = Pipeline([("columns", columns), ("best", SelectKBest(mutual_info_classif, k=2)), ("forest", forest)])
    search = GridSearchCV(
        steps,
        {"best__k": [1, 2]},
        cv=StratifiedKFold(2),
        scoring=make_scorer(roc_auc_score, response_method="predict_proba"),
    )
    search.fit(X, Y)

    assert [scanned(content).findings for content in files(search, (2, 4, 5))] == [()] * 5
