"""The interpreter of pickles, on streams made by hand: each trick by which scanners were deceived."""

from __future__ import annotations

import _compat_pickle
import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from governance.checks.scan.report import Verdict
from tests.governance.checks.scan.pickle_made import (
    CALL,
    END,
    HARMLESS,
    calling,
    codes,
    executed,
    frame,
    imports,
    line,
    name,
    proto,
    scanned,
    text,
)

PLAIN = {
    "a": [1, 2.5, "x", b"y", None, True, (1, 2), {3}, frozenset({4}), 1 << 70, bytearray(b"z")],
    "b": OrderedDict(k=1),
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_safe_in_every_protocol(protocol: int) -> None:
    found = scanned(pickle.dumps(PLAIN, protocol))

    assert found.verdict is Verdict.SAFE, found.findings
    assert "collections.OrderedDict" in imports(found)


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_is_named_with_its_place_and_its_remedy(protocol: int) -> None:
    found = scanned(calling(os.system, "true", protocol=protocol))

    assert found.verdict is Verdict.UNSAFE
    assert codes(found) == {"import_not_allowed", "call_not_allowed"}
    assert executed(found) == {"posix.system"}
    assert all(finding.where.startswith("byte ") for finding in found.findings)
    assert "never allowed" in found.findings[0].message


def test_a_reviewer_can_allow_an_exact_name() -> None:
    content = proto(name("acme.models", "Scorecard"), b")\x81}b")

    assert "exactly acme.models.Scorecard into extra_allowed" in scanned(content).findings[0].message
    assert scanned(content, extra=["acme.models.Scorecard"]).verdict is Verdict.SAFE
    assert scanned(content, extra=["acme.models"]).verdict is Verdict.UNSAFE
    assert scanned(proto(CALL), extra=["os.getpid"]).verdict is Verdict.UNSAFE


ADD_EXTENSION = name("copyreg", "add_extension") + text("os") + text("getpid") + b"K\x01\x87R0\x82\x01)R"
MODEL = name("sklearn.svm._classes", "SVC") + b")\x81"
STACK_LINE = b"Vos\nVgetpid\n\x93"

UNSAFE = {
    # Names.
    "module_of_the_system": (proto(CALL), "import_not_allowed"),
    "import_without_call": (proto(name("os", "getpid")), "import_not_allowed"),
    "import_that_is_dropped": (proto(name("os", "getpid"), b"0N"), "import_not_allowed"),
    "reexport": (proto(name("sklearn.datasets._base", "os"), b"."), "import_not_allowed"),
    "dotted_name": (proto(name("logging", "os.getpid"), b")R"), "import_dotted"),
    "dotted_name_of_a_listed_class": (proto(name("numpy", "ndarray.tofile")), "import_dotted"),
    "listed_name_in_another_module": (proto(name("sklearn.svm", "_classes.SVC"), b")\x81"), "import_dotted"),
    "import_module": (calling(__import__("importlib").import_module, "os"), "import_not_allowed"),
    "eval": (calling(eval, "1"), "import_not_allowed"),
    "getattr": (calling(getattr, 1, "real"), "import_not_allowed"),
    "numpy_load": (calling(np.load, "x"), "import_not_allowed"),
    "name_of_python_2": (b"c__builtin__\neval\n)R.", "import_not_allowed"),
    "mapped_to_another_name": (b"\x80\x02citertools\nimap\n0N.", "import_not_allowed"),
    "name_made_by_a_call": (
        proto(name("builtins", "str"), text("os"), b"\x85R", text("getpid"), b"\x93)R"),
        "import_name_unknown",
    ),
    "name_from_bytes": (proto(b"U\x02osU\x06getpid\x93)R"), "import_name_unknown"),
    "name_in_raw_unicode": (proto(STACK_LINE, b")R"), "import_not_allowed"),
    "look_alike": (proto(name("соllections", "OrderedDict")), "import_not_allowed"),
    # Calls.
    "inst": (b"(ios\ngetpid\n.", "call_not_allowed"),
    "obj": (b"(cos\ngetpid\no.", "call_not_allowed"),
    "newobj": (proto(name("os", "getpid"), b")\x81"), "call_not_allowed"),
    "newobj_ex": (proto(name("os", "getpid"), b")}\x92"), "call_not_allowed"),
    "call_of_a_result": (proto(HARMLESS, b")R"), "call_of_object"),
    "call_of_a_constant": (proto(text("os"), b")R"), "call_of_object"),
    "call_of_a_reference": (proto(name("numpy", "mean"), b")R"), "call_not_allowed"),
    "call_of_a_class_for_instances": (
        proto(name("xgboost.core", "Booster"), b"NN", text("/etc/x"), b"\x87R"),
        "call_not_allowed",
    ),
    "codec": (proto(name("_codecs", "encode"), text("x"), text("zip"), b"\x86R"), "call_not_allowed"),
    "codec_not_constant": (proto(name("_codecs", "encode"), text("x"), HARMLESS, b"\x86R"), "call_not_allowed"),
    "codec_of_text": (proto(name("builtins", "str"), b"C\x01x", text("rot13"), b"\x86R"), "call_not_allowed"),
    "reconstructor_of_a_function": (
        proto(name("copyreg", "_reconstructor"), name("numpy", "mean"), name("builtins", "object"), b"N\x87R"),
        "call_not_allowed",
    ),
    "index_of_another_class": (
        proto(name("pandas.core.indexes.base", "_new_Index"), name("numpy", "ndarray"), b"}\x86R"),
        "call_not_allowed",
    ),
    "array_over_a_buffer": (
        proto(
            name("numpy", "ndarray"),
            b"K\x01\x85",
            name("numpy", "dtype"),
            text("O8"),
            b"\x89\x88\x87RC\x08AAAAAAAA\x87\x81",
        ),
        "call_not_allowed",
    ),
    "reconstructor_with_another_base": (
        proto(name("copyreg", "_reconstructor"), name("xgboost.core", "Booster"), name("numpy", "ndarray"), b"N\x87R"),
        "call_not_allowed",
    ),
    "import_returned_as_data": (
        proto(
            name("numpy._core.multiarray", "scalar"),
            name("numpy", "dtype"),
            text("O"),
            b"\x85R",
            name("sklearn.svm._classes", "SVC"),
            b"\x86R}b",
        ),
        "call_not_allowed",
    ),
    "function_inside_a_torch_subclass": (
        proto(name("torch._tensor", "_rebuild_from_type_v2"), b"(", name("os", "getpid"), b"N)}tR"),
        "call_not_allowed",
    ),
    # Changes of what is imported.
    "build_on_an_import": (proto(name("sklearn.svm._classes", "SVC"), b"}", text("fit"), b"Nsb"), "import_changed"),
    "setitem_on_an_import": (proto(name("collections", "OrderedDict"), text("a"), b"Ns"), "import_changed"),
    "setitems_on_an_import": (proto(name("collections", "OrderedDict"), b"(", text("a"), b"Nu"), "import_changed"),
    "append_to_an_import": (proto(name("collections", "deque"), b"Na"), "import_changed"),
    "appends_to_an_import": (proto(name("collections", "deque"), b"(Ne"), "import_changed"),
    "additems_to_an_import": (proto(name("builtins", "set"), b"(N\x90"), "import_changed"),
    "build_on_an_import_from_the_memo": (proto(name("sklearn.svm._classes", "SVC"), b"\x940h\x00}b"), "import_changed"),
    "class_set_by_a_state_of_slots": (
        proto(MODEL, b"N}", text("__class__"), name("xgboost.core", "Booster"), b"s\x86b"),
        "state_of_slots",
    ),
    "state_of_slots_from_a_call": (
        proto(MODEL, name("builtins", "tuple"), b"](N}e\x85R", b"b"),
        "state_of_slots",
    ),
    "state_of_slots_for_another_generator": (
        proto(
            name("numpy.random._pickle", "__bit_generator_ctor"),
            name("collections", "OrderedDict"),
            b"\x85RN}\x86b",
        ),
        "state_of_slots",
    ),
    # The memo.
    "put_after_a_dropped_value": (
        proto(text("os"), b"N0q\x000", text("getpid"), b"q\x010h\x00h\x01\x93)R"),
        "call_not_allowed",
    ),
    "memo_overwritten": (
        proto(text("collections"), b"q\x000", text("os"), b"q\x000h\x00", text("getpid"), b"\x93)R"),
        "call_not_allowed",
    ),
    "memoize_after_put": (
        proto(text("os"), b"q\x050", text("x"), b"\x940h\x05", text("getpid"), b"\x93)R"),
        "call_not_allowed",
    ),
    "memo_of_an_earlier_pickle": (
        proto(text("os"), b"\x940", text("getpid"), b"\x94") + proto(b"h\x00h\x01\x93)R"),
        "memo_carried_over",
    ),
    "memo_that_differs_by_loader": (
        proto(text("os"), b"\x940", text("getpid"), b"\x94")
        + proto(text("collections"), b"\x940", text("OrderedDict"), b"\x940h\x00h\x01\x93)R"),
        "memo_carried_over",
    ),
    "second_pickle": (pickle.dumps([1]) + proto(CALL), "call_not_allowed"),
    "memo_index": (b"\x80\x02Nr\xff\xff\xff\x7f.", "memo_index"),
    "memo_index_as_text": (b"(lp999999999\n.", "memo_index"),
    # Other opcodes.
    "extension": (proto(b"\x82\x01"), "extension_code"),
    "extension_2": (proto(b"\x83\x01\x00"), "extension_code"),
    "extension_4": (proto(b"\x84\x01\x00\x00\x00"), "extension_code"),
    "extension_that_is_registered": (proto(ADD_EXTENSION), "extension_code"),
    "persistent_id": (proto(b"K\x01Q"), "persistent_id"),
    "persistent_id_as_text": (b"\x80\x02Px\n.", "persistent_id"),
    "next_buffer": (proto(b"\x97", version=5), "buffer_outside"),
    "readonly_buffer": (proto(b"B\x00\x00\x00\x00\x98", version=5), "buffer_outside"),
    # Frames.
    "opcode_across_a_frame": (proto(frame(text("os"), size=2)), "frame_crossed"),
    "argument_behind_a_frame": (proto(frame(b"K", size=1), b"\x01"), "frame_crossed"),
    "frame_within_a_frame": (proto(frame(frame(b"N", END), size=20), b"N" * 20), "frame_nested"),
    "stop_within_a_frame": (proto(frame(b"N", END, b"NN")), "frame_crossed"),
    "name_across_a_frame": (proto(frame(b"cos\nget", size=6), b"pid\n)R"), "frame_crossed"),
    # Dtypes.
    "object_fields_as_numbers": (
        proto(
            name("numpy", "dtype"),
            text("V8"),
            b"\x89\x88\x87R(K\x03",
            text("|"),
            b"N",
            text("a"),
            b"\x85}",
            text("a"),
            name("numpy", "dtype"),
            text("O8"),
            b"\x89\x88\x87RK\x00\x86sK\x08K\x01K\x10tb",
        ),
        "dtype_forged",
    ),
    "names_of_fields_that_are_no_text": (
        proto(name("numpy", "dtype"), text("V8"), b"\x89\x88\x87R(K\x03", text("|"), b"N)}\x86}K\x08K\x01K\x10tb"),
        "dtype_forged",
    ),
    "flags_of_objects_for_text": (
        proto(name("numpy", "dtype"), text("S8"), b"\x89\x88\x87R(K\x03", text("|"), b"NNNK\x08K\x01K\x3ftb"),
        "dtype_forged",
    ),
    "dtype_of_numpy_changed": (
        proto(name("numpy", "dtype"), text("f8"), b"\x85R(K\x03", text(">"), b"NNNK\xffK\xffK\x00tb"),
        "dtype_forged",
    ),
}


@pytest.mark.parametrize("trick", UNSAFE)
def test_a_trick_is_unsafe(trick: str) -> None:
    content, code = UNSAFE[trick]
    found = scanned(content)

    assert found.verdict is Verdict.UNSAFE, found
    assert code in codes(found), found.findings


UNREADABLE = {
    "cut_short": pickle.dumps(PLAIN, 4)[:-5],
    "without_stop": b"\x80\x04N",
    "text_behind": pickle.dumps(PLAIN, 4) + b"# text",
    "unknown_opcode": proto(b"N", b"\xff"),
    "unknown_protocol": b"\x80\x04\x80\x06N.",
    "pop_of_nothing": proto(b"NN\x86\x86"),
    "no_mark": proto(b"Nt"),
    "absent_memo_entry": proto(b"h\x07"),
    "odd_items": proto(b"}(NNNu"),
    "stop_on_an_empty_stack": proto(b"("),
    "bad_utf8": proto(b"\x8c\x01\xff"),
    "frame_past_the_end": proto(frame(b"N", size=1000)),
    "blob_past_the_end": proto(b"\x8e" + struct.pack("<Q", 1 << 40) + b"x"),
    "negative_length": b"\x80\x02T\xff\xff\xff\xff.",
    "hexadecimal_number": b"\x80\x02I0x10\n.",
    "number_with_nul": b"\x80\x02I1\x002\n.",
    "text_without_quotes": b"\x80\x02Sabc\n.",
    "name_without_an_end": b"\x80\x02(lcos\ngetpid",
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_what_no_pickler_writes_is_unreadable(fault: str) -> None:
    found = scanned(UNREADABLE[fault])

    assert found.verdict is Verdict.UNREADABLE, found


SAFE = {
    "frames_in_a_row": proto(frame(b"]\x94"), frame(b"(K\x01K\x02e")),
    "blob_between_frames": pickle.dumps([b"x" * 100_000, "y" * 100_000, b"z"], 5),
    "two_pickles_of_data": pickle.dumps([1, "a"]) + pickle.dumps({"b": 2}),
    "two_pickles_with_their_own_memo": pickle.dumps(np.arange(3), 2) + pickle.dumps(np.arange(4.0), 2),
    "deep": pickle.dumps(eval("[" * 90 + "]" * 90)),
    "long_names": proto(text("x" * 255), b"0N"),
    "structured": pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "O"), ("c", "i4", (2,))])),
    "dates": pickle.dumps(np.array(["2026-01-01"], "M8[D]")),
    "records": pickle.dumps(np.zeros(2, [("a", "i8"), ("b", "f8")]).view(np.recarray)),
    "scalars": pickle.dumps([np.float64(1), np.str_("x"), np.datetime64("2026-01-01"), np.bool_(True)], 2),
    "random": pickle.dumps([np.random.default_rng(0), np.random.RandomState(0)], 2),
}


@pytest.mark.parametrize("case", SAFE)
def test_what_picklers_write_is_safe(case: str) -> None:
    found = scanned(SAFE[case])

    assert found.verdict is Verdict.SAFE, found.findings


def test_names_of_python_2_are_judged_as_the_unpickler_maps_them() -> None:
    found = scanned(b"c__builtin__\nset\np0\n((lp1\ntp2\nRp3\n.")

    assert found.verdict is Verdict.SAFE
    assert imports(found) == {"builtins.set"}
    assert ("__builtin__", "eval") not in _compat_pickle.NAME_MAPPING
    assert scanned(proto(line("__builtin__", "set"))).verdict is Verdict.UNSAFE


def test_findings_are_limited_and_the_verdict_is_not() -> None:
    found = scanned(proto(*(name("acme", f"f{number}") + b"0" for number in range(300)), b"N"))

    assert found.verdict is Verdict.UNSAFE
    assert len(found.findings) == 101
    assert found.findings[-1].code == "more_findings"
    assert END in proto()


def test_a_name_that_deceives_is_shown_escaped() -> None:
    found = scanned(proto(name("os\n\u202e", "x")))

    assert imports(found) == {"'os\\n\\u202e.x'"}
