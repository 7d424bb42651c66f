"""Judge XML texts: PMML models and SVG drawings. The text is read as a stream and nothing it names is opened.

Source: XML 1.0; PMML 4.4 (https://dmg.org/pmml); SVG 2, scripting and linking.
"""

from __future__ import annotations

import re
from typing import IO
from xml.parsers import expat

from governance.checks.base import Severity
from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.scan.collecting import Collector, shown

_CHUNK = 1 << 16
MAX_DEPTH = 500
_BEGINS = re.compile(
    r"<(?:\?xml[\s?]|!DOCTYPE\b|!--|(?:[A-Za-z][\w.-]{0,40}:)?[A-Za-z][\w.-]{0,80}[\s/>])", re.IGNORECASE
)
_ROOTS = re.compile(r"<(?:\?xml\b|!DOCTYPE\s+(?!html)|(?:\w{1,40}:)?(?:svg|PMML|xsl:\w+)[\s>])", re.IGNORECASE)
_KNOWN_ROOT = re.compile(r"<(?:\w{1,40}:)?(?:svg|PMML)[\s>]")
_SCRIPTS = frozenset({"script", "foreignobject", "iframe", "embed", "object", "handler"})
_CHANGES = frozenset({"set", "animate"})
_LINKS = frozenset({"href", "src", "data", "action", "from", "to", "values"})
_JAVA_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


class _RefusedError(Exception):
    """The XML has a part that is refused, so that reading stops."""


def is_xml(begins: str) -> bool:
    """Return whether a text that begins with "<" is XML; HTML and Markdown are not."""
    if _ROOTS.match(begins) is not None:
        return True
    return _BEGINS.match(begins) is not None and _KNOWN_ROOT.search(begins, 0, 4_096) is not None


def judge(stream: IO[bytes], found: Collector) -> None:
    """Judge an XML text.

    Args:
        stream: its bytes.
        found: collects the findings.

    Raises:
        Malformed: it is not well-formed.
    """
    walk = _Walk(found)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = walk.doctype
    parser.EntityDeclHandler = walk.entity
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.text
    parser.ProcessingInstructionHandler = walk.instruction
    walk.parser = parser
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            effort.spend(len(chunk) // 8)
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except _RefusedError:
        return
    except (expat.ExpatError, ValueError, LookupError) as fault:
        raise Malformed(f"is XML that is not well-formed: {fault}") from None


class _Walk:
    parser: expat.XMLParserType

    def __init__(self, found: Collector) -> None:
        self.found = found
        self.root = ""
        self.depth = 0
        self.in_style = False

    def _where(self) -> str:
        return f"line {self.parser.CurrentLineNumber}"

    def doctype(self, name: str, system: str | None, public: str | None, has_internal: int) -> None:
        if has_internal or not (public or "").startswith("-//W3C//DTD SVG"):
            self._refuse("xml_document_type", "The XML has a document type, which can define entities and name files")

    def entity(self, *_: object) -> None:
        self._refuse("xml_entity", "The XML defines an entity, which can read files or expand without limit")

    def _refuse(self, code: str, what: str) -> None:
        self.found.find(code, f"{what}. Write it without a document type.", self._where(), severity=Severity.CRITICAL)
        raise _RefusedError

    def instruction(self, target: str, data: str) -> None:
        self._outside(f"{target} {data}", f"the instruction {target!r}")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Malformed(f"is XML with more than {MAX_DEPTH} levels")
        space, _, local = name.rpartition(" ")
        self.root = self.root or local
        if space in ("http://www.w3.org/2001/XInclude", "http://www.w3.org/1999/XSL/Transform"):
            self._outside(attributes.get("href", space), f"the element {local!r}")
        if self.root.lower() == "svg":
            self._svg(local, attributes)
        elif self.root == "PMML":
            self._pmml(local, attributes)

    def end(self, name: str) -> None:
        self.depth -= 1
        self.in_style = False

    def text(self, text: str) -> None:
        if self.in_style and re.search(r"@import|url\(\s*['\"]?(?!#|data:image/)|expression\(", text):
            self._outside(text.strip(), "a style")

    def _svg(self, local: str, attributes: dict[str, str]) -> None:
        low = local.lower()
        changed = attributes.get("attributeName", "").lower()
        if low in _SCRIPTS or (low in _CHANGES and (changed.endswith("href") or changed.startswith("on"))):
            self._script(f"the element {local!r}")
        self.in_style = low == "style"
        for key, value in attributes.items():
            name = key.rpartition(" ")[2].lower()
            plain = re.sub(r"[\s\x00-\x20]", "", value).lower()
            if name.startswith("on"):
                self._script(f"the handler {name!r}")
            elif name in _LINKS and plain.startswith(
                ("javascript:", "vbscript:", "data:text", "data:application", "data:image/svg")
            ):
                self._script(f"the link {shown(value)}")
            elif name == "href" and low != "a" and not plain.startswith(("#", "data:image/")):
                self._outside(value, f"the element {local!r}")
            elif "url(" in plain and re.search(r"url\(['\"]?(?!#|data:image/)", plain):
                self._outside(value, f"the attribute {name!r}")

    def _script(self, what: str) -> None:
        self.found.executes(what, self._where())
        self.found.find(
            "svg_script",
            f"The drawing contains a script: {what}. A browser that shows it runs the script. Save the figure as PNG.",
            self._where(),
            severity=Severity.CRITICAL,
        )

    def _outside(self, place: str, what: str) -> None:
        self.found.reads(place, self._where())
        self.found.find(
            "xml_outside",
            f"The XML refers to something outside the file, {shown(place)}, by {what}. Remove it.",
            self._where(),
        )

    def _pmml(self, local: str, attributes: dict[str, str]) -> None:
        if local == "Apply" and _JAVA_NAME.fullmatch(attributes.get("function", "")):
            self.found.executes(attributes["function"], self._where())
            self.found.find(
                "pmml_function",
                f"The function {shown(attributes['function'])} is the name of a Java class, which evaluators load and "
                "run. Use functions that PMML defines.",
                self._where(),
                severity=Severity.CRITICAL,
            )
        elif local == "TableLocator":
            self._outside("an external table", f"the element {local!r}")
        elif local == "Extension" and not attributes.keys() & {"name", "value", "extender"}:
            self.found.note(
                "pmml_extension", "The model has an extension, which other evaluators ignore.", self._where()
            )
