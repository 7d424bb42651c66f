"""Generate `confusables.txt` from Unicode's file: `python -m registry.characters.generate confusables.txt`.

Unicode publishes it at https://www.unicode.org/Public/security/latest/confusables.txt. The copy here has the mappings
without their comments, and names the version of the original.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).with_name("confusables.txt")
_LINE = re.compile(r"([0-9A-F]+)\s*;\s*([0-9A-F ]+?)\s*;\s*MA\b")
_NOTICE = """\
# Confusable characters of UTS #39, for registry.characters.skeletons: a code point, and what it is mapped to.
# Unicode {version}, dated {date}; the SHA-256 of the original is {sha256}.
# Copyright 1991-2025 Unicode, Inc. Unicode data files are used under the Unicode License v3:
# https://www.unicode.org/license.txt
"""


def condensed(original: bytes) -> str:
    """Return a condensed copy of Unicode's confusables.txt.

    Args:
        original: the bytes of the file.

    Returns:
        A notice and one mapping per line.

    Raises:
        ValueError: the bytes are not such a file.
    """
    text = original.decode("utf-8-sig")
    version, date = (
        re.search(r"^# Version: (\S+)", text, re.MULTILINE),
        re.search(r"^# Date: (\S+?),", text, re.MULTILINE),
    )
    mappings = [found for line in text.splitlines() if (found := _LINE.match(line)) is not None]
    if version is None or date is None or not mappings:
        raise ValueError("This is not Unicode's confusables.txt.")
    notice = _NOTICE.format(version=version[1], date=date[1], sha256=hashlib.sha256(original).hexdigest())
    return notice + "".join(f"{found[1]};{found[2]}\n" for found in sorted(mappings, key=lambda m: int(m[1], 16)))


if __name__ == "__main__":
    HERE.write_text(condensed(Path(sys.argv[1]).read_bytes()))
