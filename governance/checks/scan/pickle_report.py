"""Collects what a scan of pickles finds: findings and effects, each once, and the words for the author."""

from __future__ import annotations

from governance.checks.base import Severity
from governance.checks.formats.names import Format
from governance.checks.scan.allowed_names import refusal
from governance.checks.scan.report import Effect, EffectKind, FileScan, ScanFinding, Verdict, worst

MAX_FINDINGS = 100
MAX_EFFECTS = 2_000

_EXPORTS = {
    "sklearn": "skops.io.dump() writes a scikit-learn model without pickle",
    "xgboost": "save_model('model.ubj') writes an XGBoost model without pickle",
    "lightgbm": "Booster.save_model('model.txt') writes a LightGBM model without pickle",
    "catboost": "save_model('model.cbm') writes a CatBoost model without pickle",
    "torch": "safetensors.torch.save_file(model.state_dict(), …) writes the weights without pickle",
    "torchvision": "safetensors.torch.save_file(model.state_dict(), …) writes the weights without pickle",
    "transformers": "save_pretrained(…, safe_serialization=True) writes the weights without pickle",
    "keras": "model.save('model.keras') writes a Keras model without pickle",
    "tensorflow": "model.save('model.keras') writes a Keras model without pickle",
    "numpy": "numpy.savez(…) with allow_pickle=False writes arrays without pickle",
    "pandas": "to_parquet(…) writes a table without pickle",
}
_EXPORT = "save the weights as safetensors or npz, or the model as ONNX or skops, without pickle"


def advice(name: str) -> str:
    """Return what the author can do about a name that is not allowed, as one or two sentences."""
    package = name.partition(".")[0]
    export = _EXPORTS.get(package, _EXPORT)
    why_not = refusal(name)
    if why_not is not None:
        return f"{why_not} Instead, {export}."
    return f"A reviewer can put exactly {name} into extra_allowed of the policy; or {export}."


class PickleReport:
    """Findings and effects of one file. `verdict` is the worst so far."""

    def __init__(self) -> None:
        self.verdict = Verdict.SAFE
        self.findings: dict[tuple[str, str], ScanFinding] = {}
        self.effects: dict[tuple[EffectKind, str], Effect] = {}
        self.place = ""
        """The member that is read, as the beginning of each position."""
        self._more = 0

    def unsafe(self, code: str, message: str, offset: int, *, subject: str = "") -> None:
        """Record a finding that makes the file unsafe. The same code about the same subject is recorded once."""
        self._add(Verdict.UNSAFE, code, message, self.at(offset), subject or message, Severity.CRITICAL)

    def unreadable(self, reason: str, offset: int | None = None) -> None:
        """Record that the file cannot be read; `reason` follows the file's name, as in Malformed."""
        message = f"The file {reason}, so what loading it would do cannot be judged. Write it again with its library."
        where = self.place if offset is None else self.at(offset)
        self._add(Verdict.UNREADABLE, "unreadable_file", message, where, reason, Severity.HIGH)

    def unsupported(self, code: str, message: str) -> None:
        """Record that the file, or a part of it, is of a kind that is not judged."""
        self._add(Verdict.UNSUPPORTED, code, message, self.place, message, Severity.HIGH)

    def note(self, code: str, message: str, severity: Severity) -> None:
        """Record a finding that does not change the verdict."""
        self._add(Verdict.SAFE, code, message, self.place, message, severity)

    def effect(self, kind: EffectKind, subject: str, offset: int, *, allowed: bool) -> None:
        """Record an effect of loading, the first time."""
        self.effect_at(kind, subject, self.at(offset), allowed=allowed)

    def effect_at(self, kind: EffectKind, subject: str, where: str, *, allowed: bool) -> None:
        """Record an effect at a place that is no position in the pickle."""
        if (kind, subject) not in self.effects and len(self.effects) < MAX_EFFECTS:
            self.effects[kind, subject] = Effect(kind, subject, where, allowed)

    def at(self, offset: int) -> str:
        """Return a position in the file."""
        return f"{self.place}: byte {offset}" if self.place else f"byte {offset}"

    def result(self, form: Format, members: tuple[tuple[str, FileScan], ...] = ()) -> FileScan:
        """Return the result of the file."""
        found = tuple(self.findings.values())
        if self._more:
            found += (ScanFinding("more_findings", f"{self._more} more findings are not listed.", Severity.INFO),)
        verdict = worst([self.verdict, *(member.verdict for _, member in members)])
        return FileScan(form, verdict, found, tuple(self.effects.values()), (), members)

    def _add(self, verdict: Verdict, code: str, message: str, where: str, subject: str, severity: Severity) -> None:
        self.verdict = worst([self.verdict, verdict])
        if (code, subject) in self.findings:
            return
        if len(self.findings) >= MAX_FINDINGS:
            self._more += 1
            return
        self.findings[code, subject] = ScanFinding(code, message, severity, where)
