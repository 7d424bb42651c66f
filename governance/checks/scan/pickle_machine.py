"""An abstract interpreter of pickle opcodes: which names would loading import, and which would it call?

It follows stack, marks and memo as the unpicklers of CPython do (Lib/pickle.py, Modules/_pickle.c), for the protocols 0
to 5, and imports nothing. Whatever the two unpicklers could read differently, and whatever no pickler writes, is not
safe: what remains is read by all of them in the same way.
"""

from __future__ import annotations

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass, field

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.scan import dtypes, pickle_calls
from governance.checks.scan.allowed_names import AllowedNames
from governance.checks.scan.pickle_constants import PickleConstants
from governance.checks.scan.pickle_report import PickleReport, advice
from governance.checks.scan.pickle_source import NO_FRAME, Source
from governance.checks.scan.pickle_stack import PAUSE, PickleStack
from governance.checks.scan.pickle_values import (
    DATA,
    DICT,
    MAX_TUPLE,
    SPENT,
    STATEFUL,
    UNCERTAIN,
    Dtype,
    Import,
    Opaque,
    State,
    Value,
    Wrapper,
)
from governance.checks.scan.report import EffectKind

MAX_STATE = 1_000
"""Entries of a dict that is kept: fields of a dtype, or attributes of a wrapper of joblib, which has six."""
MAX_NAMES = 5_000
"""Different names that a pickle may import: interpreting ends after so many."""
_BEFORE_FIELDS = [[version, order, None] for version in (3, 4) for order in "|<>="]
"""What is on the stack below the names of the fields of a dtype, in its state."""
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class RefusedError(Exception):
    """A persistent id is refused; the message is a sentence that says why."""


@dataclass
class Reader:
    """What the loader of a library adds to the unpickler.

    Attributes:
        persistent: returns the object that a persistent id names. Raises RefusedError. Without it, persistent ids are
            unsafe.
        array: reads the bytes after a wrapper of joblib, given its state. Without it, a wrapper is an object like any.
    """

    persistent: Callable[[Value], Value] | None = None
    array: Callable[[Source, State], None] | None = None


@dataclass
class Machine:
    """Interprets the pickles of one file, in order.

    Attributes:
        names: what may be imported.
        report: receives findings and effects.
        reader: what the loader of the format adds.
        earlier: whether an earlier pickle of the file left entries in the memo.
    """

    names: AllowedNames
    report: PickleReport
    reader: Reader = field(default_factory=Reader)
    earlier: bool = False

    def run(self, source: Source) -> Value:
        """Interpret one pickle from the position of `source` to its STOP.

        Returns:
            What is known about the object that loading would return.

        Raises:
            Malformed: it cannot be a pickle, or takes too much work.
            UnreliableError: the unpicklers may read the rest differently.
        """
        run = _Run(self, source)
        try:
            return run.interpret()
        finally:
            self.earlier = self.earlier or run.memo_entries > 0


