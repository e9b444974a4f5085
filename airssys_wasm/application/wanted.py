"""Acts: reads what a running tree is to become. Blocks: call it on a worker thread."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from airssys_wasm.application.examining import examine_component
from airssys_wasm.config import TreeConfig, load
from airssys_wasm.config.difference import ChildPath, Tree, binaries
from airssys_wasm.schema import Problem


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file asks for; no tree where it has errors, which are among the problems then."""

    tree: Tree | None
    problems: tuple[Problem, ...]


def read_wanted(file: Path, sets: tuple[str, ...], *, import_actors: bool) -> Wanted:
    """What the file asks for, with `sets` as `--set` gives them."""
    loaded = load(file, sets=sets, import_actors=import_actors, examine=examine_component)
    if loaded.config is None:
        return Wanted(None, loaded.problems)
    config = with_whole_paths(loaded.config)
    return Wanted(Tree(config, digests_of(config)), loaded.problems)


def digests_of(config: TreeConfig) -> dict[ChildPath, str]:
    """The digest of each component whose binary can be read."""
    known: dict[Path, str | None] = {}
    for _, binary in binaries(config):
        if binary not in known:
            known[binary] = _digest(binary)
    found = ((path, known[binary]) for path, binary in binaries(config))
    return {path: digest for path, digest in found if digest is not None}


def _digest(binary: Path) -> str | None:
    try:
        with binary.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def with_whole_paths(config: TreeConfig) -> TreeConfig:
    """The configuration with absolute paths, so that those which lead to one file are equal."""
    whole = _whole(config)
    assert isinstance(whole, TreeConfig)
    return whole


def _whole(value: object) -> object:
    if isinstance(value, Path):
        return Path(os.path.realpath(value))
    if isinstance(value, tuple):
        return tuple(map(_whole, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return dataclasses.replace(value, **{name: _whole(old) for name, old in fields.items()})
    return value
