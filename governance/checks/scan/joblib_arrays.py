"""The arrays of joblib files: their bytes follow a wrapper in the pickle, described by its attributes.

Source: joblib.numpy_pickle, NumpyArrayWrapper.read_array and read_mmap.
"""

from __future__ import annotations

import math

from governance.checks.formats.effort import Malformed
from governance.checks.formats.tensors import MAX_DIMENSIONS
from governance.checks.scan.allowed_names import AllowedNames
from governance.checks.scan.pickle_machine import Machine
from governance.checks.scan.pickle_report import PickleReport
from governance.checks.scan.pickle_source import Source
from governance.checks.scan.pickle_values import Dtype, State, Value

_FIRST_OPCODE = 0x28
"""The opcode with the lowest number. A smaller byte ends an unpickler that does not know arrays."""
_LARGEST = 1 << 62


class ArrayReader:
    """Skips the bytes of arrays as joblib reads them; an array of objects is a pickle, which is interpreted.

    Attributes:
        count: number of arrays.
        unmarked: whether `pickle.load` would read the bytes of an array as opcodes. joblib 1.2 and later writes a
            byte before them that is no opcode.
    """

    def __init__(self, names: AllowedNames, report: PickleReport) -> None:
        self._names = names
        self._report = report
        self.count = 0
        self.unmarked = False

    def read(self, source: Source, state: State) -> None:
        """Read one array. Raises Malformed if its size is not certain."""
        self.count += 1
        shape, dtype = state.items.get("shape"), state.items.get("dtype")
        if not state.exact or shape is None or not _is_shape(shape) or not isinstance(dtype, Dtype) or not dtype.exact:
            raise Malformed("is a joblib file with an array whose shape or dtype cannot be determined")
        if dtype.objects:
            Machine(self._names, self._report).run(source)
            return
        self._skip_padding(source, state.items.get("numpy_array_alignment_bytes"))
        size = math.prod(shape) * dtype.item
        if not dtype.item or size > _LARGEST:
            raise Malformed("is a joblib file with an array of an impossible size")
        source.skip(size)

    def _skip_padding(self, source: Source, alignment: Value) -> None:
        if alignment is None:
            self.unmarked = True
            return
        if type(alignment) is not int:
            raise Malformed("is a joblib file with an array whose alignment is no number")
        padding = source.number(1)
        self.unmarked = self.unmarked or padding >= _FIRST_OPCODE
        source.skip(padding)


def _is_shape(shape: Value) -> bool:
    return (
        type(shape) is tuple
        and len(shape) <= MAX_DIMENSIONS
        and all(type(n) is int and 0 <= n < _LARGEST for n in shape)
    )
