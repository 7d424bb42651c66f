"""Scan TensorFlow SavedModels: the operators of every graph and function, files they name, Keras metadata.

Operators are judged by an allow list. Source: saved_model.proto, meta_graph.proto, graph.proto, function.proto,
node_def.proto, attr_value.proto, saved_object_graph.proto, saved_metadata.proto of TensorFlow and Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import binary, effort, protobuf
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.formats.protobuf import LENGTH, Field
from governance.checks.scan import json_reader, keras_config, name_lists
from governance.checks.scan.collecting import Collector, collected, leads_out, shown
from governance.checks.scan.report import Scan

MAX_TEXT = 64 << 10
MAX_NODES = 500_000

_READS = (
    "ReadFile", "WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "FixedLengthRecordReader",
    "FixedLengthRecordReaderV2", "TFRecordReader", "TFRecordReaderV2", "LMDBReader", "TextLineDataset",
    "TFRecordDataset", "FixedLengthRecordDataset", "SqlDataset", "RecordInput", "LoadAndRemapMatrix",
    "FixedUnigramCandidateSampler", "ImmutableConst", "LoadDataset", "LoadDatasetV2",
)  # fmt: skip
_WRITES = (
    "WriteFile", "Save", "SaveSlices", "SaveDataset", "SaveDatasetV2", "DistributedSave", "CreateSummaryFileWriter",
    "CreateSummaryDbWriter", "DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount",
    "DebugNumericSummary", "DebugNumericSummaryV2", "DumpTensor",
)  # fmt: skip
_CONNECTS = (
    "RpcCall", "RpcClient", "RpcServer", "RpcServerStart", "DataServiceDataset", "Send", "Recv",
    "FileSystemSetConfiguration",
)  # fmt: skip
_DANGEROUS = {
    **dict.fromkeys(("PyFunc", "EagerPyFunc", "PyFuncStateless"), "calls a Python function of the process"),
    **dict.fromkeys(_READS, "reads files of the machine"),
    **dict.fromkeys(_WRITES, "writes files or sends tensors to another machine"),
    **dict.fromkeys(("MatchingFiles", "MatchingFilesDataset"), "lists files of the machine"),
    **dict.fromkeys(_CONNECTS, "uses the network"),
    **dict.fromkeys(("XlaCustomCall", "XlaCustomCallV2", "XlaHostCompute", "XlaLaunch"), "calls compiled code"),
}
_BY_PATH = {
    "SaveV2": "writes", "RestoreV2": "reads", "MergeV2Checkpoints": "writes", "ShardedFilename": "names",
    "InitializeTableFromTextFileV2": "reads", "InitializeTableFromTextFile": "reads",
}  # fmt: skip
"""Operators that use files and are allowed where the path comes from the program or is an asset, with the input."""
_PATH_INPUT = {"InitializeTableFromTextFileV2": 1, "InitializeTableFromTextFile": 1}
_STREAMS = (b"stderr", b"stdout", b"log(info)", b"log(warning)", b"log(error)")


@dataclass
class _Node:
    name: str
    operator: str
    inputs: list[str] = field(default_factory=list)
    stream: bytes | None = None


@dataclass
class _Graph:
    """A graph or a function: its nodes, and the names that the caller provides."""

    place: str
    nodes: dict[str, _Node] = field(default_factory=dict)
    arguments: set[str] = field(default_factory=set)


@collected(Format.SAVEDMODEL)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a file of a SavedModel: saved_model.pb, keras_metadata.pb, fingerprint.pb, or the index of a checkpoint."""
    stream, size = scan.stream, scan.size
    stream.seek(max(0, size - 8))
    if size >= 48 and stream.read(8) == binary.SSTABLE_MAGIC:
        return
    try:
        kind = binary.saved_model_part(stream, size)
        if kind == "metadata":
            for each in protobuf.fields(stream, 0, size):
                _judge_metadata(stream, each, {5}, found)
        elif kind == "model":
            _scan_model(scan, found)
    except protobuf.NotProtobufError:
        raise Malformed("is a SavedModel whose structure is broken, or is cut short") from None


