"""Differential fuzz: no stream that the interpreter judges safe may import, call or change what it must not.

Run in a process of its own with limited memory: a pickle of twelve bytes makes the C unpickler reserve gigabytes.

    python -m tests.governance.checks.scan.pickle_fuzz --seed 1 --count 20000 [--joblib]

Prints one line of JSON: how many streams there were, how many were judged safe, how many of these an unpickler loaded,
and the misses.
"""

from __future__ import annotations

import argparse
import copyreg
import io
import json
import os
import pickle
import random
import resource
import struct
import sys
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyUnpickler

from governance.checks.formats import effort
from governance.checks.scan.allowed_names import AllowedNames, Use
from governance.checks.scan.pickle_files import interpret
from governance.checks.scan.pickle_report import PickleReport
from governance.checks.scan.pickle_source import Source
from governance.checks.scan.report import Verdict
from tests.governance.checks.scan.pickle_made import CALL, name, text

MEMORY = 1 << 30
MAX_LENGTH = 600
EXTENSION = ("os", "getpid", 1)

NAMES = AllowedNames()


def is_safe(content: bytes) -> bool:
    report = PickleReport()
    with effort.bounded(len(content)):
        interpret(lambda: Source(io.BytesIO(content), len(content)), NAMES, report)
    return report.verdict is Verdict.SAFE


class Watch:
    """What an unpickler did that a safe stream must not make it do."""

    def __init__(self) -> None:
        self.misses: list[str] = []
        self.standins: dict[tuple[str, str], type] = {}

    def found(self, module: str, attribute: str, protocol: int | None) -> type:
        """A stand-in for what `find_class` would import. The C unpickler does not say its protocol."""
        mapped = NAME_MAPPING.get((module, attribute), (IMPORT_MAPPING.get(module, module), attribute))
        raw = (module, attribute)
        candidates = (raw, mapped) if protocol is None else (mapped if protocol < 3 else raw,)
        use = next((use for name in candidates if (use := NAMES.use(*name)) is not None), None)
        if use is None:
            self.misses.append(f"import {module}.{attribute}")
        key = (module, attribute)
        if key not in self.standins:
            self.standins[key] = standin(self, f"{module}.{attribute}", use)
        return self.standins[key]


class StandinType(type):
    """The type of stand-ins: a class that notes how it is used."""

    watch: Watch
    use: Use | None
    shown: str

    def __call__(cls, *args: object, **named: object) -> object:
        if cls.use not in (Use.CLASS, Use.FUNCTION):
            cls.watch.misses.append(f"call of {cls.shown}")
        return Stateful(cls.watch) if cls.shown.endswith(STATEFUL) else Result(cls.watch)

    def __setitem__(cls, key: object, value: object) -> None:
        cls.watch.misses.append(f"item of {cls.shown}")


def standin(watch: Watch, shown: str, use: Use | None) -> type:
    def new(cls: StandinType, *args: object, **named: object) -> object:
        if use not in (Use.CLASS, Use.INSTANCE):
            watch.misses.append(f"instance of {shown}")
        return Result(watch)

    def changed(*args: object) -> None:
        watch.misses.append(f"change of {shown}")

    names = {"__new__": new, "watch": watch, "use": use, "shown": shown}
    return StandinType("Standin", (), {**names, **dict.fromkeys(("__setstate__", "append", "extend", "add"), changed)})


class Result:
    """What a call returns: it can be filled and get a state, and must not be called; its attributes must not be set."""

    watch: Watch

    def __init__(self, watch: Watch) -> None:
        object.__setattr__(self, "watch", watch)

    def __call__(self, *args: object) -> object:
        self.watch.misses.append("call of a result")
        return self

    def __setattr__(self, key: str, value: object) -> None:
        self.watch.misses.append(f"attribute {key} set")

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, value: object) -> None: ...

    def extend(self, values: object) -> None: ...

    def add(self, value: object) -> None: ...


class Stateful(Result):
    """The result of a function whose objects have a `__setstate__`."""

    def __setstate__(self, state: object) -> None: ...


STATEFUL = ("__bit_generator_ctor", "__pyx_unpickle_NDArrayBacked")


class InC(pickle.Unpickler):
    watch: Watch

    def find_class(self, module: str, attribute: str) -> Any:
        return self.watch.found(module, attribute, None)

    def persistent_load(self, pid: Any) -> Any:
        self.watch.misses.append("persistent id")


class InPython(pickle._Unpickler):
    watch: Watch
    proto: int

    def find_class(self, module: str, attribute: str) -> Any:
        return self.watch.found(module, attribute, self.proto)

    def persistent_load(self, pid: Any) -> Any:
        self.watch.misses.append("persistent id")


