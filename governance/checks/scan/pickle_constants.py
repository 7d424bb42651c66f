"""The opcodes of constants and of the memo: numbers, texts and bytes in all protocols.

Numbers are accepted as picklers write them. The unpicklers accept more, and not the same.
"""

from __future__ import annotations

import re

from governance.checks.formats.effort import Malformed
from governance.checks.scan.pickle_stack import PickleStack
from governance.checks.scan.pickle_values import DATA

LONGEST_NAME = 250
"""Characters of a text that can be a name; of a longer one nothing is kept."""
_LONGEST_NUMBER = 10_000
_KEPT_NUMBER = 16
"""Bytes of a number that is kept: that of torch files has ten."""
_INTEGER = re.compile(rb"-?(0|[1-9][0-9]*)|00|01")
_LONG = re.compile(rb"-?(0|[1-9][0-9]*)L?")
_FLOAT = re.compile(rb"-?([0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|inf|nan)")
_INDEX = re.compile(rb"0|[1-9][0-9]{0,9}")
_STRING = re.compile(rb"'.*'|\".*\"", re.DOTALL)


class PickleConstants(PickleStack):
    """Interprets the opcodes of constants. Each method raises Malformed where no pickler writes this."""

    def none(self) -> None:
        """NONE."""
        self.stack.append(None)

    def true(self) -> None:
        """NEWTRUE."""
        self.stack.append(True)

    def false(self) -> None:
        """NEWFALSE."""
        self.stack.append(False)

    def long1(self) -> None:
        """LONG1."""
        self._long(self.source.number(1))

    def long4(self) -> None:
        """LONG4."""
        self._long(self._signed_length())

    def _long(self, size: int) -> None:
        if size <= _KEPT_NUMBER:
            self.stack.append(self.source.number(size, signed=True))
        else:
            self._skip(size)

    def int_line(self) -> None:
        """INT: a number, or 00 and 01 for the booleans."""
        line = self._line(_INTEGER)
        self.stack.append(line == b"01" if line in (b"00", b"01") else _short(line))

    def long_line(self) -> None:
        """LONG."""
        self.stack.append(_short(self._line(_LONG).rstrip(b"L")))

    def float_line(self) -> None:
        """FLOAT."""
        self._line(_FLOAT)
        self.stack.append(DATA)

    def string_line(self) -> None:
        """STRING. Its text depends on the encoding that the loader asks for, so it is never a name."""
        line = self.source.line()
        if line is not None and not _STRING.fullmatch(line):
            raise Malformed("is a pickle with a text that has no quotes")
        self.stack.append(DATA)

    def unicode_line(self) -> None:
        """UNICODE."""
        line = self.source.line()
        try:
            text = line.decode("raw-unicode-escape") if line is not None else None
        except UnicodeDecodeError:
            raise Malformed("is a pickle with a text that cannot be decoded") from None
        self.stack.append(DATA if text is None or len(text) > LONGEST_NAME else text)

    def text1(self) -> None:
        """SHORT_BINUNICODE."""
        self._text(self.source.number(1))

    def text4(self) -> None:
        """BINUNICODE."""
        self._text(self.source.number(4))

    def text8(self) -> None:
        """BINUNICODE8."""
        self._text(self.source.number(8))

    def _text(self, size: int) -> None:
        if size > LONGEST_NAME:
            self._skip(size)
            return
        try:
            self.stack.append(self.source.read(size).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise Malformed("is a pickle with a text that is not UTF-8") from None

    def bytes1(self) -> None:
        """SHORT_BINBYTES, SHORT_BINSTRING."""
        self._skip(self.source.number(1))

    def bytes4(self) -> None:
        """BINBYTES."""
        self._skip(self.source.number(4))

    def bytes8(self) -> None:
        """BINBYTES8, BYTEARRAY8."""
        self._skip(self.source.number(8))

    def binstring(self) -> None:
        """BINSTRING."""
        self._skip(self._signed_length())

    def _skip(self, size: int) -> None:
        self.source.skip(size)
        self.stack.append(DATA)

    def _signed_length(self) -> int:
        size = self.source.number(4, signed=True)
        if size < 0:
            raise Malformed("is a pickle with a negative length")
        return size

    def get_line(self) -> None:
        """GET."""
        self.get(int(self._line(_INDEX)))

    def get1(self) -> None:
        """BINGET."""
        self.get(self.source.number(1))

    def get4(self) -> None:
        """LONG_BINGET."""
        self.get(self.source.number(4))

    def put_line(self) -> None:
        """PUT."""
        self.put(int(self._line(_INDEX)))

    def put1(self) -> None:
        """BINPUT."""
        self.put(self.source.number(1))

    def put4(self) -> None:
        """LONG_BINPUT."""
        self.put(self.source.number(4))

    def _line(self, form: re.Pattern[bytes]) -> bytes:
        line = self.source.line()
        if line is None or len(line) > _LONGEST_NUMBER or not form.fullmatch(line):
            raise Malformed("is a pickle with a number as no pickler writes it")
        return line


def _short(digits: bytes) -> object:
    """Return a number; DATA for one that no shape has."""
    return int(digits) if len(digits) < 20 else DATA
