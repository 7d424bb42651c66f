"""Scans of Jinja templates: chat templates pass, whatever reaches code does not."""

from __future__ import annotations

import json

import pytest

from tests.governance.checks.scan.scanned import codes, scanned, summary

CHAT_ML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LLAMA = """{%- if not date_string is defined %}{%- if strftime_now is defined %}
{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}{%- endif %}
{%- set system = messages[0]['content']|trim if messages[0]['role'] == 'system' else '' %}
{%- for t in tools %}{{ t | tojson(indent=4) }}{%- endfor %}{{ raise_exception('Cannot put tools here!') }}"""
MISTRAL = """{%- if (messages | selectattr('role', 'equalto', 'user') | list | length) > 0
and loop_messages[-1].tool_calls is not none %}
{{ messages[loop.index0 + 1].content.split('[/INST]')[0].strip() }}{%- endif %}"""
QWEN = """{%- set ns = namespace(multi_step_tool=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}
{%- if ns.multi_step_tool and not (message.content.startswith('<tool_response>')) %}
{%- set ns.last = index %}{%- endif %}{%- endfor %}
{{ messages[ns.last].content.split('</think>')[-1].lstrip('\\n') }}"""
MACROS = """{% macro render(tool, handled) %}{% for key in tool %}{% if key not in handled %}
{{ key ~ ': ' ~ (tool[key] | string) }}{% endif %}{% endfor %}{% endmacro %}
{{ render(tool.function, ['name', 'tool_calls']) }}"""
HONEST = [
    CHAT_ML,
    LLAMA,
    MISTRAL,
    QWEN,
    MACROS,
    "{% generation %}{{ a|join('_') }}{% endgeneration %}{{ name|replace('_', ' ') }}{% set _args = x|items %}{# ' #}",
    "{{ '{} of {}'.format(a, b) }}{% raw %}{{ x.__class__ }}{% endraw %}{{ value_type | map('upper') | list }}",
]
HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ x['__class__'] }}",
    r"{{ x['\x5f\x5fclass\x5f\x5f'] }}",
    "{{ x['__cla' 'ss__'] }}",
    "{{ x|attr('name') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum|string }}",
    "{{ self._TemplateReference__context }}",
    "{% set a = '_' * 2 + 'class' + '_' * 2 %}{{ x[a] }}",
    "{{ x['_' ~ '_class_' ~ '_'] }}",
    "{% set a %}__class__{% endset %}{{ x[a] }}",
    "{{ x[dict(__class__=1)|list|first] }}",
    "{% for a in ['__class__'] %}{{ x[a] }}{% endfor %}",
    "{% for a in ['_' ~ '_class__', 1] %}{{ x[loop.previtem] }}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.k = '_' ~ '_class__' %}{{ x[ns.k] }}",
    "{% macro m(a) %}{{ x[a] }}{% endmacro %}{{ m('_' ~ '_class__') }}",
    "{% macro b() %}__class__{% endmacro %}{% set k = b() %}{{ x[k] }}",
    "{% macro m() %}{{ caller('__class__') }}{% endmacro %}{% call(a) m() %}{{ x[a] }}{% endcall %}",
    "{{ x['%c%c' % (95, 95)] }}",
    "{{ x['__ssalc__'|reverse] }}",
    "{{ [x]|map(attribute='__class__')|list }}",
    "{{ [x]|map('attr', 'name')|list }}",
    "{{ [x]|groupby('__class__') }}",
    "{{ [x]|selectattr(name) }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ text.format(x) }}",
    "{% include '/etc/passwd' %}",
    "{% from 'x' import y %}",
    "{{ x.gi_frame.f_globals }}",
    "{{ x[0]('id') }}",
    "{{ x.a()() }}",
    "{% with a = '__class__' %}{{ x[a] }}{% endwith %}",
]
UNKNOWN = ["{{ open('/etc/passwd') }}", "{{ x.popen('id') }}", "{{ x|xmlattr }}", "{% trans %}", "{{ x is evil }}"]
BROKEN = ["{{ x", "{% if %", "{{ 'a }}", "{{ (x] }}", "{{ x ? y }}", "{# never", "{% raw %}", "{{ '\\N{nothing}' }}"]


def config(template: str) -> bytes:
    return json.dumps({"tokenizer_class": "T", "chat_template": template}).encode()


@pytest.mark.parametrize("template", HONEST)
def test_a_chat_template_is_safe(template: str) -> None:
    assert summary(scanned(config(template))) == ("safe", set())
    assert summary(scanned(template.encode(), "chat_template.jinja")) == ("safe", set())
    named = json.dumps({"chat_template": [{"name": "default", "template": template}]}).encode()
    assert summary(scanned(named)) == ("safe", set())


@pytest.mark.parametrize("template", HOSTILE)
def test_a_template_that_reaches_code_is_unsafe(template: str) -> None:
    for content, name in ((config(CHAT_ML + template), "a"), (template.encode(), "chat_template.jinja")):
        result = scanned(content, name)
        assert str(result.verdict) == "unsafe"
        assert "template_reaches_code" in codes(result)
    listed = json.dumps({"a": {"chat_template": [{"name": "tool", "template": template}]}}).encode()
    assert scanned(listed).verdict == "unsafe"


@pytest.mark.parametrize("template", UNKNOWN)
def test_what_is_not_on_the_lists_is_unsafe(template: str) -> None:
    assert "template_unknown" in codes(scanned(config(template)))
    assert scanned(config(template)).verdict == "unsafe"


@pytest.mark.parametrize("template", BROKEN)
def test_a_template_that_jinja_refuses_is_unreadable(template: str) -> None:
    assert summary(scanned(template.encode(), "t.jinja")) == ("unreadable", {"template_broken"})


def test_a_finding_names_the_line_and_the_key() -> None:
    (finding,) = scanned(config("one\ntwo\n{{ x.__init__ }}")).findings
    assert finding.where == "chat_template: line 3"
    assert "'__init__'" in finding.message
