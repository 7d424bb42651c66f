"""Scan skops files: every name that loading imports must be on the reviewed list of its kind of node.

Source: skops 0.16, `skops.io`. `_construct` of each node class decides what is imported and called; a node without an
entry in `_KINDS` is refused, so a node of a later version never passes by omission.
"""

from __future__ import annotations

from typing import Any

from governance.checks.base import Severity
from governance.checks.formats import archives, tensors
from governance.checks.formats.detect import MAX_SCHEMA
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan import allowed_names, json_reader, name_lists, zip_members
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.report import Scan

SCHEMA = "schema.json"


_KINDS: dict[str, frozenset[str] | str] = {
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "ListNode": frozenset({"builtins.list"}),
    "SetNode": frozenset({"builtins.set"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "JsonNode": frozenset({"builtins.str"}),
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}),
    "RandomStateNode": frozenset({"numpy.random.RandomState", "numpy.random.mtrand.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random.Generator", "numpy.random._generator.Generator"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "NdArrayNode": "array",
    "SparseMatrixNode": "sparse",
    "ObjectNode": "object",
    "TreeNode": "tree",
    "LossNode": "loss",
    "FunctionNode": "function",
    "TypeNode": "type",
    "ConstructorFromReduceNode": "constructor",
}
"""The names that each kind of node may have: a set, or the name of a section of `skops_names.txt`."""

_ALWAYS_REFUSED = {
    "MethodNode": "takes a method by a name that the file chooses",
    "OperatorFuncNode": "calls a function of the module operator with arguments that the file chooses",
    "PartialNode": "makes a function call with arguments that the file chooses",
}
_BIT_GENERATORS = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})


