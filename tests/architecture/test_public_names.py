"""What a package offers is chosen: its `__all__` is its namespace, and documented."""

import ast
import importlib
import inspect
import pkgutil
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.repository import DISTRIBUTIONS, import_name, package_directory


def public_modules() -> list[str]:
    """The four packages and their public sub-namespaces."""
    names = []
    for distribution in DISTRIBUTIONS:
        package = import_name(distribution)
        directory = package_directory(distribution) / "src" / package
        names.append(package)
        names += [
            f"{package}.{module.name}"
            for module in pkgutil.iter_modules([str(directory)])
            if not module.name.startswith("_")
        ]
    return names


def assigned_name(statement: ast.stmt) -> str | None:
    """The name that a module's statement assigns to, if it does that."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def offered_names(module: ModuleType) -> set[str]:
    """The public names that a module defines, or re-exports (`import x as x`)."""
    names: set[str | None] = set()
    for statement in ast.parse(inspect.getsource(module)).body:
        match statement:
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname for alias in aliases}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
            case _:
                names.add(assigned_name(statement))
    return {name for name in names if name and not name.startswith("_")}


def documented_assignments(package: ModuleType) -> set[str]:
    """The names in `package` whose assignment is followed by a string literal."""
    names = set()
    assert package.__file__
    for path in Path(package.__file__).parent.rglob("*.py"):
        for statement, following in pairwise(ast.parse(path.read_bytes()).body):
            name = assigned_name(statement)
            match following:
                case ast.Expr(value=ast.Constant(value=str())) if name:
                    names.add(name)
    return names


@pytest.mark.parametrize("name", public_modules())
def test_all_is_exactly_the_public_namespace(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(offered_names(module))


def has_own_docstring(value: object) -> bool:
    """Whether a class or a function says what it is, not its base or a generator."""
    if not inspect.isclass(value):
        return bool(value.__doc__)
    docstring = vars(value).get("__doc__") or ""
    made_by_dataclass = f"{value.__name__}("
    return bool(docstring) and not docstring.startswith(made_by_dataclass)


@pytest.mark.parametrize("name", public_modules())
def test_every_public_name_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    undocumented = set()
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert has_own_docstring(value), public
        else:
            undocumented.add(public)
    # A constant or a type alias is documented where it is assigned, here or below.
    for distribution in DISTRIBUTIONS:
        package = importlib.import_module(import_name(distribution))
        undocumented -= documented_assignments(package)
    assert undocumented == set()