class InJoblib(NumpyUnpickler):  # type: ignore[misc]  # joblib has no types
    """joblib's unpickler, which reads the bytes of arrays. What it needs for that is imported."""

    watch: Watch

    def __init__(self, file: Any) -> None:
        super().__init__("", file, ensure_native_byte_order=False)

    def find_class(self, module: str, attribute: str) -> Any:
        found = self.watch.found(module, attribute, self.proto)
        return super().find_class(module, attribute) if f"{module}.{attribute}" in NEEDED else found


NEEDED = frozenset({"joblib.numpy_pickle.NumpyArrayWrapper", "numpy.ndarray", "numpy.dtype"})
"""Arrays themselves are stand-ins: NumPy ends the process when an array of objects gets a list that is too short."""


class Raw(io.RawIOBase):
    """A file without a buffer, of which each read returns little."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(memoryview(buffer)[: max(1, len(buffer))])


class Plain:
    """An object with read and readline alone."""

    def __init__(self, content: bytes) -> None:
        file = io.BytesIO(content)
        self.read, self.readline = file.read, file.readline


READERS: tuple[Callable[[bytes], Any], ...] = (
    io.BytesIO,
    Plain,
    lambda content: io.BufferedReader(Raw(content), 16),
    lambda content: io.BufferedReader(Raw(content), 1 << 16),
)


def misses_of(content: bytes, *, arrays: bool) -> tuple[list[str], bool]:
    """Load a stream in every way; return the misses, and whether a loader reached the end of the first pickle."""
    missed: list[str] = []
    loaded = False
    for kind in (InJoblib,) if arrays else (InC, InPython):
        for opened in READERS[:1] if arrays else READERS:
            for keeps_memo in (False, True):
                watch = Watch()
                ended = _load(kind, opened(content), watch, keeps_memo=keeps_memo)
                loaded = loaded or ended
                missed += [f"{kind.__name__}: {miss}" for miss in watch.misses]
    return missed, loaded


def _load(kind: Any, file: Any, watch: Watch, *, keeps_memo: bool) -> bool:
    ended = False
    try:
        loader = kind(file)
        loader.watch = watch
        for _ in range(4):
            loader.load()
            ended = True
            if not keeps_memo:
                loader = kind(file)
                loader.watch = watch
    except (Exception, RecursionError, MemoryError):
        return ended
    return ended


def seeds() -> list[bytes]:
    """Small pickles that are safe, in all protocols, and the tricks."""
    from tests.governance.checks.scan import test_pickle_machine as tricks

    plain: list[Any] = [
        1,
        "x",
        [1, 2, 3],
        {"a": (1, "b"), "c": None},
        {1, 2},
        frozenset("ab"),
        b"bytes" * 3,
        bytearray(b"z"),
        1.5,
        1 << 80,
        OrderedDict(a=1, b=2),
        deque([1, 2]),
        [OrderedDict(), OrderedDict(x=[1])],
        complex(1, 2),
        slice(1, 2),
        [[], [[]], "x", "x"],
    ]
    same = ["a", "b"]
    plain.append([same, same, {"k": same}])
    made = [pickle.dumps(value, protocol) for value in plain for protocol in range(6)]
    made += [
        pickle.dumps(plain[3], 4) + pickle.dumps(plain[10], 2),
        pickle.dumps(plain[10], 4) + pickle.dumps(plain[11], 4),
    ]
    made += [content for content, _ in tricks.UNSAFE.values()] + list(tricks.SAFE.values())
    return [content for content in made if len(content) <= MAX_LENGTH]


def array_seeds() -> list[bytes]:
    """Small joblib files, and the tricks with arrays."""
    from tests.governance.checks.scan import test_pickle_files as tricks

    hidden = np.frombuffer((b"N0" * 4 + b"cos\ngetpid\n)R0") * 3, np.uint8)
    made = [tricks.wrapped(), *tricks.BROKEN_ARRAYS.values()]
    made += [tricks.wrapped(data=b"\x02\xff\xff" + b"N" * 16 + CALL + b"0")] * 8
    values = [[np.arange(2), OrderedDict(a=np.zeros(1))], [np.zeros(1), Evil()], *[[hidden, hidden.reshape(3, -1)]] * 8]
    for value in (*tricks.ARRAYS.values(), *values):
        for protocol in (0, 2, 4, 5):
            file = io.BytesIO()
            joblib.dump(value, file, protocol=protocol)
            made.append(file.getvalue())
    return made


ARRAY_FRAGMENTS = [
    *(text("shape") + shape + b"s" for shape in (b")", b"K\x00\x85", b"K\x01\x85", b"K\x08K\x03\x86")),
    text("numpy_array_alignment_bytes") + b"Ns",
    text("numpy_array_alignment_bytes") + b"K\x10s",
    *(text("dtype") + name("numpy", "dtype") + text(code) + b"\x85Rs" for code in ("u1", "S9", "V3", "O", "u8")),
    *(b"h" + bytes([index]) for index in range(12)),
    *(b"h" + bytes([index]) + b"}b" for index in range(12)),
    text("shape") + b"K\x02\x85u(",
    b"u}(",
    b"ub",
    b"b",
    b"2",
    b"0",
    b"\x94",
]
"""Changes of what describes an array."""


class Evil:
    """An object whose pickle calls os.getpid."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getpid, ()