class _Run(PickleConstants):
    """One pickle: containers, imports, calls, frames."""

    def __init__(self, machine: Machine, source: Source) -> None:
        super().__init__(source, machine.report, earlier=machine.earlier)
        self.names = machine.names
        self.reader = machine.reader
        self.protocol = 0
        self.imports: dict[str, Import] = {}
        self.described = 0
        """Arrays, dtypes and their states so far."""

    def interpret(self) -> Value:  # noqa: PLR0912  # one loop, without a call for each opcode
        """Interpret opcodes until STOP; see `Machine.run`."""
        source = self.source
        source.frame_end = NO_FRAME
        left = PAUSE
        row = 0
        while True:
            left -= 1
            if not left:
                self.pause()
                left = PAUSE
            if source.length - source.at < 10:
                source.fill(10)
                if not source.length:
                    raise Malformed("is a pickle without an end")
            at = source.at
            code = source.buffer[at]
            self.opcode_at = source.start + at
            width = _WIDTHS[code]
            if width >= 0:
                source.at = after = at + width + 1
                if after > source.length:
                    raise Malformed("is cut short")
                if width and code != _BINFLOAT:
                    self.stack.append(int.from_bytes(source.buffer[at + 1 : after], "little", signed=code == _BININT))
                else:
                    self.stack.append(DATA)
                row += 1
                if row == _ROW:
                    row = 0
                    self._skip_numbers()
            else:
                row = 0
                source.at = at + 1
                handler = _HANDLERS[code]
                if handler is None:
                    if code == _STOP:
                        effort.spend(PAUSE - left)
                        return self._stop()
                    raise Malformed(f"has the byte {code:#04x} where an opcode of a pickle should be")
                handler(self)
            if source.start + source.at >= source.frame_end:
                self._leave_frame()

    def _skip_numbers(self) -> None:
        """Push DATA for a long row of numbers, except for the last: no kept tuple is longer."""
        source = self.source
        stop = min(source.length, source.frame_end - source.start)
        found = _NUMBERS.match(source.buffer, source.at, stop)
        if found is None:
            return
        skipped = _NUMBER.findall(source.buffer, source.at, found.end())[:-_ROW]
        effort.spend(len(skipped))
        self.count_steps(len(skipped))
        self.stack.extend([DATA] * len(skipped))
        source.at += sum(map(len, skipped))

    # Frames.

    def _leave_frame(self) -> None:
        if self.source.position > self.source.frame_end:
            self.fail(
                "frame_crossed",
                "An opcode crosses the end of a frame. Unpicklers differ in what they read there, so what loading "
                "would import cannot be known. No pickler writes this.",
            )
        self.source.frame_end = NO_FRAME

    def _require_frame_end(self, what: str) -> None:
        if self.source.frame_end != NO_FRAME and self.source.position < self.source.frame_end:
            self.fail("frame_crossed", f"{what} inside a frame. Loaders differ in where they read on after it.")
        self.source.frame_end = NO_FRAME

    def frame(self) -> None:
        size = self.source.number(8)
        if self.source.frame_end != NO_FRAME:
            self.fail("frame_nested", "A frame begins inside a frame. Unpicklers differ in what they read there.")
        end = self.source.position + size
        if self.source.size is not None and end > self.source.size:
            raise Malformed("is cut short")
        self.source.frame_end = end

    def _stop(self) -> Value:
        found = self.pop()
        self._require_frame_end("The pickle ends")
        return found

    def proto(self) -> None:
        self.protocol = self.source.number(1)
        if self.protocol > 5:
            raise Malformed(f"is a pickle of protocol {self.protocol}, which is unknown")

    # Containers.

    def container(self) -> None:
        self.pop_mark()
        self.stack.append(DATA)

    def empty_dict(self) -> None:
        self.stack.append(self._new_dict())

    def dict_of_mark(self) -> None:
        items = self.pop_mark()
        made = self._new_dict()
        self.stack.append(made)
        self._set_items(made, items)

    def _new_dict(self) -> Value:
        """Only the state of a wrapper of joblib and the fields of a dtype are kept."""
        below = self.stack[-1] if self.stack else None
        if type(below) is Wrapper and not below.described:
            below.described = True
        elif type(below) is not tuple or self.stack[-4:-1] not in _BEFORE_FIELDS:
            return DICT
        pickle_calls.count(self)
        return State()

    def append(self) -> None:
        self.pop()
        self._change(self.top(), "appends to")

    def append_items(self) -> None:
        self.pop_mark()
        self._change(self.top(), "adds to")

    def setitem(self) -> None:
        value, key = self.pop(), self.pop()
        self._set_items(self.top(), [key, value])

    def setitems(self) -> None:
        items = self.pop_mark()
        self._set_items(self.top(), items)

    def _set_items(self, target: Value, items: list[Value]) -> None:
        if len(items) % 2:
            raise Malformed("is a pickle with a key without a value")
        self._change(target, "sets items of")
        if type(target) is State:
            for key, value in zip(items[::2], items[1::2], strict=True):
                if type(key) is str and len(target.items) < MAX_STATE:
                    target.items[key] = value
                else:
                    target.exact = False

    def _change(self, target: Value, verb: str) -> None:
        if type(target) is Import:
            message = f"Loading {verb} {target.name}, which it imports: that changes the program that loads the file."
            self.report.unsafe("import_changed", message, self.opcode_at, subject=target.name)
        elif type(target) is State and target.applied:
            self._refuse_dtype("changes the fields of a dtype that is in use")
        elif target is UNCERTAIN:
            self._uncertain(f"Loading {verb} an object")

    def build(self) -> None:
        state = self.pop()
        target = self.top()
        self._change(target, "sets the state of")
        if type(target) is Dtype:
            if (fault := dtypes.apply_state(target, state)) is not None:
                self._refuse_dtype(fault)
        elif target is SPENT or type(target) is Wrapper:
            self._read_array(target, state)
        elif target is not STATEFUL and not _is_plain_state(state):
            self.report.unsafe(
                "state_of_slots",
                "Loading sets attributes of an object by a state that is no plain dict, so it can set any attribute "
                "and the class. The libraries on the list write no such state.",
                self.opcode_at,
            )

    def _read_array(self, target: Value, state: Value) -> None:
        if type(target) is not Wrapper or type(state) is not State or self.reader.array is None:
            raise Malformed("is a joblib file that describes an array as joblib does not")
        self._require_frame_end("An array follows")
        self.release(target, state)
        self.stack[-1] = DATA
        self.reader.array(self.source, state)

    def _refuse_dtype(self, fault: str) -> None:
        self.report.unsafe(
            "dtype_forged",
            f"Loading {fault}, so bytes of an array could be taken for addresses of objects. NumPy never does this.",
            self.opcode_at,
        )

    # Imports and calls.

    def global_line(self) -> None:
        module, attribute = self._name_line(), self._name_line()
        self.stack.append(self._import(module, attribute))

    def stack_global(self) -> None:
        attribute, module = self.pop(), self.pop()
        if type(attribute) is str and type(module) is str:
            self.stack.append(self._import(module, attribute))
            return
        if attribute is UNCERTAIN or module is UNCERTAIN:
            self._uncertain("The name of an import")
        else:
            self.report.unsafe(
                "import_name_unknown",
                "Loading imports a name that is not written in the file as a constant. No pickler writes this.",
                self.opcode_at,
            )
        self.stack.append(Import("a name that is not constant", None))

    def inst(self) -> None:
        module, attribute = self._name_line(), self._name_line()
        args = self.pop_mark()
        self.stack.append(self._call(self._import(module, attribute), tuple(args[:64])))

    def obj(self) -> None:
        args = self.pop_mark()
        if not args:
            raise Malformed("is a pickle that takes more from its stack than there is")
        self.stack.append(self._call(args[0], tuple(args[1:65])))

    def reduce(self) -> None:
        args, function = self.pop(), self.pop()
        self.stack.append(self._call(function, args))

    def newobj(self) -> None:
        args, made = self.pop(), self.pop()
        self.stack.append(self._call(made, args, instance=True))

    def newobj_ex(self) -> None:
        self.pop()
        self.newobj()

    def _call(self, function: Value, args: Value, *, instance: bool = False) -> Value:
        if function is UNCERTAIN:
            self._uncertain("The function that loading calls")
            return DATA
        return pickle_calls.judge(self, function, args, instance=instance)

    def _name_line(self) -> str:
        line = self.source.line()
        if line is None:
            raise Malformed("is a pickle with a name that is too long")
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("is a pickle with a name that is not UTF-8") from None

    def _import(self, module: str, attribute: str) -> Import:
        if self.protocol < 3:  # As unpicklers do by default, for pickles of Python 2.
            if (module, attribute) in NAME_MAPPING:
                module, attribute = NAME_MAPPING[module, attribute]
            else:
                module = IMPORT_MAPPING.get(module, module)
        use = self.names.use(module, attribute)
        name = _shown(module, attribute)
        found = self.imports.get(name)
        if found is not None and found.use == use:
            return found
        if len(self.imports) > MAX_NAMES:
            raise Malformed("imports more names than can be listed")
        found = self.imports[name] = Import(name, use)
        self.report.effect(EffectKind.IMPORTS, name, self.opcode_at, allowed=use is not None)
        if use is None:
            self._refuse_import(name, attribute)
        return found

    def _refuse_import(self, name: str, attribute: str) -> None:
        if "." in attribute:
            message = (
                f"Loading imports {name} by a name with a dot in it, which reaches through one object into another. "
                f"Such names are never allowed. {advice(name)}"
            )
            self.report.unsafe("import_dotted", message, self.opcode_at, subject=name)
            return
        message = f"Loading imports {name}, which is not on the list of reviewed names. {advice(name)}"
        self.report.unsafe("import_not_allowed", message, self.opcode_at, subject=name)

    def extension(self) -> None:
        self.fail(
            "extension_code",
            "Loading imports by a number of copyreg's extension registry, so the file does not say what. Write it "
            "again in a program that calls no copyreg.add_extension().",
        )

    def persistent_line(self) -> None:
        self.source.line()
        self._refuse_persistent("It is written as text, as in protocol 0.")
        self.stack.append(DATA)

    def persistent(self) -> None:
        key = self.pop()
        made: Value = DATA
        try:
            if self.reader.persistent is None:
                raise RefusedError("Only torch files have them.")
            made = self.reader.persistent(key)
        except RefusedError as refused:
            self._refuse_persistent(str(refused))
        self.stack.append(made)

    def _refuse_persistent(self, reason: str) -> None:
        message = f"Loading asks the program for an object by a persistent id, which the file does not hold. {reason}"
        self.report.unsafe("persistent_id", message, self.opcode_at)

    def out_of_band(self) -> None:
        self.fail(
            "buffer_outside",
            "Loading takes a buffer that is not in the file (pickle's out-of-band buffers). Write the file again "
            "without buffer_callback.",
        )

    def _uncertain(self, what: str) -> None:
        self.report.unsafe(
            "memo_carried_over",
            f"{what} is in the memo of an earlier pickle in the file or not, depending on the loader. Write all "
            "objects by one dump(), or each to a file of its own.",
            self.opcode_at,
        )