def _within(file: IO[bytes], part: Field) -> Iterator[Field]:
    return protobuf.fields(file, part.start, part.start + part.value)


def _read(file: IO[bytes], part: Field) -> bytes:
    if part.value > MAX_TEXT:
        raise Malformed(f"is a SavedModel with a name of more than {MAX_TEXT:,} bytes")
    file.seek(part.start)
    return file.read(part.value)


def _text(file: IO[bytes], part: Field) -> str:
    return _read(file, part).decode("utf-8", errors="replace")


def _scan_model(scan: Scan, found: Collector) -> None:
    file = scan.stream
    for number, meta in enumerate(f for f in protobuf.fields(file, 0, scan.size) if f.number == 2 and f.wire == LENGTH):
        assets = {name for name, _ in _assets(file, meta, found)}
        for part in _within(file, meta):
            if part.wire != LENGTH:
                continue
            if part.number == 2:
                for graph in _graphs(file, part, f"meta_graph[{number}]"):
                    _judge_graph(graph, assets, found)
            elif part.number == 7:
                _judge_objects(file, part, found)


def _assets(file: IO[bytes], meta: Field, found: Collector) -> Iterator[tuple[str, str]]:
    """Yield the tensor and the file of each asset, and refer to the file."""
    for part in _within(file, meta):
        if part.number != 6 or part.wire != LENGTH:
            continue
        tensor = filename = ""
        for each in _within(file, part):
            if each.number == 2 and each.wire == LENGTH:
                filename = _text(file, each)
            elif each.number == 1 and each.wire == LENGTH:
                tensor = next((_text(file, f) for f in _within(file, each) if f.number == 1 and f.wire == LENGTH), "")
        where = f"asset {shown(filename)}"
        if leads_out(filename) is not None:
            found.refer(filename, where, "an asset")
        else:
            found.refer(f"assets/{filename}", where, "an asset")
        yield tensor.partition(":")[0], filename


def _graphs(file: IO[bytes], graph_def: Field, place: str) -> Iterator[_Graph]:
    main = _Graph(f"{place}/graph")
    library: list[Field] = []
    for part in _within(file, graph_def):
        if part.wire != LENGTH:
            continue
        if part.number == 1:
            _add_node(file, part, main)
        elif part.number == 2:
            library.append(part)
    yield main
    for each in library:
        for function in _within(file, each):
            if function.number == 1 and function.wire == LENGTH:
                yield _function(file, function, place)


def _function(file: IO[bytes], function: Field, place: str) -> _Graph:
    found = _Graph(place)
    for part in _within(file, function):
        if part.wire != LENGTH:
            continue
        if part.number == 3:
            _add_node(file, part, found)
        elif part.number == 1:
            for each in _within(file, part):
                if each.number == 1 and each.wire == LENGTH:
                    found.place = f"{place}/function {shown(_text(file, each))}"
                elif each.number == 2 and each.wire == LENGTH:
                    found.arguments.update(
                        _text(file, f) for f in _within(file, each) if f.number == 1 and f.wire == LENGTH
                    )
    return found


def _add_node(file: IO[bytes], part: Field, graph: _Graph) -> None:
    node = _Node("", "")
    for each in _within(file, part):
        if each.wire != LENGTH:
            continue
        if each.number == 1:
            node.name = _text(file, each)
        elif each.number == 2:
            if node.operator:
                raise Malformed("is a SavedModel that gives a node two operators")
            node.operator = _text(file, each)
        elif each.number == 3:
            node.inputs.append(_text(file, each))
        elif each.number == 5 and node.operator == "PrintV2":
            node.stream = _stream(file, each, node.stream)
    effort.spend(10)
    if len(graph.nodes) >= MAX_NODES:
        raise Malformed(f"is a SavedModel of more than {MAX_NODES:,} nodes, which is not judged")
    name = node.name
    while name in graph.nodes:  # TensorFlow refuses two nodes of one name; both are judged
        name += "'"
    graph.nodes[name] = node


