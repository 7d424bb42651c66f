"""What a pickle says about a dtype of NumPy: size of an element, and whether elements are Python objects.

A dtype in a pickle states its size and flags itself. If they do not match its fields, NumPy takes the bytes of an array
for addresses of objects. Source: arraydescr_setstate in numpy/_core/src/multiarray/descriptor.c.
"""

from __future__ import annotations

import math

from governance.checks.scan.pickle_values import Dtype, Import, State, Value

_SIZES = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "e": 2, "i": 4, "I": 4, "f": 4, "l": 8, "L": 8, "q": 8, "Q": 8,
          "d": 8, "F": 8, "D": 16}  # fmt: skip
"""Kinds that are written without a size."""
_SIZED = frozenset("biufcmMVSaU")
_EXTENDED = frozenset("SaUV")
"""Kinds whose size is in the state."""
_STRUCTURED = frozenset({"numpy.void", "numpy.record"})
_OBJECT, _LIST, _POINTER = 0x01, 0x02, 0x04
"""Flags: elements are objects; they are pickled as a list; they are addresses (NPY_ITEM_HASOBJECT and following)."""
_OBJECT_FLAGS = 0x3F
_LARGEST = 1 << 31


def make(args: Value) -> Dtype:
    """Return the dtype that `numpy.dtype(*args)` makes from a code such as `f8`.

    NumPy writes (code, align, copy) with `copy` true; without a copy, a state would change NumPy's own dtype.
    """
    if type(args) is not tuple or not args:
        return Dtype("", 0, objects=False, exact=False)
    made = _made(args[0])
    made.settled = len(args) != 3 or args[2] not in (True, 1)
    return made


def _made(code: Value) -> Dtype:
    if type(code) is Import and code.name in _STRUCTURED:
        return Dtype("V", 0, objects=False)
    unknown = Dtype("", 0, objects=False, exact=False)
    if type(code) is not str:
        return unknown
    code = code.lstrip("<>=|")
    kind, digits = code[:1], code[1:]
    if kind == "O":
        return Dtype(kind, 8, objects=True) if digits in ("", "4", "8") else unknown
    if kind in _SIZED and digits.isascii() and digits.isdigit() and len(digits) < 10:
        return Dtype(kind, int(digits) * (4 if kind == "U" else 1), objects=False)
    return Dtype(kind, _SIZES[code], objects=False) if code in _SIZES else unknown


def apply_state(dtype: Dtype, state: Value) -> str | None:
    """Apply the state of a dtype: (version, byte order, subarray, names, fields, size, alignment, flags, …).

    Returns:
        What is wrong with it, as words that follow "Loading"; None if it is as NumPy writes it.
    """
    fault = "changes a dtype that is in use" if dtype.settled else _fault(dtype, state)
    dtype.settled = True
    dtype.exact = dtype.exact and fault is None
    return fault


def _fault(dtype: Dtype, state: Value) -> str | None:
    if not dtype.exact:
        return "sets the state of a dtype that is not known"
    if type(state) is not tuple or not 8 <= len(state) <= 9 or state[0] not in (3, 4) or type(state[7]) is not int:
        return "gives a dtype a state of another form than NumPy's"
    if dtype.kind in "mM" and (len(state) != 9 or state[8] is None):  # NumPy reads the missing unit and crashes
        return "gives a dtype of times a state without a unit"
    subarray, names, fields, size, flags = *state[2:6], state[7]
    if dtype.kind in _EXTENDED:
        if type(size) is not int or not 0 <= size < _LARGEST:
            return "gives a dtype an impossible size"
        dtype.item = size
    objects = dtype.objects
    if fields is not None or names is not None:
        found = _fields(names, fields, dtype.item) if dtype.kind == "V" and subarray is None else None
        if found is None:
            return "gives a dtype fields that do not fit it"
        fields.applied = True
        objects = found
    elif subarray is not None:
        found = _subarray(subarray, dtype.item) if dtype.kind == "V" else None
        if found is None:
            return "gives a dtype a subarray that does not fit it"
        objects = found
    if dtype.kind == "O":
        valid = flags == _OBJECT_FLAGS
    else:
        valid = flags & (_OBJECT | _LIST | _POINTER) == (_OBJECT | _LIST if objects else 0)
    if not valid:
        return "gives a dtype flags that do not fit its fields"
    dtype.objects = objects
    return None


def _fields(names: Value, fields: Value, size: int) -> bool | None:
    """Return whether fields contain objects; None if they do not fit a dtype of this size."""
    if type(names) is not tuple or type(fields) is not State or not fields.exact or fields.applied:
        return None
    if not all(type(name) is str and name in fields.items for name in names):
        return None
    objects = False
    for value in fields.items.values():
        if type(value) is not tuple or not 2 <= len(value) <= 3:
            return None
        part, offset = value[:2]
        if type(part) is not Dtype or not part.exact or type(offset) is not int:
            return None
        if offset < 0 or offset + part.item > size:
            return None
        part.settled = True
        objects = objects or part.objects
    return objects


def _subarray(subarray: Value, size: int) -> bool | None:
    """The same for a subarray: (dtype, shape)."""
    if type(subarray) is not tuple or len(subarray) != 2:
        return None
    part, shape = subarray
    shape = shape if type(shape) is tuple else (shape,)
    if type(part) is not Dtype or not part.exact or not all(type(n) is int and 0 <= n < _LARGEST for n in shape):
        return None
    part.settled = True
    return part.objects if math.prod(shape) * part.item == size else None
