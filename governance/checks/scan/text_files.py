"""Scan texts by what they contain: JSON, XML, YAML, Jinja templates, or words.

A text is data for its readers, except where a format lets it name code: tags of YAML, entities of XML, configurations
of libraries, templates. Texts above the limit are searched for the names of such parts and not parsed.
"""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath
from typing import IO, cast
from urllib.parse import unquote

from governance.checks.base import Severity
from governance.checks.formats import effort
from governance.checks.formats.names import Format
from governance.checks.scan import huggingface, jinja_templates, json_reader, keras_config, xml_files
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.jinja_lexer import MAX_TEMPLATE
from governance.checks.scan.report import Scan

_CHUNK = 1 << 20
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OVERLAP = 4 << 10
_LFS_POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v\d[\s\S]{0,2000}\boid sha256:")
_DATA_SUFFIXES = (".json", ".yaml", ".yml", ".md")
_JINJA_SUFFIXES = (".jinja", ".jinja2", ".j2")
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

_YAML_TAG = re.compile(rb"(?:^|[\n:\-,\[{?])[ \t]*(?:&\S{1,80}[ \t]+)?!(?:<[^>\s]{1,200}>|[^\s,\[\]{}]{1,200})")
"""A tag where a node of YAML begins: after a line break or an indicator."""
_YAML_DIRECTIVE = re.compile(rb"(?:^|\n)%TAG[ \t][^\n]{0,300}")
_YAML_TARGET = re.compile(rb"""(?:^|[\n{,\-])[ \t]*["']?_target_["']?[ \t]*:[ \t]*["']?([^\s"'#]{1,200})""")
_CODE_KEYS = (b'"auto_map"', b'"custom_pipeline', b'"trust_remote_code"', b'"chat_template"', b'"_target_"')
_LARGE_KEYS = (*_CODE_KEYS, b'"weight_map"', b'"class_name"', b'"template"')
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7][0-9a-fA-F]")
"""Keys that the parser judges, and escapes of letters, by which a key can be written otherwise."""


@collected(Format.TEXT)
def scan_text(scan: Scan, found: Collector) -> None:
    """Scan a text."""
    head = _decoded_head(scan.stream)
    begins = head.lstrip()
    if _LFS_POINTER.match(begins):
        found.unreadable(
            "lfs_pointer",
            "The file is a pointer of Git LFS: the content is elsewhere, and the fingerprint does not cover it. Fetch "
            "the content (git lfs pull), and register the file itself.",
        )
    elif begins.startswith("<") and xml_files.is_xml(begins):
        xml_files.judge(scan.stream, found)
    elif _is_template(scan.name):
        _judge_template(scan, found)
    elif begins[:1] in ("{", "[") and _judge_json(scan, found):
        return
    else:
        _judge_words(_as_utf8(scan.stream), found)


def _is_template(path: str) -> bool:
    name = PurePosixPath(path.lower()).name
    return name.endswith(_JINJA_SUFFIXES) or (name.startswith("chat_template") and not name.endswith(_DATA_SUFFIXES))


def _as_utf8(stream: IO[bytes]) -> IO[bytes]:
    """Return the stream, or its text as UTF-8 if it is UTF-16."""
    stream.seek(0)
    is_utf16 = stream.read(2) in _UTF16_MARKS
    stream.seek(0)
    return cast("IO[bytes]", codecs.EncodedFile(stream, "utf-8", "utf-16")) if is_utf16 else stream


def _decoded_head(stream: IO[bytes]) -> str:
    stream.seek(0)
    raw = stream.read(1 << 16)
    encoding = next((name for mark, name in _ENCODINGS if raw.startswith(mark)), "utf-8")
    return raw.decode(encoding, errors="replace")


def _judge_template(scan: Scan, found: Collector) -> None:
    scan.stream.seek(0)
    raw = scan.stream.read(4 * MAX_TEMPLATE + 1)
    encoding = "utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8-sig"
    jinja_templates.judge(raw.decode(encoding, errors="replace"), "", found)