def _is_plain_state(state: Value) -> bool:
    """Return whether a state only fills the `__dict__` of an object, or is an error.

    A pair (dict, slots) sets attributes by `setattr`, and what is not known can be such a pair.
    """
    if type(state) is tuple and len(state) == 2:
        return state[1] is None and _is_plain_state(state[0])
    return type(state) is not Opaque or state is DICT


def _shown(module: str, attribute: str) -> str:
    """Return a name for people: other characters than those of names are escaped, because they can deceive."""
    name = f"{module}.{attribute}"
    return name if _NAME.fullmatch(name) and name.isascii() and len(name) <= 250 else ascii(name[:250])


_ROW = MAX_TUPLE + 1
_NUMBER = re.compile(rb"K.|M..|J....|G........", re.DOTALL)
_NUMBERS = re.compile(rb"(?:K.|M..|J....|G........){200,}+", re.DOTALL)
_STOP, _BINFLOAT, _BININT = b".GJ"
_METHODS: dict[bytes, Callable[[_Run], None]] = {
    b"(": PickleStack.mark, b"0": PickleStack.drop, b"1": PickleStack.drop_mark, b"2": PickleStack.duplicate,
    b"F": _Run.float_line, b"I": _Run.int_line,
    b"L": _Run.long_line, b"\x8a": _Run.long1, b"\x8b": _Run.long4, b"N": _Run.none, b"\x88": _Run.true,
    b"\x89": _Run.false, b"S": _Run.string_line, b"T": _Run.binstring, b"U": _Run.bytes1, b"V": _Run.unicode_line,
    b"X": _Run.text4, b"\x8c": _Run.text1, b"\x8d": _Run.text8, b"B": _Run.bytes4, b"C": _Run.bytes1,
    b"\x8e": _Run.bytes8, b"\x96": _Run.bytes8, b"}": _Run.empty_dict,
    b")": PickleStack.empty_tuple, b"t": PickleStack.tuple_of_mark, b"\x85": PickleStack.tuple1,
    b"\x86": PickleStack.tuple2, b"\x87": PickleStack.tuple3, b"l": _Run.container, b"\x91": _Run.container,
    b"d": _Run.dict_of_mark, b"a": _Run.append, b"e": _Run.append_items, b"\x90": _Run.append_items,
    b"s": _Run.setitem, b"u": _Run.setitems, b"b": _Run.build, b"g": _Run.get_line, b"h": _Run.get1, b"j": _Run.get4,
    b"p": _Run.put_line, b"q": _Run.put1, b"r": _Run.put4, b"\x94": PickleStack.memoize, b"c": _Run.global_line,
    b"\x93": _Run.stack_global, b"i": _Run.inst, b"o": _Run.obj, b"R": _Run.reduce, b"\x81": _Run.newobj,
    b"\x92": _Run.newobj_ex, b"\x82": _Run.extension, b"\x83": _Run.extension, b"\x84": _Run.extension,
    b"P": _Run.persistent_line, b"Q": _Run.persistent, b"\x80": _Run.proto, b"\x95": _Run.frame,
    b"\x97": _Run.out_of_band, b"\x98": _Run.out_of_band,
}  # fmt: skip
_HANDLERS = [_METHODS.get(bytes([code])) for code in range(256)]


_WIDTHS = [{b"G": 8, b"K": 1, b"M": 2, b"J": 4, b"]": 0, b"\x8f": 0}.get(bytes([code]), -1) for code in range(256)]
"""Bytes of the argument of each opcode that pushes a number or an empty container."""
