"""The list of names that a pickle may import, and what a policy can add to it."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from types import FunctionType

import pytest

from governance.checks.scan import allowed_names
from governance.checks.scan.allowed_names import AllowedNames, Use, listed, refusal

INSTALLED = ("_codecs", "builtins", "collections", "copyreg", "datetime", "decimal", "fractions", "joblib", "numpy",
             "scipy", "sklearn", "uuid")  # fmt: skip
SPECIAL = ("__setstate__", "__new__", "__init__", "__setattr__", "__setitem__", "__del__", "append", "extend", "add",
           "update")  # fmt: skip
REACHES = re.compile(r"\b(eval|exec|__import__|import_module|subprocess|os\.system|open)\(")


def found(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    try:
        with warnings.catch_warnings(action="ignore"):  # old names of NumPy's modules
            return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return None  # of another release of the library


def source_of(method: FunctionType) -> str:
    try:
        return inspect.getsource(method)
    except OSError:
        return ""  # generated, as by dataclasses


def installed() -> dict[str, tuple[Use, object]]:
    names = {n: use for n, use in listed().items() if n.partition(".")[0] in INSTALLED}
    return {name: (use, value) for name, use in names.items() if (value := found(name)) is not None}


def test_each_installed_name_is_of_the_kind_that_the_list_says() -> None:
    names = installed()
    wrong = [
        name
        for name, (use, value) in names.items()
        if inspect.isclass(value) != (use in (Use.CLASS, Use.INSTANCE)) and use is not Use.REFERENCE
    ]

    assert wrong == []
    assert len(names) > 500
    assert not any(inspect.ismodule(value) for _, value in names.values())


def test_no_method_that_loading_calls_evaluates_or_opens() -> None:
    reached = []
    for name, (_, value) in installed().items():
        for special in SPECIAL if inspect.isclass(value) else ():
            method = inspect.getattr_static(value, special, None)
            method = getattr(method, "__func__", method)
            if inspect.isfunction(method) and REACHES.search(source_of(method)):
                reached.append(f"{name}.{special}")

    assert reached == []
    distribution = importlib.import_module("scipy.stats._distn_infrastructure").rv_continuous
    assert REACHES.search(inspect.getsource(distribution._attach_argparser_methods))
    assert refusal("scipy.stats._continuous_distns.norm_gen") is not None


REFUSED = """
    os.system posix.system subprocess.Popen sys.exit importlib.import_module pickle.loads _pickle.loads
    builtins.eval builtins.exec builtins.getattr builtins.__import__ functools.partial operator.attrgetter
    operator.methodcaller itertools.starmap types.FunctionType codecs.decode marshal.loads runpy.run_path
    ctypes.CDLL socket.socket joblib.load joblib.numpy_pickle.load numpy.load numpy.memmap numpy.fromfile
    numpy.vectorize numpy.f2py.compile numpy.core._ufunc_reconstruct numpy._core.multiarray.fromfile
    pandas.read_pickle pandas.io.pickle.read_pickle pandas.eval pandas.core.computation.eval.eval torch.load
    torch.hub.load torch.jit.load torch.storage._load_from_bytes torch.serialization.load
    sklearn.datasets._base.load_files sklearn.svm.SVC.fit sklearn.base.os scipy.io.loadmat
    scipy.stats._distn_infrastructure.rv_frozen __main__.Net logging.os acme acme. .acme acme.* acme.models.*
    acme.a-b acme.Cl\u00e4ss dill.loads cloudpickle.loads keras.models.load_model governance.client.main
"""


@pytest.mark.parametrize("name", REFUSED.split())
def test_a_policy_cannot_add_a_name_that_reaches_further(name: str) -> None:
    module, _, attribute = name.rpartition(".")

    assert refusal(name) is not None
    assert AllowedNames([name]).use(module, attribute) is None


@pytest.mark.parametrize(
    "name", ["acme.models.Scorecard", "sklego.linear_model.LowessRegression", "torchvision.models.resnet.ResNet"]
)
def test_a_policy_can_add_a_class_of_a_library(name: str) -> None:
    module, _, attribute = name.rpartition(".")

    assert refusal(name) is None
    assert AllowedNames().use(module, attribute) is None
    assert AllowedNames([name]).use(module, attribute) is Use.CLASS


def test_the_digest_identifies_the_list() -> None:
    assert re.fullmatch("[0-9a-f]{64}", allowed_names.digest())
