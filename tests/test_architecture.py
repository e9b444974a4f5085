"""The layers of ARCHITECTURE.md, checked against the import statements of a source tree.

`breaches(root)` reads every module below `root` without importing it. The tests at the end plant
one breach at a time in a small tree of their own, and see that it is found.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = ("broker", "components", "supervision")  # imported as airssys_wasm.<name>

LAYERS = (  # top first; a module imports its own package and what is in a layer below
    {"cli"},
    {"sdk"},
    {"testing"},  # of whole applications, too
    {"application"},
    {"monitoring", "config"},
    {"components"},
    {"supervision", "broker"},
    {"kernel", "schema"},
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

EFFECTS = {
    "anyio", "asyncio", "concurrent", "logging", "multiprocessing", "nats", "os", "random",
    "rocksdict", "secrets", "shutil", "signal", "socket", "sqlite3", "sqlite_utils", "subprocess",
    "tempfile", "threading", "time", "uvloop", "wasmtime",
}  # fmt: skip

HEAVY = {"wasmtime", "yaml", "sqlite_utils", "msgspec", "typer", "rich", "hypothesis"}


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Name below `airssys_wasm` and path of every module, each once, links not followed."""
    for folder in ("airssys_wasm", *TOP_LEVEL):
        base = root / "airssys_wasm" if folder == "airssys_wasm" else root
        for path in sorted((root / folder).rglob("*.py")):
            if any(parent.is_symlink() for parent in path.parents):
                continue
            parts = path.relative_to(base).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of all that is imported, under TYPE_CHECKING and in functions too.

    `from airssys_wasm import kernel` gives `airssys_wasm`: it goes through the facade.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(level=level, module=module):
                yield node.lineno, "." * level + (module or "")
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def for_types_only(tree: ast.Module) -> set[int]:
    """Lines of the imports under `if TYPE_CHECKING:`, which act on nothing."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for line, _ in imported(statement)
    }


def waits(tree: ast.Module) -> Iterator[int]:
    """Lines that wait for something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno


def arrow_breach(own: str, target: str) -> str | None:
    """Why a module of package `own` may not import `target`; None when it may."""
    head, _, rest = target.partition(".")
    if not head:
        return f"relative import of {target!r}: import absolutely, so that the name says its layer"
    if head in TOP_LEVEL:
        return f"imports {target}: its name is airssys_wasm.{target}"
    if head != "airssys_wasm":
        return None
    package = rest.split(".")[0]
    if not package:
        return "imports through the facade airssys_wasm: import from the module that defines it"
    if package == own:
        return None
    if package not in RANK:
        return f"imports {target}, which is in no layer"
    if RANK[package] <= RANK[own]:
        return f"imports {target}: {own} stands below or beside {package}"
    return None


def breaches(root: Path) -> list[str]:
    """Every breach of the layers in the tree below `root`, as `path:line: what`."""
    found: list[str] = []
    for name, path in modules(root):
        place = path.relative_to(root)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        doc = ast.get_docstring(tree)
        if doc is None:
            found.append(f"{place}:1: a module begins by saying in one line why it exists")
        if not name:  # the facade: resolves names of every layer, each at its first use
            continue
        own = name.split(".")[0]
        if own not in RANK:
            found.append(f"{place}:1: {own} is in no layer")
            continue
        acts = (doc or "").startswith("Acts:")
        types_only = for_types_only(tree)
        for line, target in imported(tree):
            if breach := arrow_breach(own, target):
                found.append(f"{place}:{line}: {breach}")
            if not acts and line not in types_only and target.split(".")[0] in EFFECTS:
                found.append(f"{place}:{line}: imports {target}, and does not say that it acts")
        if not acts:
            found += [
                f"{place}:{line}: waits, and does not say that it acts" for line in waits(tree)
            ]
    return found


def loaded_by(root: Path, module: str) -> set[str]:
    """Names of all modules in a fresh interpreter that imports `module` of the tree `root`."""
    program = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split())


def too_much(loaded: set[str]) -> set[str]:
    """What of `loaded` the kernel has no business with."""
    layers = {f"airssys_wasm.{name}" for layer in LAYERS[:-1] for name in layer}
    return loaded & (HEAVY | layers)


def test_imports_point_down_and_only_what_says_so_acts() -> None:
    found = breaches(ROOT)
    assert not found, "\n".join(("", *found))


def test_every_layer_but_the_coming_ones_has_modules() -> None:
    present = {name.split(".")[0] for name, _ in modules(ROOT)}
    assert {"kernel", "supervision", "broker", "components", "cli"} <= present


