"""Judge JSON configurations of Hugging Face libraries and of tools around them: what do they name as code?

Source: `transformers.dynamic_module_utils` (auto_map), `diffusers` (custom pipelines, `_class_name`), sharded
checkpoints (weight_map), chat templates, LangChain prompts (template_format), Hydra (`_target_`).
"""

from __future__ import annotations

import re
from typing import Any

from governance.checks.base import Severity
from governance.checks.scan import jinja_templates, json_reader
from governance.checks.scan.collecting import Collector, shown

_CODE_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_pipeline", "trust_remote_code", "custom_generate"})
_KERNEL_KEYS = frozenset(
    {"attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation"}
)
_PARENT = re.compile(r"transformers(\.[a-z][a-z0-9_]{0,60}){0,4}")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]{0,80}")
_TEMPLATE_KEYS = frozenset({"chat_template", "default_chat_template", "chat_templates"})


def judge(value: Any, found: Collector) -> None:
    """Judge a JSON value, at any depth."""
    for place, each in json_reader.walk(value):
        if not isinstance(each, dict):
            continue
        for key, inner in each.items():
            where = f"{place}.{key}" if place else key
            if key in _CODE_KEYS and inner:
                _refuse_code(key, inner, where, found)
            elif key in _TEMPLATE_KEYS:
                _judge_templates(inner, where, found)
            elif key == "weight_map" and isinstance(inner, dict):
                _refer(inner, where, found)
            elif key == "template" and each.get("template_format") == "jinja2" and isinstance(inner, str):
                jinja_templates.judge(inner, where, found)
            elif key == "auto_mapping" and isinstance(inner, dict):
                _judge_parent(inner, where, found)
            elif key in _KERNEL_KEYS and isinstance(inner, str | dict):
                _judge_kernels(inner, where, found)
            elif key == "_target_" and isinstance(inner, str):
                refuse_target(inner, where, found)


def refuse_target(name: str, where: str, found: Collector) -> None:
    """Add that a configuration names a function by the key `_target_`."""
    found.imports(name, where, allowed=False)
    found.find(
        "config_target",
        f"Hydra imports and calls {shown(name)} when it instantiates the configuration. Name the class in the program, "
        "not in the version.",
        where,
    )


def _judge_parent(mapping: dict[str, Any], where: str, found: Collector) -> None:
    """Judge the module that PEFT imports for the class of the base model (`peft.auto`)."""
    module, name = mapping.get("parent_library"), mapping.get("base_model_class")
    if module is None and name is None:
        return
    known = isinstance(module, str) and _PARENT.fullmatch(module) and isinstance(name, str) and _CLASS.fullmatch(name)
    found.imports(f"{module}.{name}", where, allowed=bool(known))
    if not known:
        found.find(
            "code_named",
            f"auto_mapping names the class {shown(name)} of the module {shown(module)}, which PEFT imports; only "
            "classes of transformers are known. Train the adapter on a class of the library.",
            where,
            severity=Severity.CRITICAL,
        )


def _judge_kernels(value: str | dict[str, Any], where: str, found: Collector) -> None:
    """Judge the implementation of attention: a name with a slash is a repository whose compiled code is fetched."""
    for name in [value] if isinstance(value, str) else value.values():
        if isinstance(name, str) and "/" in name:
            found.reads(name, where)
            found.find(
                "code_named",
                f"The implementation of attention is {shown(name)}: loading fetches compiled code from that "
                "repository and runs it. Name an implementation of the library, such as sdpa.",
                where,
                severity=Severity.CRITICAL,
            )


def _refuse_code(key: str, value: Any, where: str, found: Collector) -> None:
    names = sorted({str(name) for name in (value.values() if isinstance(value, dict) else [value])})
    for name in names[:20]:
        found.imports(name, where, allowed=False)
    found.find(
        "code_named",
        f"{key} names code that loading imports and runs: {shown(', '.join(names))}. Use an architecture that the "
        f"library contains and remove {key}, or let a reviewer allow the code by its digest.",
        where,
        severity=Severity.CRITICAL,
    )


def _judge_templates(value: Any, where: str, found: Collector) -> None:
    """Judge a chat template: a text, a list of named templates, or a mapping of names to templates."""
    for place, text in json_reader.walk(value):
        if isinstance(text, str) and ("{%" in text or "{{" in text):
            jinja_templates.judge(text, f"{where}{'.' if place and place[0] != '[' else ''}{place}", found)


def _refer(weights: dict[str, Any], where: str, found: Collector) -> None:
    for name, path in weights.items():
        if isinstance(path, str):
            found.refer(path, f"{where}.{name[:60]}", "the weights")
        else:
            found.unreadable("broken_index", f"The file of the tensor {shown(name)} is not a text.", where)