def _stream(file: IO[bytes], attribute: Field, before: bytes | None) -> bytes | None:
    key, value = b"", before
    for each in _within(file, attribute):
        if each.number == 1 and each.wire == LENGTH:
            key = _read(file, each)
        elif each.number == 2 and each.wire == LENGTH and key == b"output_stream":
            value = next((_read(file, f) for f in _within(file, each) if f.number == 2 and f.wire == LENGTH), b"")
    return value


def _judge_graph(graph: _Graph, assets: set[str], found: Collector) -> None:
    allowed = name_lists.names("tensorflow_operators.txt")
    for node in graph.nodes.values():
        where = f"{graph.place}, node {shown(node.name)}"
        if node.operator in allowed:
            continue
        if node.operator == "PrintV2":
            if node.stream is not None and node.stream not in _STREAMS:
                _refuse(node.operator, f"writes to {shown(node.stream.decode(errors='replace'))}", where, found)
        elif node.operator in _BY_PATH:
            place = _PATH_INPUT.get(node.operator, 0)
            source = node.inputs[place] if len(node.inputs) > place else ""
            if not _is_provided(graph, source, assets):
                _refuse(node.operator, f"{_BY_PATH[node.operator]} a file whose path the graph contains", where, found)
        elif (what := _DANGEROUS.get(node.operator)) is not None:
            _refuse(node.operator, what, where, found)
        elif node.operator != "Print":  # to stderr only
            found.executes(node.operator, where)
            found.find(
                "tensorflow_operator_unknown",
                f"The operator {shown(node.operator)} is not on the list: a native library, or a part of TensorFlow "
                "that was not reviewed, provides it. Export the model with standard operators.",
                where,
            )


def _is_provided(graph: _Graph, source: str, assets: set[str]) -> bool:
    """Return whether the program provides a path: it comes from an argument, a placeholder or an asset."""
    waiting, seen = [source], set()
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name in seen:
            continue
        seen.add(name)
        if name in graph.arguments or name in assets:
            return True
        node = graph.nodes.get(name)
        if node is None:
            continue
        if node.operator in ("Placeholder", "PlaceholderWithDefault"):
            return True
        waiting += node.inputs
    return False


def _refuse(operator: str, what: str, where: str, found: Collector) -> None:
    found.executes(operator, where)
    found.find(
        "tensorflow_operator",
        f"The operator {shown(operator)} {what} when the model runs. Export the model without it.",
        where,
        severity=Severity.CRITICAL,
    )


def _judge_objects(file: IO[bytes], part: Field, found: Collector) -> None:
    """Judge the metadata of Keras objects in the object graph: nodes (1), their user object (4), its metadata (3)."""
    for node in _within(file, part):
        if node.number != 1 or node.wire != LENGTH:
            continue
        for each in _within(file, node):
            if each.number == 4:
                _judge_metadata(file, each, {3}, found)


def _judge_metadata(file: IO[bytes], part: Field, numbers: set[int], found: Collector) -> None:
    """Judge JSON metadata of a layer. Loading builds known classes from it and runs the code of Lambda layers."""
    if part.wire != LENGTH:
        return
    for each in _within(file, part):
        if each.number not in numbers or each.wire != LENGTH or not each.value:
            continue
        if each.value > json_reader.MAX_JSON:
            raise Malformed(f"has metadata of more than {json_reader.MAX_JSON:,} bytes")
        file.seek(each.start)
        raw = file.read(each.value)
        if not raw.lstrip().startswith(b"{"):
            continue
        try:
            value = json_reader.read(raw, "metadata of a layer")
        except json_reader.NotJsonError:
            found.unreadable("broken_metadata", "The metadata of a layer are not JSON.", f"byte {each.start}")
            continue
        keras_config.judge_code(value, f"metadata at byte {each.start}", found)
