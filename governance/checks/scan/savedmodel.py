"""Scan TensorFlow SavedModels: the operators of every graph and function, files they name, Keras metadata.

Operators are judged by an allow list. Source: saved_model.proto, meta_graph.proto, graph.proto, function.proto,
node_def.proto, attr_value.proto, saved_object_graph.proto, saved_metadata.proto of TensorFlow and Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import binary, protobuf
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.formats.protobuf import LENGTH, Field
from governance.checks.scan import json_reader, keras_config, name_lists
from governance.checks.scan.collecting import Collector, collected, leads_out, shown
from governance.checks.scan.report import Scan
from governance.checks.scan.savedmodel_graphs import Graph, Program, read_program, text_of, within

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
_PATH_INPUTS = {
    "InitializeTableFromTextFileV2": (1,), "InitializeTableFromTextFile": (1,), "MergeV2Checkpoints": (0, 1),
}  # fmt: skip
_STREAMS = (b"stderr", b"stdout", b"log(info)", b"log(warning)", b"log(error)")


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


def _scan_model(scan: Scan, found: Collector) -> None:
    file = scan.stream
    for number, meta in enumerate(f for f in protobuf.fields(file, 0, scan.size) if f.number == 2 and f.wire == LENGTH):
        assets = {name for name, _ in _assets(file, meta, found)}
        program = read_program(file, meta, f"meta_graph[{number}]", assets)
        for graph in program.graphs:
            _judge_graph(graph, program, found)
        for part in within(file, meta):
            if part.wire == LENGTH and part.number == 7:
                _judge_objects(file, part, found)


def _assets(file: IO[bytes], meta: Field, found: Collector) -> Iterator[tuple[str, str]]:
    """Yield the tensor and the file of each asset, and refer to the file."""
    for part in within(file, meta):
        if part.number != 6 or part.wire != LENGTH:
            continue
        tensor = filename = ""
        for each in within(file, part):
            if each.number == 2 and each.wire == LENGTH:
                filename = text_of(file, each)
            elif each.number == 1 and each.wire == LENGTH:
                tensor = next((text_of(file, f) for f in within(file, each) if f.number == 1 and f.wire == LENGTH), "")
        where = f"asset {shown(filename)}"
        if leads_out(filename) is not None:
            found.refer(filename, where, "an asset")
        else:
            found.refer(f"assets/{filename}", where, "an asset")
        yield tensor.partition(":")[0], filename


def _judge_graph(graph: Graph, program: Program, found: Collector) -> None:
    allowed = name_lists.names("tensorflow_operators.txt")
    for node in graph.nodes.values():
        where = f"{graph.place}, node {shown(node.name)}"
        if node.operator in allowed:
            continue
        if node.operator == "PrintV2":
            if node.stream is not None and node.stream not in _STREAMS:
                _refuse(node.operator, f"writes to {shown(node.stream.decode(errors='replace'))}", where, found)
        elif node.operator in _BY_PATH:
            paths = [node.inputs[at] if len(node.inputs) > at else "" for at in _PATH_INPUTS.get(node.operator, (0,))]
            if not all(program.is_provided(graph, path) for path in paths):
                what = f"{_BY_PATH[node.operator]} a file whose path is a constant of the graph"
                _refuse(node.operator, what, where, found)
        elif node.operator in _DANGEROUS:
            _refuse(node.operator, _DANGEROUS[node.operator], where, found)
        elif node.operator != "Print":  # to stderr only
            found.executes(node.operator, where)
            found.find(
                "tensorflow_operator_unknown",
                f"The operator {shown(node.operator)} is not on the list: a native library, or a part of TensorFlow "
                "that was not reviewed, provides it. Export the model with standard operators.",
                where,
            )


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
    for node in within(file, part):
        if node.number != 1 or node.wire != LENGTH:
            continue
        for each in within(file, node):
            if each.number == 4:
                _judge_metadata(file, each, {3}, found)


def _judge_metadata(file: IO[bytes], part: Field, numbers: set[int], found: Collector) -> None:
    """Judge JSON metadata of a layer. Loading builds known classes from it and runs the code of Lambda layers."""
    if part.wire != LENGTH:
        return
    for each in within(file, part):
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
