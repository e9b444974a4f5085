"""The three top-level folders are packages of airssys_wasm, and every file of them is shipped.

The checks take the root of a source tree. The tests at the end plant one mistake at a time in a
copy, and see that it is found.
"""

import importlib
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = ("broker", "components", "supervision")
BESIDE = ("pyproject.toml", "README.md", "LICENSE")  # what the build reads


def folders(root: Path) -> dict[str, str]:
    """Package of each folder that pyproject.toml maps."""
    setuptools = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    return {folder: package for package, folder in setuptools["package-dir"].items()}


def files(root: Path) -> dict[PurePosixPath, Path]:
    """Every file of the packages on disk, by its path in an installation."""
    return {
        PurePosixPath(package.replace(".", "/"), path.relative_to(root / folder)): path
        for folder, package in folders(root).items()
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        if not any(parent.is_symlink() for parent in path.parents)
    }


def unlisted(root: Path) -> set[str]:
    """Packages on disk that pyproject.toml does not list."""
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(name.parent.parts) for name in files(root) if name.name == "__init__.py"}
    return found - set(listed)


# Data: it is copied into components, and runs there.
GUEST_CODE = PurePosixPath("airssys_wasm/sdk/python")


def without_init(root: Path) -> set[str]:
    """Folders that hold modules and no `__init__.py`."""
    with_modules = {name.parent for name in files(root) if name.suffix == ".py"} - {GUEST_CODE}
    return {str(folder) for folder in with_modules if folder / "__init__.py" not in files(root)}


def wrong_links(root: Path) -> list[str]:
    """Links that lead elsewhere than the mapping; a copy of the tree may have no links."""
    return [
        f"airssys_wasm/{folder}"
        for folder in TOP_LEVEL
        if (link := root / "airssys_wasm" / folder).is_symlink()
        if link.resolve() != (root / folder).resolve()
        or folders(root)[folder] != f"airssys_wasm.{folder}"
    ]


def built(root: Path, kind: str, target: Path) -> Path:
    """The wheel or sdist that the tree builds, in folder `target`."""
    target.mkdir(parents=True)
    program = f"from setuptools import build_meta as b; print(b.build_{kind}({str(target)!r}))"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    return target / result.stdout.split()[-1]


def not_in_wheel(root: Path, target: Path) -> set[PurePosixPath]:
    """Files of the packages that the wheel of the tree leaves out."""
    with zipfile.ZipFile(built(root, "wheel", target)) as wheel:
        return files(root).keys() - {PurePosixPath(name) for name in wheel.namelist()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a build reads of this tree, links included, where a build may write."""
    root = tmp_path / "tree"
    for folder in ("airssys_wasm", *TOP_LEVEL):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, symlinks=True, ignore=ignored)
    for name in BESIDE:
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.mark.parametrize("folder", TOP_LEVEL)
def test_a_folder_is_imported_as_a_package_of_airssys_wasm(folder: str) -> None:
    package = importlib.import_module(f"airssys_wasm.{folder}")
    assert package.__doc__
    assert Path(package.__file__ or "").resolve() == ROOT / folder / "__init__.py"


def test_the_links_that_type_checkers_follow_agree_with_the_mapping() -> None:
    assert wrong_links(ROOT) == []


def test_every_package_on_disk_is_listed_in_pyproject() -> None:
    assert unlisted(ROOT) == set()
    assert without_init(ROOT) == set()


def test_the_wheel_holds_every_file_of_the_packages(copy: Path, tmp_path: Path) -> None:
    shipped = files(copy)
    assert PurePosixPath("airssys_wasm/py.typed") in shipped
    assert any(name.suffix == ".wit" for name in shipped)
    assert not_in_wheel(copy, tmp_path / "wheel") == set()


def test_the_sdist_builds_the_same_wheel(copy: Path, tmp_path: Path) -> None:
    sdist = built(copy, "sdist", tmp_path / "sdist")
    subprocess.run(["tar", "-xf", sdist], cwd=sdist.parent, check=True)
    (unpacked,) = (path for path in sdist.parent.iterdir() if path.is_dir())
    with zipfile.ZipFile(built(unpacked, "wheel", tmp_path / "wheel")) as wheel:
        names = {PurePosixPath(name) for name in wheel.namelist()}
    assert files(copy).keys() - names == set()


def test_the_wheel_puts_only_airssys_wasm_at_the_top(copy: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(built(copy, "wheel", tmp_path / "wheel")) as wheel:
        tops = {PurePosixPath(name).parts[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"airssys_wasm"}


# Each check is seen to fail.


def test_a_package_that_nobody_listed_is_found(copy: Path, tmp_path: Path) -> None:
    planted = copy / "broker" / "planted" / "__init__.py"
    planted.parent.mkdir()
    planted.write_text('"""Planted."""\n')
    assert unlisted(copy) == {"airssys_wasm.broker.planted"}
    assert not_in_wheel(copy, tmp_path / "wheel") == {
        PurePosixPath("airssys_wasm/broker/planted/__init__.py")
    }


def test_a_folder_of_modules_without_init_is_found(copy: Path) -> None:
    planted = copy / "airssys_wasm" / "kernel" / "planted" / "module.py"
    planted.parent.mkdir()
    planted.write_text('"""Planted."""\n')
    assert without_init(copy) == {"airssys_wasm/kernel/planted"}


def test_a_data_file_that_nobody_listed_is_found(copy: Path, tmp_path: Path) -> None:
    (copy / "supervision" / "planted.wit").write_text("package planted:planted;\n")
    assert not_in_wheel(copy, tmp_path / "wheel") == {
        PurePosixPath("airssys_wasm/supervision/planted.wit")
    }


def test_a_link_that_leads_elsewhere_is_found(copy: Path) -> None:
    link = copy / "airssys_wasm" / "broker"
    link.unlink()
    link.symlink_to("../supervision")
    assert wrong_links(copy) == ["airssys_wasm/broker"]