def _judge_json(scan: Scan, found: Collector) -> bool:
    """Judge a text that begins as JSON; False if it is not JSON."""
    if scan.size > json_reader.MAX_JSON:
        _judge_large_json(scan.stream, found)
        return True
    scan.stream.seek(0)
    raw = scan.stream.read(scan.size)
    if raw.startswith(_UTF16_MARKS):
        raw = raw.decode("utf-16", errors="replace").encode()
    try:
        value = json_reader.read(_without_legacy_encoding(raw), "JSON text")
    except json_reader.NotJsonError:
        if (key := _named_key(raw, _CODE_KEYS)) is not None:
            found.unreadable("json_broken", f"The text contains {shown(key)} and is not JSON that every reader reads.")
        return False
    if keras_config.is_config(value):
        keras_config.judge(value, "", found, scan.options)
    huggingface.judge(value, found)
    return True


def _without_legacy_encoding(raw: bytes) -> bytes:
    """Return the text as UTF-8: some readers use the encoding of their machine."""
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").encode()
    return raw


def _named_key(text: bytes, keys: tuple[bytes, ...]) -> str | None:
    """Return the first of the keys that a text contains, or an escaped letter."""
    found = next((key for key in keys if key in text), None)
    if found is None and b"\\u00" in text and (escape := _ESCAPED_LETTER.search(text)) is not None:
        found = escape[0]
    return found.decode() if found is not None else None


def _judge_large_json(stream: IO[bytes], found: Collector) -> None:
    if (key := _first_key(stream)) is not None:
        found.unreadable(
            "json_too_large",
            f"The JSON text is larger than {json_reader.MAX_JSON:,} bytes and contains "
            f"{shown(key)}, which may name code, so what it does cannot be judged. Store "
            "the configuration in a file of its own.",
        )


def _judge_words(stream: IO[bytes], found: Collector) -> None:
    """Judge a text that is neither JSON nor XML: it may be YAML."""
    stream.seek(0)
    before = b""
    while chunk := stream.read(_CHUNK):
        effort.spend_bytes(len(chunk))
        if b"_target_" in chunk or b"_target_" in before:
            _judge_targets(before + chunk, found)
        if b"!" not in chunk and b"!" not in before and b"%TAG" not in before + chunk:  # most texts; quick to find out
            before = chunk[-_OVERLAP:]
            continue
        for match in _YAML_TAG.finditer(before + chunk):
            tag = unquote(match[0].partition(b"!")[2].decode(errors="replace"))
            if "python" in tag:
                found.executes(f"!{tag}", "")
                found.find(
                    "yaml_python_tag",
                    f"The YAML tag {shown('!' + tag)} makes an object of Python: loading the text can import and call "
                    "any function. Write plain values.",
                    severity=Severity.CRITICAL,
                )
        for match in _YAML_DIRECTIVE.finditer(before + chunk):
            if b"tag:yaml.org,2002:" in match[0] or b"%" in match[0].strip()[1:]:
                found.find(
                    "yaml_tag_directive",
                    f"The directive {shown(match[0].strip().decode(errors='replace'))} gives other names to tags, so "
                    "that tags of Python can be written under them. Write plain values.",
                )
        before = chunk[-_OVERLAP:]


def _judge_targets(text: bytes, found: Collector) -> None:
    """Judge the key `_target_` of YAML, by which Hydra imports and calls a function."""
    for match in _YAML_TARGET.finditer(text):
        huggingface.refuse_target(match[1].decode(errors="replace"), "_target_", found)


def _first_key(stream: IO[bytes]) -> str | None:
    stream.seek(0)
    before = b""
    while chunk := stream.read(_CHUNK):
        effort.spend_bytes(len(chunk))
        if (key := _named_key(before + chunk, _LARGE_KEYS)) is not None:
            return key
        before = chunk[-_OVERLAP:]
    return None
