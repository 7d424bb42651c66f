"""The scanners of graphs, trees, tables, texts, images and documents: formats of data, which may name code."""

from __future__ import annotations

from collections.abc import Mapping

from governance.checks.formats.names import Format
from governance.checks.scan import (
    gguf,
    images,
    pdf_files,
    r_data,
    savedmodel,
    tables,
    text_files,
    tflite,
    tree_models,
)
from governance.checks.scan.report import Scanner

SCANNERS: Mapping[Format, Scanner] = {
    Format.SAVEDMODEL: savedmodel.scan,
    Format.TFLITE: tflite.scan,
    Format.GGUF: gguf.scan,
    Format.UBJ: tree_models.scan_ubj,
    Format.CATBOOST: tree_models.scan_catboost,
    Format.LIGHTGBM: tree_models.scan_lightgbm,
    Format.SENTENCEPIECE: tree_models.scan_sentencepiece,
    Format.PARQUET: tables.scan_parquet,
    Format.FEATHER: tables.scan_feather,
    Format.R_DATA: r_data.scan,
    Format.IMAGE: images.scan,
    Format.PDF: pdf_files.scan,
    Format.TEXT: text_files.scan_text,
}