@collected(Format.SKOPS)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a skops file."""
    archive = archives.open_zip(scan.stream, scan.size)
    if archive is None or SCHEMA not in archive.names:
        raise Malformed("is not a zip archive with a schema.json")
    by_name = {member.filename: member for member in archive.members}
    if "config.json" in by_name or any(name.endswith("data.pkl") for name in by_name):
        found.find(
            "two_formats",
            "The archive is a skops file and a Keras or torch file at once, so what is loaded depends on the program. "
            "Save the model in one format.",
        )
    schema = json_reader.read_object(zip_members.read(archive, by_name[SCHEMA], MAX_SCHEMA), SCHEMA)
    if schema.get("protocol") not in (0, 1, 2):
        found.unreadable(
            "unknown_protocol",
            f"The schema has protocol {shown(schema.get('protocol'))}; 0 to 2 are known. Save it with skops 0.16 or "
            "earlier.",
            SCHEMA,
        )
    loads = _walk(schema, found, scan)
    for name, member in by_name.items():
        if name != SCHEMA and member.file_size and name.endswith((".npy", ".npz")):
            stream = zip_members.opened(archive, scan.stream, member)
            array = tensors.npy(stream, member.file_size)
            if array is None:
                found.include(scan.scan_part(scan.part(stream, member.file_size, name)), name)
            elif array[1]:
                found.unreadable("object_array", f"It is {array[0]}, which skops refuses to load.", name)
    for place, name in loads:
        if name not in by_name:
            found.unreadable("missing_member", f"The node refers to {shown(name)}, which the archive lacks.", place)


def _walk(schema: dict[str, Any], found: Collector, scan: Scan) -> list[tuple[str, str]]:
    """Judge every node. Returns the members that nodes name, with their places."""
    loads: list[tuple[str, str]] = []
    for place, node in json_reader.walk(schema):
        if not isinstance(node, dict) or not {"__loader__", "__class__", "__module__"} & node.keys():
            continue
        where = f"{SCHEMA}: {place or 'root'}"
        loader, module, name = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
        if not (isinstance(loader, str) and isinstance(module, str) and isinstance(name, str)):
            found.unreadable("broken_node", "The node has no loader, module or class name.", where)
            continue
        if loader == "CachedNode":  # names a node that is judged where it is written
            continue
        _judge(node, loader, module, name, where, found, scan)
        if "file" in node and isinstance(node["file"], str):
            loads.append((where, node["file"]))
    return loads


def _judge(node: dict[str, Any], loader: str, module: str, name: str, where: str, found: Collector, scan: Scan) -> None:
    qualified = f"{module}.{name}"
    if loader in _ALWAYS_REFUSED:
        found.imports(qualified, where, allowed=False)
        found.executes(f"{loader} {qualified}", where)
        found.find(
            "skops_call",
            f"Loading the node {loader} ({shown(qualified)}) {_ALWAYS_REFUSED[loader]}. Save an estimator without such "
            "a function, for instance without FunctionTransformer or a custom callable.",
            where,
            severity=Severity.CRITICAL,
        )
        return
    kind = _KINDS.get(loader)
    if kind is None:
        found.imports(qualified, where, allowed=False)
        found.find(
            "skops_node_unknown",
            f"The node has the loader {shown(loader)}, which no reviewed version of skops has, for {shown(qualified)}.",
            where,
        )
        return
    # Protocol 0 wrote the name of a function into the content.
    for other in _function_names(node) if loader == "FunctionNode" else ():
        _judge_name(other[0], other[1], "function", where, found, scan)
    if loader == "JsonNode":
        _judge_json(node, where, found)
        return
    if loader == "RandomGeneratorNode":
        _judge_generator(node, where, found)
    _judge_name(module, name, kind, where, found, scan)


def _judge_name(module: str, name: str, kind: frozenset[str] | str, where: str, found: Collector, scan: Scan) -> None:
    qualified = f"{module}.{name}"
    listed = kind if isinstance(kind, frozenset) else name_lists.sections("skops_names.txt").get(kind, frozenset())
    extra = allowed_names.is_added(qualified, scan.options.extra_allowed) and kind in ("object", "type")
    allowed = "." not in name and (qualified in listed or extra)
    if not qualified.startswith("builtins."):
        found.imports(qualified, where, allowed=allowed)
    if not allowed:
        found.imports(qualified, where, allowed=False)
        found.find(
            "import_not_allowed",
            f"Loading imports {shown(qualified)}, which is not on the list of names for this kind of node. Use an "
            "estimator of scikit-learn, or let a reviewer examine the name and add it to extra_allowed of the policy.",
            where,
            severity=Severity.CRITICAL,
        )


def _function_names(node: dict[str, Any]) -> list[tuple[str, str]]:
    content = node.get("content")
    if not isinstance(content, dict):
        return []
    return [(str(content.get("module_path", "")), str(content.get("function", "")))]


def _judge_json(node: dict[str, Any], where: str, found: Collector) -> None:
    content = node.get("content")
    if not isinstance(content, str):
        found.unreadable("broken_node", "The node contains no JSON text.", where)
        return
    if len(content) < 1_000:
        try:
            json_reader.read(content.encode("utf-8", errors="surrogatepass"), "node")
        except (json_reader.NotJsonError, UnicodeError):
            found.unreadable("broken_node", "The node contains a text that is not JSON.", where)


def _judge_generator(node: dict[str, Any], where: str, found: Collector) -> None:
    """Judge the class of the bit generator: skops calls the attribute of numpy.random that a text in the file names."""
    try:
        name: Any = node["content"]["bit_generator"]["content"]["bit_generator"]["content"]
        name = json_reader.read(name.encode(), "node")
    except (KeyError, TypeError, ValueError, AttributeError):
        name = None
    if not isinstance(name, str) or name not in _BIT_GENERATORS:
        found.executes(f"numpy.random.{name}", where)
        found.find(
            "import_not_allowed",
            f"Loading calls numpy.random.{shown(name)}, which is not a bit generator of NumPy.",
            where,
            severity=Severity.CRITICAL,
        )
