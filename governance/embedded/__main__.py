"""``python -m governance.embedded reset``: delete the data of development and tests in this clone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from governance.embedded.leases import PROJECT, reset
from governance.embedded.servers import EmbeddedError

if sys.argv[1:] != ["reset"]:
    sys.exit("usage: python -m governance.embedded reset")
where = Path(os.environ.get("COUNTERSIGN_VAR_DIR") or PROJECT / "var")
try:
    reset(where)
except EmbeddedError as error:
    sys.exit(f"nothing was removed: {error}")
print(f"{where} is empty; the next `make run` starts from scratch")
