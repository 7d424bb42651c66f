"""Remedies for files of refused formats: the library's own safe export, or where the file belongs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from governance.checks.formats.names import ARCHIVES, COMPANIONS, UNREAD_ARCHIVES, Format

_SKLEARN = (Format.SKOPS, "A scikit-learn model is saved as skops by skops.io.dump().")
_XGBOOST = (Format.UBJ, "An XGBoost model is saved as UBJ by save_model('model.ubj').")
_LIGHTGBM = (Format.LIGHTGBM, "A LightGBM model is saved as text by Booster.save_model('model.txt').")
_CATBOOST = (Format.CATBOOST, "A CatBoost model is saved by save_model('model.cbm').")
_TORCH = (Format.SAFETENSORS, "A torch model's weights are saved as safetensors by safetensors.torch.save_file().")
_TORCH_ONNX = (Format.ONNX, "A torch model is saved as ONNX by torch.onnx.export().")
_KERAS = (Format.KERAS, "A Keras model is saved by model.save('model.keras').")
_TF_ONNX = (Format.ONNX, "A TensorFlow model is converted to ONNX by python -m tf2onnx.convert.")
_R = (
    (Format.UBJ, "An XGBoost model is saved in R by xgb.save(model, 'model.ubj')."),
    (Format.LIGHTGBM, "A LightGBM model is saved in R by lgb.save(model, 'model.txt')."),
)

EXPORTS: Mapping[Format, tuple[tuple[Format, str], ...]] = {
    Format.PICKLE: (_SKLEARN, _XGBOOST, _LIGHTGBM, _CATBOOST),
    Format.JOBLIB: (_SKLEARN, _XGBOOST, _LIGHTGBM, _CATBOOST),
    Format.TORCH_ZIP: (_TORCH, _TORCH_ONNX),
    Format.TORCH_LEGACY: (_TORCH, _TORCH_ONNX),
    Format.HDF5: (_KERAS, _TF_ONNX),
    Format.KERAS: (_TF_ONNX,),
    Format.SAVEDMODEL: (_KERAS, _TF_ONNX),
    Format.TFLITE: (_KERAS, _TF_ONNX),
    Format.R_DATA: _R,
    Format.UBJ: ((Format.TEXT, "An XGBoost model is saved as JSON text by save_model('model.json')."),),
    Format.CATBOOST: ((Format.ONNX, "A CatBoost model is saved as ONNX by save_model('model.onnx', format='onnx')."),),
    Format.SENTENCEPIECE: (
        (Format.TEXT, "A fast tokenizer of transformers is saved as tokenizer.json by save_pretrained()."),
    ),
}
"""For each format the exports of libraries to safer formats, each with the format it produces."""

_NO_PART_OF_A_MODEL = COMPANIONS | ARCHIVES | UNREAD_ARCHIVES | {Format.UNKNOWN, Format.TEXT}


def remedy(refused: Format, accepted: Collection[str]) -> str:
    """Return the remedy for a file of a refused format, as complete sentences.

    Args:
        refused: the refused format.
        accepted: the accepted formats.
    """
    if refused is Format.EMPTY:
        return "Remove it, or register the file with its content."
    if refused is Format.SECRETS:
        return (
            "Withdraw the secret where it is valid, because it is stored here now, and register a version without the "
            "file."
        )
    if refused is Format.CODE:
        return (
            "Code is named by its commit (code_repository and code_commit), and a version holds the model. Register a "
            "version without this file, or attach it as evidence."
        )
    exports = [text for form, text in EXPORTS.get(refused, ()) if form in accepted]
    again = "Register a new version with the file in one of these formats."
    if refused in _NO_PART_OF_A_MODEL:
        again = (
            "If it is no part of the model, register a version without it and attach it as evidence "
            "(countersign attach MODEL VERSION --evidence KIND=PATH); else register it in one of these formats."
        )
    return " ".join([*exports, again])
