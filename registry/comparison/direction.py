"""Whether higher or lower values of a metric are better, by its name. Pure."""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["higher", "lower", ""]

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_HIGHER = frozenset(
    """
    accuracy acc auc auroc aucpr auprc average_precision ap map balanced_accuracy precision recall sensitivity
    specificity f1 f1_score fbeta f2 kappa mcc matthews_corrcoef r2 r2_score gini ks ks_statistic ndcg mrr hit_rate
    bleu rouge rouge1 rouge2 rougel meteor bertscore exact_match roc_auc roc_auc_score pr_auc top_1_accuracy
    top_5_accuracy iou dice psnr ssim silhouette coverage
    """.split()  # noqa: SIM905 - a list of names is read more easily as words
)
_LOWER = frozenset(
    """
    loss log_loss logloss cross_entropy error error_rate mae mse rmse rmsle mape smape wape mase brier brier_score
    ece mce mean_absolute_error mean_squared_error root_mean_squared_error median_absolute_error max_error
    perplexity wer cer psi fpr fnr false_positive_rate false_negative_rate hallucination_rate toxicity latency
    latency_ms fid
    """.split()  # noqa: SIM905 - a list of names is read more easily as words
)
_SETS = frozenset({"train", "training", "val", "valid", "validation", "eval", "test", "holdout", "oot"})


def better_direction(metric: str) -> Direction:
    """Return which direction is better for a metric with a common name ("auc", "val_loss", "eval/f1-score");
    empty if unknown.
    """
    parts = [part for part in _SEPARATORS.split(metric.strip().casefold()) if part]
    while parts and parts[0] in _SETS:
        del parts[0]
    while parts and parts[-1] in _SETS:
        del parts[-1]
    name = "_".join(parts)
    if name in _HIGHER:
        return "higher"
    return "lower" if name in _LOWER else ""
