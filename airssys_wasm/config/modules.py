"""Acts: finds the modules that a tree file names, on disk, without running them.

A module is looked for in the directory of the tree file first and then where Python
looks, as if the tree file were a script. What a name is and which arguments it takes is
read from the module's syntax tree; only `import_actor` runs code of the application.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import sys
import tokenize
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from airssys_wasm.config.surroundings import FoundActor, Missing, Parameters
from airssys_wasm.schema.suggest import did_you_mean

_Spec = importlib.machinery.ModuleSpec


def find_actor(directory: Path, import_path: str) -> FoundActor | Missing:
    """What `module:Name` leads to, without importing anything."""
    module, _, attribute = import_path.partition(":")
    spec = _find(directory, module)
    if isinstance(spec, Missing):
        return spec
    if spec.origin is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        return FoundActor()  # compiled, built in or out of an archive: there is nothing to read
    try:
        with tokenize.open(spec.origin) as file:
            tree = ast.parse(file.read(), spec.origin)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return Missing(f"{spec.origin}{line} is not valid Python: {_reason(error)}")
    except OSError as error:
        return Missing(f"{spec.origin} cannot be read: {error.strerror}")
    return _in_module(tree, module, attribute.split("."))


def import_actor(directory: Path, import_path: str) -> FoundActor | Missing:
    """What `module:Name` is, found by importing the module."""
    module, _, attribute = import_path.partition(":")
    try:
        found: object = import_module(directory, module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        message = f"importing {import_path!r} failed: {type(error).__name__}: {text}"
        return Missing(message, _origin(error))
    if not callable(found):
        return Missing(f"{import_path!r} is {type(found).__name__}, not a class or function")
    return find_actor(directory, import_path)


def import_module(directory: Path, module: str) -> ModuleType:
    """The module, imported with the directory of the tree file in front of `sys.path`."""
    place = str(directory.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    importlib.invalidate_caches()
    return importlib.import_module(module)


def _origin(error: BaseException) -> str:
    """Where an exception was raised, as a hint."""
    frames = traceback.extract_tb(error.__traceback__)
    raised = frames[-1] if frames else None
    if raised is None or raised.filename in (__file__, "<frozen importlib._bootstrap>"):
        return ""
    return f"raised in {raised.filename}, line {raised.lineno}"


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


# -- finding ------------------------------------------------------------------------------


def _find(directory: Path, module: str) -> _Spec | Missing:
    importlib.invalidate_caches()
    parts = module.split(".")
    path: Sequence[str] | None = None
    found: _Spec | None = None
    for number in range(len(parts)):
        name = ".".join(parts[: number + 1])
        if number == 0:
            found = _look([str(directory.resolve())], name, only_files=True)
            if found is None or found.origin is None:  # a mere folder gives way to a package
                found = _look(None, name) or found
        else:
            found = _look(path, parts[number], only_files=True)
        if found is None:
            outer = ".".join(parts[:number])
            near = did_you_mean(parts[number], _modules_in(path or [str(directory)]))
            if number == 0:
                hint = near or f"it is looked for in {directory} and on Python's path"
                return Missing(f"there is no module {name!r}", hint)
            return Missing(f"there is no module {parts[number]!r} in {outer!r}", near)
        path = list(found.submodule_search_locations or ())
        if not path and number + 1 < len(parts):
            return Missing(f"{name!r} is a module, not a package with modules in it")
    assert found is not None
    return found


def _look(path: Sequence[str] | None, name: str, *, only_files: bool = False) -> _Spec | None:
    finders: Iterable[object] = [importlib.machinery.PathFinder] if only_files else sys.meta_path
    for finder in finders:
        find_spec = getattr(finder, "find_spec", None)
        try:
            spec = find_spec(name, path) if find_spec is not None else None
        except (ImportError, ValueError, OSError):
            spec = None
        if isinstance(spec, _Spec):
            return spec
    return None


def _modules_in(directories: Iterable[str]) -> list[str]:
    names: list[str] = []
    for directory in directories:
        try:
            names += [entry.stem for entry in Path(directory).iterdir() if _is_module(entry)]
        except OSError:
            continue
    return names


def _is_module(entry: Path) -> bool:
    return entry.suffix == ".py" or (entry / "__init__.py").is_file()


# -- reading the syntax tree ----------------------------------------------------------------

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(slots=True)
class _Names:
    """What the statements of a body define. `open` when only running them would tell."""

    definitions: dict[str, _Definition | None]
    open: bool = False


def _in_module(tree: ast.Module, module: str, attribute: Sequence[str]) -> FoundActor | Missing:
    body: list[ast.stmt] = tree.body
    owner = module
    for number, name in enumerate(attribute):
        names = _Names({})
        _collect(body, names)
        if name not in names.definitions:
            if names.open or "__getattr__" in names.definitions:
                return FoundActor()
            hint = did_you_mean(name, names.definitions)
            return Missing(f"{owner!r} has no {name!r}", hint)
        definition = names.definitions[name]
        if number + 1 == len(attribute):
            return FoundActor(_parameters(definition) if definition is not None else None)
        if not isinstance(definition, ast.ClassDef) or definition.bases:
            return FoundActor()
        body, owner = definition.body, f"{owner}:{name}"
    return FoundActor()


def _collect(body: Iterable[ast.stmt], names: _Names) -> None:
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                again = statement.name in names.definitions
                names.definitions[statement.name] = None if again else statement
            case ast.Import(imported) | ast.ImportFrom(names=imported):
                for alias in imported:
                    names.open = names.open or alias.name == "*"
                    names.definitions[alias.asname or alias.name.partition(".")[0]] = None
            case _:
                _collect_assigned(statement, names)
                for inner in _bodies(statement):
                    _collect(inner, names)


def _collect_assigned(statement: ast.stmt, names: _Names) -> None:
    for part in ast.walk(statement):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.definitions.setdefault(part.id, None)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            names.open = names.open or part.func.id in {"globals", "exec", "setattr"}


def _bodies(statement: ast.stmt) -> Iterable[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body


def _parameters(definition: _Definition) -> Parameters | None:
    """What a call takes, where the definition alone tells it."""
    if definition.decorator_list:
        return None
    if isinstance(definition, ast.ClassDef):
        own = [s for s in definition.body if isinstance(s, ast.FunctionDef)]
        inits = [function for function in own if function.name == "__init__"]
        if len(inits) != 1 or inits[0].decorator_list or definition.keywords:
            return None
        return _of(inits[0].args, skip=1)
    if isinstance(definition, ast.AsyncFunctionDef):
        return _of(definition.args, skip=1)  # the inbox
    return None


def _of(arguments: ast.arguments, *, skip: int) -> Parameters:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    without_default = positional[: len(positional) - len(arguments.defaults)][skip:]
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    needed = [
        name
        for name, default in zip(keyword_only, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return Parameters(
        positional=tuple(positional[skip:]),
        keyword_only=tuple(keyword_only),
        required=frozenset((*without_default, *needed)),
        any_positional=arguments.vararg is not None,
        any_keyword=arguments.kwarg is not None,
    )