FRAGMENTS = [
    b"N",
    b"K\x01",
    b"]",
    b"}",
    b")",
    b"(",
    b"0",
    b"1",
    b"2",
    b"t",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"b",
    b"R",
    b"o",
    b"\x81",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x88",
    b"\x8f",
    b"\x90",
    b"\x91",
    b"\x92",
    b"\x93",
    b"\x94",
    b"h\x00",
    b"h\x01",
    b"h\x02",
    b"q\x00",
    b"q\x01",
    b"q\x02",
    b"p3\n",
    b"g3\n",
    b"j\x00\x00\x00\x00",
    b"r\x01\x00\x00\x00",
    b".",
    b"\x80\x02",
    b"\x80\x04",
    b"ccollections\nOrderedDict\n",
    b"cos\ngetpid\n",
    b"c__builtin__\nset\n",
    b"(icollections\nOrderedDict\n",
    b"I01\n",
    b"Vos\n",
    b"Vgetpid\n",
    text("os"),
    text("getpid"),
    text("collections"),
    text("OrderedDict"),
    text("deque"),
    b"C\x02os",
    b"U\x02os",
    text("collections") + text("OrderedDict") + b"\x93",
    text("os") + text("getpid") + b"\x93",
    b"\x82\x01",
    b"Q",
    b"Px\n",
    b"\x97",
    text("numpy") + text("dtype") + b"\x93",
    text("copyreg") + text("_reconstructor") + b"\x93",
    b"G" + bytes(8),
    b"L1L\n",
]


def streams(generator: random.Random, known: list[bytes], fragments: list[bytes]) -> Iterator[bytes]:
    """Endless streams: mutations of the seeds, and fragments in a row."""
    while True:
        kind = generator.random()
        if kind < 0.25:
            parts = generator.choices(fragments, k=generator.randint(2, 14))
            content = b"".join(parts) + b"."
        else:
            content = generator.choice(known)
        for _ in range(generator.choice((1, 1, 1, 2, 3, 5))):
            content = mutated(generator, content, known, fragments)
        yield content[: 2 * MAX_LENGTH]


def mutated(generator: random.Random, content: bytes, known: list[bytes], fragments: list[bytes]) -> bytes:
    at = generator.randrange(len(content) + 1)
    kind = generator.randrange(8)
    if kind == 0:
        return content[:at] + bytes([generator.randrange(256)]) + content[at + 1 :]
    if kind == 1:
        return content[:at] + content[at + generator.randint(1, 8) :]
    if kind == 2:
        return content[:at] + generator.choice(fragments) + content[at:]
    if kind == 3:
        other = generator.choice(known)
        return content[:at] + other[generator.randrange(len(other) + 1) :]
    if kind == 4:
        size = generator.choice((0, 1, 2, 4, 8, len(content) - at, generator.randrange(len(content) + 1)))
        return content[:at] + b"\x95" + struct.pack("<Q", max(0, size)) + content[at:]
    if kind == 5:
        end = at + generator.randint(1, 24)
        return content[:end] + content[at:end] + content[end:]
    if kind == 6:
        return content + generator.choice(known)
    return content[:at] + generator.choice(fragments) + content[at + 1 :]


def run(seed: int, count: int, *, arrays: bool = False) -> dict[str, Any]:
    generator = random.Random(seed)
    known = array_seeds() if arrays else seeds()
    fragments = ARRAY_FRAGMENTS * 2 + FRAGMENTS if arrays else FRAGMENTS
    totals: dict[str, Any] = {"streams": 0, "safe": 0, "loaded": 0, "misses": []}
    for content in streams(generator, known, fragments):
        totals["streams"] += 1
        if is_safe(content):
            totals["safe"] += 1
            missed, loaded = misses_of(content, arrays=arrays)
            totals["loaded"] += loaded
            if missed:
                totals["misses"].append([content.hex(), missed[:3]])
        if totals["streams"] >= count:
            return totals
    return totals


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--joblib", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    copyreg.add_extension(*EXTENSION)
    warnings.simplefilter("ignore")
    json.dump(run(options.seed, options.count, arrays=options.joblib), sys.stdout)


if __name__ == "__main__":
    main()
