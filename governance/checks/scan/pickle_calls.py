"""Judges the calls of a pickle: what may be called, with which arguments, and what is known about the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.checks.formats.effort import Malformed
from governance.checks.scan import dtypes
from governance.checks.scan.allowed_names import Use
from governance.checks.scan.pickle_report import advice
from governance.checks.scan.pickle_values import DATA, STATEFUL, UNCERTAIN, Import, Value, Wrapper
from governance.checks.scan.report import EffectKind

if TYPE_CHECKING:
    from governance.checks.scan.pickle_machine import _Run

MAX_DESCRIBED = 1_000_000
"""Arrays of joblib, dtypes, and their states, of one pickle."""
WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_BASES = frozenset(
    f"builtins.{name}"
    for name in ("object", "dict", "list", "tuple", "set", "frozenset", "int", "float", "complex", "str", "bytes")
)
"""Bases that `copyreg._reconstructor` may initialise."""
_LATIN = frozenset({"latin1", "latin-1"})
_TEXTS = ("builtins.str", "builtins.bytes", "builtins.bytearray")


def judge(run: _Run, function: Value, args: Value, *, instance: bool) -> Value:
    """Judge one call.

    Args:
        run: the pickle; its report receives what is found.
        function: what is called.
        args: its arguments: a tuple, or DATA if they are not known.
        instance: whether an instance is made by `__new__` alone (NEWOBJ).

    Returns:
        The result.
    """
    if type(function) is not Import:
        run.report.unsafe(
            "call_of_object",
            "Loading calls an object that is not imported by its name: the result of another call, or data. What that "
            "executes cannot be known. No pickler writes this.",
            run.opcode_at,
        )
        return DATA
    reason = _reason(function, args, instance=instance)
    if reason is None:
        return _result(run, function.name, args)
    run.report.effect(EffectKind.EXECUTES, function.name, run.opcode_at, allowed=False)
    message = f"Loading calls {function.name}{reason}"
    run.report.unsafe("call_not_allowed", message, run.opcode_at, subject=function.name)
    return DATA


def _reason(function: Import, args: Value, *, instance: bool) -> str | None:
    """Return why a call is refused, as words that follow the name; None if it is allowed."""
    if function.use is None:
        return f", which is not on the list of reviewed names. {advice(function.name)}"
    if function.use == Use.REFERENCE:
        return ", which the list allows as a value, not as a call. No pickler of its library writes this."
    if function.use == Use.INSTANCE and not instance:
        return ", of which the list allows instances, not a call with arguments. Its library does not write this."
    if function.use == Use.FUNCTION and instance:
        return " as a class, and it is a function. No pickler writes this."
    rule = _RULES.get(function.name)
    if rule is not None and (type(args) is not tuple or not rule(args)):
        return " with arguments that its library does not write. Write the file again with the library."
    return None


def _encodes_latin(args: tuple[Value, ...]) -> bool:
    """Protocols 0 to 2 write bytes as text encoded in Latin-1; other encodings import a module by their name."""
    return len(args) == 2 and type(args[1]) is str and args[1] in _LATIN


def _converts_latin(args: tuple[Value, ...]) -> bool:
    """The same for the classes of text and bytes, which also accept a single value."""
    return len(args) < 2 or _encodes_latin(args)


def _reconstructs(args: tuple[Value, ...]) -> bool:
    """`copyreg._reconstructor(cls, base, state)` calls `base.__new__(cls, state)` and `base.__init__`."""
    return len(args) == 3 and _is_class(args[0]) and type(args[1]) is Import and args[1].name in _BASES


def _makes_instance(args: tuple[Value, ...]) -> bool:
    """`copyreg.__newobj__(cls, *args)` calls `cls.__new__`."""
    return len(args) >= 1 and _is_class(args[0])


def _is_class(value: Value) -> bool:
    return type(value) is Import and value.use in (Use.CLASS, Use.INSTANCE)


def _makes_index(args: tuple[Value, ...]) -> bool:
    """`pandas.core.indexes.base._new_Index(cls, arguments)` makes an instance with any keyword arguments."""
    return len(args) == 2 and _is_class(args[0]) and args[0].name.startswith("pandas.")


def _is_plain_scalar(args: tuple[Value, ...]) -> bool:
    """`scalar(dtype, value)` returns `value` itself for a dtype of objects; an import must not come back as data."""
    return 1 <= len(args) <= 2 and not any(type(arg) is Import or arg is UNCERTAIN for arg in args[1:])


def _rebuilds_subclass(args: tuple[Value, ...]) -> bool:
    """`torch._tensor._rebuild_from_type_v2(function, type, args, state)` calls `function(*args)`."""
    return len(args) == 4 and type(args[0]) is Import and _reason(args[0], args[2], instance=False) is None


_RULES = {
    **dict.fromkeys(_TEXTS, _converts_latin),
    "_codecs.encode": _encodes_latin,
    "copyreg._reconstructor": _reconstructs,
    "copyreg.__newobj__": _makes_instance,
    "copyreg.__newobj_ex__": _makes_instance,
    "numpy.core.multiarray.scalar": _is_plain_scalar,
    "numpy._core.multiarray.scalar": _is_plain_scalar,
    "pandas.core.indexes.base._new_Index": _makes_index,
    "pandas.core.indexes.datetimes._new_DatetimeIndex": _makes_index,
    "pandas.core.indexes.interval._new_IntervalIndex": _makes_index,
    "torch._tensor._rebuild_from_type_v2": _rebuilds_subclass,
}
"""Rules for arguments, by the name that is called."""


_STATEFUL = {
    "numpy.random._pickle.__bit_generator_ctor": "numpy.random.",
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": "pandas.",
}
"""Functions that make objects with a `__setstate__` that takes a pair, given a class of the package that follows."""


def _is_own(made: Value, package: str) -> bool:
    return type(made) is str or (_is_class(made) and made.name.startswith(package))


def _result(run: _Run, name: str, args: Value) -> Value:
    """Return what is known about the result of an allowed call. Only dtypes and joblib's arrays are more than DATA."""
    if name == "numpy.dtype":
        count(run)
        return dtypes.make(args)
    if name in _STATEFUL and type(args) is tuple and args and _is_own(args[0], _STATEFUL[name]):
        return STATEFUL
    if run.reader.array is None:
        return DATA
    made = name
    if name in ("copyreg._reconstructor", "copyreg.__newobj__") and type(args) is tuple and type(args[0]) is Import:
        made = args[0].name
    if made != WRAPPER:
        return DATA
    count(run)
    return Wrapper()


def count(run: _Run) -> None:
    """Count an array, a dtype, or a state. Raises Malformed if there are too many."""
    run.described += 1
    if run.described > MAX_DESCRIBED:
        raise Malformed("has more arrays than can be judged")
