"""Rules for the JSON files of Hugging Face folders and of sharded weights: code they name, and files they refer to.

Sources: transformers/dynamic_module_utils.py (auto_map), transformers/pipelines/base.py (custom_pipelines),
diffusers/pipelines/pipeline_loading_utils.py (model_index.json), sentence_transformers/SentenceTransformer.py
(modules.json), mlx_lm/utils.py (model_file).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from governance.checks.base import Severity
from governance.checks.scan.notes import Entry, Notes
from governance.checks.scan.report import Effect, EffectKind, ScanFinding, Verdict
from registry import json_text

CONFIGURATIONS = frozenset(
    {
        "config.json", "configuration.json", "feature_extractor_config.json", "generation_config.json",
        "image_processor_config.json", "model_index.json", "modules.json", "preprocessor_config.json",
        "processor_config.json", "tokenizer_config.json", "video_preprocessor_config.json",
    }
)  # fmt: skip
"""Files that must be readable, because the libraries look in them for code."""
_KINDS = frozenset(
    {"architectures", "model_type", "transformers_version", "_class_name", "tokenizer_class", "auto_map"}
)
_LIBRARIES = frozenset(
    {"diffusers", "transformers", "onnxruntime", "optimum", "flax", "k_diffusion", "stable_diffusion", "peft"}
)
"""Libraries that model_index.json may name; other names are modules of the folder, or any installed module."""
_SENTENCE_MODULE = re.compile(r"sentence_transformers(\.[a-z_]{1,40}){1,4}\.[A-Z][A-Za-z0-9]{0,60}")
_INDEXES = (".safetensors.index.json", ".bin.index.json")
_LEVELS = json_text.MAX_LEVELS
_JUDGED_HERE = frozenset({"auto_map", "custom_pipeline", "custom_pipelines"})
"""Keys that name code of the folder. The scanner of a single file refuses them, because it does not know the folder."""


def is_configuration(entry: Entry) -> bool:
    """Return whether the file is the configuration of a Hugging Face model."""
    if posixpath.basename(entry.path) not in CONFIGURATIONS:
        return False
    document = json_text.parse_json_or(entry.text, None)
    return isinstance(document, dict) and not _KINDS.isdisjoint(document)


def judge(entry: Entry, notes: Notes) -> None:
    """Note what loading a folder does because of its JSON file `entry`."""
    name = posixpath.basename(entry.path)
    try:
        document = json_text.parse_json(entry.text)
    except json_text.JsonTextError as error:
        if name in CONFIGURATIONS or name.endswith(".index.json"):
            message = f"The configuration cannot be read, so what loading it does is not known: {error.detail[:300]}."
            notes.unreadable(entry.path, "config_unreadable", message)
        return
    notes.drop(entry.path, lambda finding: finding.code == "code_named" and _last_key(finding.where) in _JUDGED_HERE)
    if name == "modules.json" and isinstance(document, list):
        _sentence_modules(entry, notes, document)
    if name == "model_index.json" and isinstance(document, dict):
        _components(entry, notes, document)
    for mapping, place in _mappings(document, "", 0):
        _weights(entry, notes, mapping, place)
        _code(entry, notes, mapping, place)


def _last_key(where: str) -> str:
    return where.rpartition(".")[2]


def _mappings(value: Any, place: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    if depth > _LEVELS:
        return
    if isinstance(value, dict):
        yield value, place
        for key, member in value.items():
            if isinstance(member, dict | list):
                yield from _mappings(member, f"{place}.{key}" if place else str(key), depth + 1)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _mappings(member, f"{place}[{number}]", depth + 1)


def _weights(entry: Entry, notes: Notes, mapping: dict[str, Any], place: str) -> None:
    """Note the files of sharded weights: `weight_map` names a file for each tensor."""
    shards = mapping.get("weight_map")
    if place:
        return
    if isinstance(shards, dict):
        for target in sorted({str(shard) for shard in shards.values()}):
            notes.refer_to_file(entry.path, target, "weight_map")
    elif shards is not None or entry.path.endswith(_INDEXES):
        message = "The index has no mapping weight_map of tensors to files, so which files loading reads is not known."
        notes.unreadable(entry.path, "config_unreadable", message)


def _code(entry: Entry, notes: Notes, mapping: dict[str, Any], place: str) -> None:
    """Note the code that `auto_map`, `custom_pipelines` and `model_file` name."""
    within = f"{place}." if place else ""
    auto_map = mapping.get("auto_map")
    for name, classes in auto_map.items() if isinstance(auto_map, dict) else [("", auto_map)] if auto_map else []:
        where = f"{within}auto_map.{name}".rstrip(".")
        for qualified in classes if isinstance(classes, list) else [classes]:
            if qualified is not None:
                _module(entry, notes, str(qualified), where)
    pipelines = mapping.get("custom_pipelines")
    for name, pipeline in pipelines.items() if isinstance(pipelines, dict) else [("", pipelines)] if pipelines else []:
        implementation = pipeline.get("impl") if isinstance(pipeline, dict) else pipeline
        _module(entry, notes, str(implementation), f"{within}custom_pipelines.{name}".rstrip("."))
    script = mapping.get("model_file")
    if isinstance(script, str) and script.endswith(".py"):
        _script(entry, notes, script, f"{within}model_file")
    if custom := mapping.get("custom_pipeline"):
        script = str(custom)
        _script(entry, notes, script if script.endswith(".py") else f"{script}.py", f"{within}custom_pipeline")


def _module(entry: Entry, notes: Notes, qualified: str, where: str) -> None:
    """Note the module of a class: "modeling_x.Model" is in modeling_x.py; "owner/name--module.Model" is elsewhere."""
    elsewhere, mark, local = qualified.rpartition("--")
    if mark:
        message = (
            f"Loading this with trust_remote_code runs code of “{elsewhere[:200]}”, outside the version. Save the "
            "model with its code or, better, with a class of the library."
        )
        notes.effect(entry.path, Effect(EffectKind.READS, elsewhere[:200], where, allowed=False))
        finding = ScanFinding("reference_outside", message, Severity.CRITICAL, where)
        notes.found(entry.path, Verdict.UNSAFE, finding)
        return
    module = local.rpartition(".")[0] or local
    _script(entry, notes, f"{module.replace('.', '/')}.py", where)


def _script(entry: Entry, notes: Notes, target: str, where: str) -> None:
    for path in notes.refer(entry.path, target, where):
        notes.run(path, entry.path)


def _components(entry: Entry, notes: Notes, document: dict[str, Any]) -> None:
    """Note the components of a diffusers pipeline whose library is not a known one."""
    for name, value in document.items():
        parts = value if isinstance(value, list) else []
        if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            continue
        library = parts[0]
        script = f"{library}.py" if name == "_class_name" else f"{name}/{library}.py"
        folder = posixpath.dirname(entry.path)
        shipped = posixpath.join(folder, script) in notes.entries
        if shipped:
            notes.run(posixpath.join(folder, script), entry.path)
        elif library.split(".")[0] not in _LIBRARIES:
            message = (
                f"Loading this imports the module “{library[:200]}” for the component {name[:80]}; known are "
                f"{', '.join(sorted(_LIBRARIES))}. Save the pipeline with components of these libraries."
            )
            notes.imports(entry.path, library[:200], name[:80], allowed=False, message=message)


def _sentence_modules(entry: Entry, notes: Notes, modules: list[Any]) -> None:
    """Note the classes of the modules of a sentence-transformers model."""
    for number, module in enumerate(modules):
        if not isinstance(module, dict) or "type" not in module:
            continue
        name, where = str(module["type"])[:200], f"[{number}].type"
        if folder := module.get("path"):
            notes.refer(
                entry.path, str(folder), f"[{number}].path", required=False
            )  # modules without weights have none
        if _SENTENCE_MODULE.fullmatch(name):
            notes.effect(entry.path, Effect(EffectKind.IMPORTS, name, where))
        elif name.partition(".")[0] != "sentence_transformers":
            _module(entry, notes, name, where)
        else:
            notes.imports(entry.path, name, where, False, f"Loading this imports “{name}”, which is not a class.")
