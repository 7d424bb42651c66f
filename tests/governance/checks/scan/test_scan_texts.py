"""Scans of texts: JSON, YAML and XML that names code, and words that do not."""

from __future__ import annotations

import io
import json

import pytest

from governance.checks.scan import text_files
from governance.checks.scan.dispatch import scan_part
from governance.checks.scan.report import FileScan, Options, Reference, Scan
from tests.governance.checks.scan.scanned import codes, keras_layer, keras_model, scanned, summary

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
PMML = '<?xml version="1.0"?><PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">{}</PMML>'
DOCTYPE = (
    '<?xml version="1.0" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
)


@pytest.mark.parametrize(
    "text",
    [
        "# Model\n\nUse `!!python/object` never: see the note on <b>tags</b>.\n",
        "a: !!str 1\nb: !custom x\n- email@!python\n",
        '{"hidden_size": 768, "architectures": ["BertModel"], "rope": NaN}',
        "col1,col2\n1,2\n",
        '{"auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models.bert"}}',
        '{"auto_mapping": null, "attn_implementation": "sdpa"}',
        "<p>Words in HTML</p>\n",
        '{"a": 1}\n{"a": 2}\n',
        SVG.format('<defs><path id="p" d="M0 0"/></defs><use xlink:href="#p"/><style>*{stroke: url(#a)}</style>'),
        DOCTYPE + SVG.format('<a href="https://example.org">x</a>'),
        PMML.format('<Header><Extension name="user" value="me"/></Header><Apply function="+"/>'),
        json.dumps(keras_model(keras_layer("Dense", units=1))),
    ],
)
def test_ordinary_texts_are_safe(text: str) -> None:
    assert summary(scanned(text.encode())) == ("safe", set())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: !!python/object/apply:os.system ['id']\n", "yaml_python_tag"),
        ("- !!pytho%6e/name:os.system\n", "yaml_python_tag"),
        ("a: &x !<tag:yaml.org,2002:python/name:os.system> ''\n", "yaml_python_tag"),
        ("{a: [!!python/tuple [1]]}\n", "yaml_python_tag"),
        ("%TAG !e! tag:yaml.org,2002:python/\n---\na: !e!name:os.system\n", "yaml_tag_directive"),
        ("x" * (1 << 20) + "\na: !!python/name:os.system\n", "yaml_python_tag"),
        ('{"auto_map": {"AutoModel": "modeling.M"}}', "code_named"),
        ('{"a": [{"trust_remote_code": true}]}', "code_named"),
        ('{"_target_": "os.system"}', "config_target"),
        ("model:\n  - _target_: os.system\n", "config_target"),
        ('{"auto_mapping": {"base_model_class": "Popen", "parent_library": "subprocess"}}', "code_named"),
        ('{"auto_mapping": {"base_model_class": "X", "parent_library": "transformers_modules.x"}}', "code_named"),
        ('{"text_config": {"_attn_implementation": "acme/kernels"}}', "code_named"),
        ('{"_type": "prompt", "template_format": "jinja2", "template": "{{ x.__class__ }}"}', "template_reaches_code"),
        ('{"weight_map": {"w": "../other.safetensors"}}', "reference_outside"),
        (json.dumps(keras_model(keras_layer("Lambda"))), "keras_code"),
        (SVG.format("<script>alert(1)</script>"), "svg_script"),
        (SVG.format('<a onclick="x()"/>'), "svg_script"),
        (SVG.format('<a href="java\tscript:x()"/>'), "svg_script"),
        (SVG.format('<set attributeName="href" to="x"/>'), "svg_script"),
        (SVG.format("<foreignObject/>"), "svg_script"),
        (SVG.format('<image xlink:href="http://a/b.png"/>'), "xml_outside"),
        (SVG.format('<g style="fill: url(http://a/b)"/>'), "xml_outside"),
        (SVG.format("<style>@import 'x';</style>"), "xml_outside"),
        ('<?xml-stylesheet href="http://a/b.xsl"?>' + SVG, "xml_outside"),
        ('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG.format("&x;"), "xml_document_type"),
        (PMML.format('<Apply function="com.acme.Run"/>'), "pmml_function"),
        (PMML.format("<TableLocator/>"), "xml_outside"),
        (PMML.format('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), "xml_outside"),
    ],
)
def test_texts_that_name_code_or_other_files_are_unsafe(text: str, code: str) -> None:
    result = scanned(text.encode())
    assert str(result.verdict) == "unsafe"
    assert codes(result) == {code}


def test_a_text_that_is_no_data_is_recognised_by_its_name() -> None:
    assert summary(scanned(b"{{ x.__class__ }}", "chat_template.txt")) == ("unsafe", {"template_reaches_code"})
    assert summary(scanned(b"import os; os.getpid()\n", "start.pth")) == ("unsafe", {"code_file"})


def test_a_pointer_of_git_lfs_is_not_the_file() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 123\n"
    assert summary(scanned(pointer, "model.safetensors")) == ("unreadable", {"lfs_pointer"})


def scanned_text(content: bytes) -> FileScan:
    """Scan a text by its scanner, whatever the detection says of its encoding."""
    return text_files.scan_text(Scan(io.BytesIO(content), len(content), "README.md", Options(), 0, scan_part))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_texts_in_other_encodings_are_read(encoding: str) -> None:
    text = "Modèle de crédit\nCe modèle estime le défaut de paiement.\n"
    assert summary(scanned_text(text.encode(encoding))) == ("safe", set())
    assert codes(scanned_text((text + "a: !!python/name:os.system\n").encode(encoding))) == {"yaml_python_tag"}
    config = '{"name": "Modèle", "auto_map": {"AutoModel": "modeling.M"}}'
    assert codes(scanned_text(config.encode(encoding))) == {"code_named"}


def test_an_index_of_shards_refers_to_its_files() -> None:
    index = {
        "metadata": {"total_size": 8},
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "b/m.safetensors"},
    }
    assert scanned(json.dumps(index).encode()).references == (
        Reference("model-00001-of-00002.safetensors", "weight_map.a"),
        Reference("b/m.safetensors", "weight_map.b"),
    )


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', "[" * 100_000 + "]" * 100_000, "<svg><a></svg>", '<?xml version="1.0"?><PMML']
)
def test_texts_with_two_meanings_or_a_broken_structure_are_unreadable(text: str) -> None:
    assert str(scanned(text.encode()).verdict) == "unreadable"


def test_a_large_json_text_is_searched_and_not_parsed() -> None:
    filler = b'{"a": ["' + b"x" * (17 << 20) + b'"]'
    assert summary(scanned(filler + b"}")) == ("safe", set())
    assert summary(scanned(filler + b', "auto_map": {}}')) == ("unreadable", {"json_too_large"})
    assert summary(scanned(filler + rb', "\u0061uto_map": {}}')) == ("unreadable", {"json_too_large"})


def test_a_configuration_that_some_readers_read_is_not_safe() -> None:
    assert summary(scanned(b'{"auto_map": {"AutoModel": "m.M"},}')) == ("unreadable", {"json_broken"})