@pytest.mark.parametrize("module", ["airssys_wasm", "airssys_wasm.kernel"])
def test_a_fresh_interpreter_loads_nothing_above_the_kernel(module: str) -> None:
    assert too_much(loaded_by(ROOT, module)) == set()


# Each check is seen to fail.


def plant(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A small tree without a breach."""
    plant(tmp_path, "airssys_wasm/__init__.py", '"""Facade."""\nfrom airssys_wasm.cli import x\n')
    plant(tmp_path, "airssys_wasm/kernel/__init__.py", '"""Kernel."""\n')
    plant(tmp_path, "airssys_wasm/kernel/clock.py", '"""Acts: asks the time."""\nimport time\n')
    plant(
        tmp_path,
        "broker/broker.py",
        '"""Acts: delivers."""\nfrom airssys_wasm.kernel.clock import now\n'
        "async def put():\n    await now()\n",
    )
    plant(
        tmp_path,
        "broker/topic.py",
        '"""Topics."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n'
        "    from random import Random\n",
    )
    for folder in TOP_LEVEL:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "airssys_wasm" / folder).symlink_to(Path("..") / folder)
    return tmp_path


def test_a_sound_tree_has_no_breach(sound: Path) -> None:
    assert breaches(sound) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "airssys_wasm/kernel/up.py",
            '"""Up."""\nfrom airssys_wasm.broker.topic import Topic\n',
            "airssys_wasm/kernel/up.py:2: imports airssys_wasm.broker.topic",
        ),
        (
            "supervision/aside.py",
            '"""Aside."""\nimport airssys_wasm.broker.topic\n',
            "supervision/aside.py:2: imports airssys_wasm.broker.topic",
        ),
        (
            "broker/types.py",
            '"""T."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n'
            "    from airssys_wasm.components.manifest import Manifest\n",
            "broker/types.py:4: imports airssys_wasm.components.manifest",
        ),
        (
            "broker/late.py",
            '"""Late."""\ndef f():\n    import airssys_wasm.application\n',
            "broker/late.py:3: imports airssys_wasm.application",
        ),
        (
            "broker/named.py",
            '"""Named."""\nimport importlib\nimportlib.import_module("airssys_wasm.cli.main")\n',
            "broker/named.py:3: imports airssys_wasm.cli.main",
        ),
        (
            "components/facade.py",
            '"""F."""\nfrom airssys_wasm import Actor\n',
            "components/facade.py:2: imports through the facade",
        ),
        (
            "components/facade2.py",
            '"""F."""\nimport airssys_wasm\n',
            "components/facade2.py:2: imports through the facade",
        ),
        (
            "components/bare.py",
            '"""Bare."""\nimport broker.topic\n',
            "components/bare.py:2: imports broker.topic: its name is airssys_wasm.broker.topic",
        ),
        (
            "broker/relative.py",
            '"""Relative."""\nfrom .topic import Topic\n',
            "broker/relative.py:2: relative import of '.topic'",
        ),
        (
            "airssys_wasm/stray.py",
            '"""Stray."""\n',
            "airssys_wasm/stray.py:1: stray is in no layer",
        ),
        ("broker/mute.py", "x = 1\n", "broker/mute.py:1: a module begins by saying"),
        (
            "broker/secretly.py",
            '"""Decides.\n\nActs: not in the first line.\n"""\nfrom asyncio import sleep\n',
            "broker/secretly.py:5: imports asyncio, and does not say that it acts",
        ),
        (
            "broker/patient.py",
            '"""Decides."""\nasync def f(x):\n    await x\n',
            "broker/patient.py:3: waits, and does not say that it acts",
        ),
        (
            "broker/package/__init__.py",
            '"""A package."""\nimport wasmtime._bindings\n',
            "broker/package/__init__.py:2: imports wasmtime._bindings, and does not say",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".py") else "",
)
def test_a_planted_breach_is_found(sound: Path, path: str, text: str, expected: str) -> None:
    plant(sound, path, text)
    (found,) = breaches(sound)
    assert found.startswith(expected)


@pytest.mark.parametrize("heavy", ["yaml", "wasmtime", "airssys_wasm.broker.topic"])
def test_a_kernel_that_loads_too_much_is_found(sound: Path, heavy: str) -> None:
    plant(sound, "broker/__init__.py", '"""Broker."""\n')
    plant(sound, "airssys_wasm/__init__.py", '"""Facade."""\n')
    assert too_much(loaded_by(sound, "airssys_wasm.kernel")) == set()
    plant(sound, "airssys_wasm/kernel/__init__.py", f'"""Kernel."""\nimport {heavy}\n')
    assert too_much(loaded_by(sound, "airssys_wasm.kernel"))
