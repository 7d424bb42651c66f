"""The scanners of the formats that are pickles or can contain them."""

from __future__ import annotations

from collections.abc import Mapping

from governance.checks.formats.names import Format
from governance.checks.scan import numpy_files, pickle_files, torch_files
from governance.checks.scan.report import Scanner

SCANNERS: Mapping[Format, Scanner] = {
    Format.PICKLE: pickle_files.scan_pickle,
    Format.JOBLIB: pickle_files.scan_joblib,
    Format.NPY: numpy_files.scan_npy,
    Format.NPZ: numpy_files.scan_npz,
    Format.TORCH_ZIP: torch_files.scan_zip,
    Format.TORCH_LEGACY: torch_files.scan_legacy,
}
