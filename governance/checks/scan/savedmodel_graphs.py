"""Read the graphs and functions of a SavedModel, and decide where the path that an operator uses comes from.

Pure: file bytes in, values out. Source of the field numbers: meta_graph.proto, graph.proto, function.proto,
op_def.proto, node_def.proto, attr_value.proto, tensor.proto, saved_object_graph.proto of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from governance.checks.formats import effort, protobuf
from governance.checks.formats.effort import Malformed
from governance.checks.formats.protobuf import LENGTH, Field
from governance.checks.scan.collecting import leads_out, shown

MAX_TEXT = 64 << 10
MAX_NODES = 500_000
MAX_PATHS = 64
"""Texts of a constant that can be paths: a vocabulary has more, and is not a path."""

_FIRST = frozenset({"Identity", "Reshape", "ExpandDims", "Squeeze", "StridedSlice", "ShardedFilename", "StringJoin"})
"""Operators whose output begins with, or is, their first input."""
_CHOICES = {"Select": (1, 2), "SelectV2": (1, 2)}
"""Operators whose output is one of these inputs."""
_CALLS = {"PartitionedCall": 0, "StatefulPartitionedCall": 0, "If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}
"""Operators that pass their inputs to a function in order, with the position of its first argument."""


@dataclass(slots=True)
class Node:
    """A node: its operator, its inputs, and of some operators more.

    `calls` are the functions it calls, `texts` the values of a constant, `stream` where a print writes to,
    `shared_name` the name by which other nodes reach the variable.
    """

    name: str
    operator: str
    inputs: list[str] = field(default_factory=list)
    calls: tuple[str, ...] = ()
    texts: tuple[bytes, ...] = ()
    stream: bytes | None = None
    shared_name: bytes = b""


@dataclass
class Graph:
    """A graph or a function: its nodes by name, and the arguments of a function in order."""

    place: str
    function: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)


@dataclass
class Program:
    """All graphs of a meta graph, with what the object graph binds to arguments of functions.

    `assets` are the names of the tensors that hold paths of assets. `bound` has for each function the nodes of the main
    graph that are bound to its last arguments; None for what is not a constant.
    """

    graphs: list[Graph]
    assets: set[str]
    bound: dict[str, list[str | None]]

    def __post_init__(self) -> None:
        self._main = self.graphs[0]
        self._functions = {graph.function: graph for graph in self.graphs if graph.function}
        self._callers: dict[str, list[tuple[Graph, Node]]] = {}
        for graph in self.graphs:
            for node in graph.nodes.values():
                for name in node.calls:
                    self._callers.setdefault(name, []).append((graph, node))

    def is_provided(self, graph: Graph, tensor: str) -> bool:
        """Return whether a path comes from the program that uses the model, or is an asset of the model.

        A constant of the graph does not, however it reaches the operator: as an argument of a function, as the default
        of a placeholder, as one of two choices, or as a part that leads out of the folder that the program names.

        Args:
            graph: where the operator is.
            tensor: the operator's input that is the path, as the graph writes it.
        """
        return self._provides(graph, tensor, set())

    def _provides(self, graph: Graph, tensor: str, seen: set[tuple[str, str]]) -> bool:
        name = _node_of(tensor)
        if (graph.function, name) in seen:
            return True  # a cycle adds no source; the other inputs decide
        seen.add((graph.function, name))
        effort.spend(1)
        if not graph.function and name in self.assets:
            return True
        node = graph.nodes.get(name)
        if node is None:
            return name in graph.arguments and self._argument_provided(graph, graph.arguments.index(name), seen)
        if node.operator == "Placeholder":
            return True
        if node.operator == "PlaceholderWithDefault":
            return not self._reaches(graph, node.inputs, leads_out)
        if node.operator == "ReadVariableOp":
            return len(node.inputs) > 0 and self._variable_provided(graph, _node_of(node.inputs[0]), seen)
        if node.operator in _FIRST:
            first, *others = node.inputs or [""]
            return self._provides(graph, first, seen) and not self._reaches(graph, others, _climbs)
        if node.operator in _CHOICES:
            at = _CHOICES[node.operator]
            return len(node.inputs) > max(at) and all(self._provides(graph, node.inputs[each], seen) for each in at)
        if node.operator == "Pack":
            return all(self._provides(graph, each, seen) for each in node.inputs if not each.startswith("^"))
        if node.operator == "ConcatV2":
            parts = [each for each in node.inputs if not each.startswith("^")]
            return len(parts) > 1 and all(self._provides(graph, each, seen) for each in parts[:-1])
        return False

    def _argument_provided(self, graph: Graph, at: int, seen: set[tuple[str, str]]) -> bool:
        """Return whether all callers provide an argument; without callers the program does."""
        bound = self.bound.get(graph.function, [])
        if 0 <= (place := at - len(graph.arguments) + len(bound)) < len(bound):
            constant = bound[place]
            if constant is not None and not self._provides(self._main, constant, seen):
                return False
        for where, node in self._callers.get(graph.function, []):
            first = _CALLS.get(node.operator)
            if first is None or len(node.inputs) <= first + at:
                return False
            if not self._provides(where, node.inputs[first + at], seen):
                return False
        return True

    def _variable_provided(self, graph: Graph, handle: str, seen: set[tuple[str, str]]) -> bool:
        """Return whether each value that a variable can have is provided.

        TensorFlow keeps the path of an asset in a variable of the main graph, which is assigned once. A variable that
        other operators, functions or checkpoints can reach has other values.
        """
        variable = graph.nodes.get(handle)
        if graph.function or variable is None or variable.operator != "VarHandleOp":
            return False
        shared = variable.shared_name
        if (
            sum(n.operator == "VarHandleOp" and n.shared_name == shared for g in self.graphs for n in g.nodes.values())
            > 1
        ):
            return False
        values = []
        for node in graph.nodes.values():
            if handle not in (_node_of(each) for each in node.inputs):
                continue
            if node.operator == "AssignVariableOp" and len(node.inputs) > 1 and _node_of(node.inputs[0]) == handle:
                values.append(node.inputs[1])
            elif node.operator not in ("ReadVariableOp", "VarIsInitializedOp", "NoOp"):
                return False
        effort.spend(sum(len(each.nodes) for each in self.graphs))
        return bool(values) and all(self._provides(graph, value, seen) for value in values)

    def _reaches(self, graph: Graph, tensors: Iterable[str], refused: Callable[[str], object]) -> bool:
        """Return whether a constant that is refused is among the sources of some tensors."""
        waiting, seen = list(tensors), set()
        while waiting:
            name = _node_of(waiting.pop())
            if name in seen:
                continue
            seen.add(name)
            node = graph.nodes.get(name)
            if node is None:
                continue
            effort.spend(1)
            if any(text and refused(text.decode("utf-8", "replace")) for text in node.texts):
                return True
            waiting += node.inputs
        return False


def _climbs(part: str) -> bool:
    """Return whether a part that is appended to a folder leads out of it."""
    return ".." in part


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def read_program(file: IO[bytes], meta: Field, place: str, assets: set[str]) -> Program:
    """Read the graphs, the functions and the bindings of a meta graph.

    Args:
        file: the SavedModel.
        meta: the MetaGraphDef.
        place: of the meta graph, for messages.
        assets: names of the tensors that hold paths of assets.

    Raises:
        Malformed: a node has two operators, a name is too long, or there are too many nodes.
        NotProtobufError: the bytes are not protobuf.
    """
    main = Graph(f"{place}/graph")
    program = [main]
    objects: list[Field] = []
    count = 0
    for part in within(file, meta):
        if part.wire != LENGTH:
            continue
        if part.number == 7:
            objects.append(part)
        elif part.number == 2:
            for graph, node in _nodes(file, part, main, place):
                count += 1
                if count > MAX_NODES:
                    raise Malformed(f"is a SavedModel of more than {MAX_NODES:,} nodes, which is not judged")
                if graph is not program[-1]:
                    program.append(graph)
                if node is not None:
                    _keep(graph, node)
    bound = {name: nodes for part in objects for name, nodes in _bindings(file, part)}
    unique = {id(graph): graph for graph in program}
    return Program(list(unique.values()), assets, bound)


def _keep(graph: Graph, node: Node) -> None:
    effort.spend(10)
    name = node.name
    while name in graph.nodes:  # TensorFlow refuses two nodes of one name; both are judged
        name += "'"
    graph.nodes[name] = node


def _nodes(file: IO[bytes], graph_def: Field, main: Graph, place: str) -> Iterator[tuple[Graph, Node | None]]:
    """Yield each node with its graph, and each function once without a node."""
    for part in within(file, graph_def):
        if part.wire != LENGTH:
            continue
        if part.number == 1:
            yield main, _node(file, part)
        elif part.number == 2:
            for each in within(file, part):
                if each.number == 1 and each.wire == LENGTH:
                    yield from _function(file, each, place)


def _function(file: IO[bytes], function: Field, place: str) -> Iterator[tuple[Graph, Node | None]]:
    found = Graph(place, function=place)
    nodes: list[Field] = []
    for part in within(file, function):
        if part.wire != LENGTH:
            continue
        if part.number == 3:
            nodes.append(part)
        elif part.number == 1:
            for each in within(file, part):
                if each.number == 1 and each.wire == LENGTH:
                    found.function = text_of(file, each)
                    found.place = f"{place}/function {shown(found.function)}"
                elif each.number == 2 and each.wire == LENGTH:
                    names = [text_of(file, f) for f in within(file, each) if f.number == 1 and f.wire == LENGTH]
                    found.arguments += names[-1:]  # the last value of a field counts
    yield found, None
    for part in nodes:
        yield found, _node(file, part)


def _node(file: IO[bytes], part: Field) -> Node:
    node = Node("", "")
    attributes: list[Field] = []
    for each in within(file, part):
        if each.wire != LENGTH:
            continue
        if each.number == 1:
            node.name = text_of(file, each)
        elif each.number == 2:
            if node.operator:
                raise Malformed("is a SavedModel that gives a node two operators")
            node.operator = text_of(file, each)
        elif each.number == 3:
            node.inputs.append(text_of(file, each))
        elif each.number == 5:
            attributes.append(each)
    for each in attributes:
        _read_attribute(file, each, node)
    return node


def _read_attribute(file: IO[bytes], attribute: Field, node: Node) -> None:
    """Keep the attributes that paths and calls depend on: AttrValue has s (2), tensor (8), func (10), list (1)."""
    key, values = b"", []
    for each in within(file, attribute):
        if each.number == 1 and each.wire == LENGTH:
            key = bytes_of(file, each)
        elif each.number == 2 and each.wire == LENGTH:
            values.append(each)
    for value in values:
        for part in within(file, value):
            if part.wire != LENGTH:
                continue
            if part.number == 10:
                node.calls += _function_name(file, part)
            elif part.number == 1:
                listed = [each for each in within(file, part) if each.number == 9 and each.wire == LENGTH]
                node.calls += tuple(name for each in listed for name in _function_name(file, each))
            elif part.number == 8 and node.operator == "Const":
                texts = [each for each in within(file, part) if each.number == 8 and each.wire == LENGTH]
                node.texts += tuple(_beginning(file, each) for each in texts[:MAX_PATHS])
            elif part.number == 2 and key == b"output_stream":
                node.stream = bytes_of(file, part)
            elif part.number == 2 and key == b"shared_name":
                node.shared_name = bytes_of(file, part)


def _function_name(file: IO[bytes], part: Field) -> tuple[str, ...]:
    return tuple(text_of(file, each) for each in within(file, part) if each.number == 1 and each.wire == LENGTH)


def _bindings(file: IO[bytes], objects: Field) -> Iterator[tuple[str, list[str | None]]]:
    """Yield each function with what the object graph binds to its last arguments.

    SavedObjectGraph has nodes (1) and concrete_functions (2), a map; a SavedObject a constant (9) with its operation
    (1); a SavedConcreteFunction bound_inputs (2), packed or not.
    """
    constants: list[str | None] = []
    functions: list[tuple[str, list[int]]] = []
    for part in within(file, objects):
        if part.wire != LENGTH:
            continue
        if part.number == 1:
            constants.append(_constant(file, part))
        elif part.number == 2:
            functions.append(_concrete_function(file, part))
    for name, numbers in functions:
        yield name, [constants[number] if 0 <= number < len(constants) else "" for number in numbers]


def _constant(file: IO[bytes], part: Field) -> str | None:
    """Return the node of the main graph if the object is a constant."""
    for each in within(file, part):
        if each.number == 9 and each.wire == LENGTH:
            names = [text_of(file, f) for f in within(file, each) if f.number == 1 and f.wire == LENGTH]
            return names[-1] if names else ""
    return None


def _concrete_function(file: IO[bytes], part: Field) -> tuple[str, list[int]]:
    name, numbers = "", []
    for each in within(file, part):
        if each.wire != LENGTH:
            continue
        if each.number == 1:
            name = text_of(file, each)
        elif each.number == 2:
            for value in within(file, each):
                if value.number != 2:
                    continue
                if value.wire != LENGTH:
                    numbers.append(value.value)
                    continue
                file.seek(value.start)
                while file.tell() < value.start + value.value and (number := protobuf.varint(file)) is not None:
                    numbers.append(number)
                    effort.spend(1)
    return name, numbers


def within(file: IO[bytes], part: Field) -> Iterator[Field]:
    """Yield the fields of a message that is the value of a field."""
    return protobuf.fields(file, part.start, part.start + part.value)


def bytes_of(file: IO[bytes], part: Field) -> bytes:
    """Read the value of a field.

    Raises:
        Malformed: it is longer than `MAX_TEXT` bytes.
    """
    if part.value > MAX_TEXT:
        raise Malformed(f"is a SavedModel with a name of more than {MAX_TEXT:,} bytes")
    file.seek(part.start)
    return file.read(part.value)


def text_of(file: IO[bytes], part: Field) -> str:
    """Read the value of a field as text."""
    return bytes_of(file, part).decode("utf-8", errors="replace")


def _beginning(file: IO[bytes], part: Field) -> bytes:
    """Read the beginning of a constant text; no path is longer than 4,096 bytes."""
    file.seek(part.start)
    return file.read(min(part.value, 4096))
