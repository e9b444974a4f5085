"""Acts: reads a tree file and everything that it refers to.

Nothing is started and, unless asked for, nothing of the application is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from airssys_wasm.config.including import include
from airssys_wasm.config.inheriting import inherit
from airssys_wasm.config.meaning import check_meaning
from airssys_wasm.config.modules import find_actor, import_actor
from airssys_wasm.config.overrides import apply
from airssys_wasm.config.surroundings import FoundComponent, Missing, Opened, Surroundings
from airssys_wasm.config.tree import TreeConfig
from airssys_wasm.schema import Place, Problem, Setting, Source, decode, in_order, parse, read
from airssys_wasm.schema.suggest import nearest
from airssys_wasm.schema.text import LARGEST_FILE

_MOST_NEIGHBOURS = 1_000

Examine = Callable[[Path], FoundComponent | Missing]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a tree file says. `config` is None if there is an error among the problems."""

    config: TreeConfig | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


def load(
    file: Path,
    *,
    sets: tuple[str, ...] = (),
    import_actors: bool = False,
    examine: Examine | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """The tree of a file, with every mistake in it and in what it refers to.

    `sets` are values of the command line as `PATH=VALUE`. `examine` looks into a component's
    binary; without it only its file has to be there. `environment` is that of the process;
    `${TREE_DIRECTORY}` is added to it, the directory of the file.
    """
    directory = file.parent
    variables = dict(os.environ if environment is None else environment)
    variables["TREE_DIRECTORY"] = os.path.abspath(directory)
    finder = import_actor if import_actors else find_actor
    surroundings = Surroundings(
        environment=variables,
        find_actor=cache(partial(finder, directory)),
        is_file=_is_file,
        is_directory=_is_directory,
        has_module=lambda name: find_spec(name) is not None,
        similar=similar,
        open_file=open_file,
        examine=cache(examine) if examine is not None else lambda path: FoundComponent(),
    )
    opened = open_file(file)
    if isinstance(opened, Missing):
        place = Place(Source(str(file)), 1, 1)
        return Loaded(None, (Problem.at(place, opened.message, rule="file", hint=opened.hint),))
    return load_text(str(file), opened.data, directory, sets=sets, surroundings=surroundings)


def open_file(file: Path) -> Opened | Missing:
    """The bytes of a file, one more than a tree file may have at most."""
    try:
        with file.open("rb") as opened:
            return Opened(opened.read(LARGEST_FILE + 1), os.path.realpath(file))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Missing(f"the file cannot be read: {reason}", similar(file))


def similar(file: Path) -> str:
    """A hint that names a file beside it of nearly the same name."""
    try:
        names = [Path(entry.name) for entry in islice(file.parent.iterdir(), _MOST_NEIGHBOURS)]
    except (OSError, ValueError):
        return ""
    found = nearest(file.stem, [name.stem for name in names if name.suffix == file.suffix])
    return f"did you mean '{found}{file.suffix}'?" if found not in (None, file.stem) else ""


def load_text(
    name: str,
    data: bytes,
    directory: Path,
    *,
    sets: tuple[str, ...] = (),
    surroundings: Surroundings,
) -> Loaded:
    """The same for the bytes of a file that is called `name` and lies in `directory`."""
    source, text, problems = decode(name, data)
    if not text and problems:
        return Loaded(None, tuple(problems))
    parsed = parse(source, text)
    problems += parsed.problems
    if parsed.root is None:
        return Loaded(None, in_order(problems))
    file = Path(name)
    included = include(parsed.root, file, os.path.realpath(file), len(data), surroundings.open_file)
    problems += included.problems
    root, refused = apply(included.root, sets)
    problems += refused
    root, refused = inherit(root)
    problems += refused
    environment = surroundings.environment
    elsewhere = {
        other: Setting({**environment, "TREE_DIRECTORY": os.path.abspath(place)}, place)
        for other, place in included.directories.items()
    }
    reading = read(
        root, TreeConfig, environment=environment, directory=directory, elsewhere=elsewhere
    )
    check_meaning(reading, surroundings)
    everything = in_order([*problems, *reading.problems], name)
    if any(problem.severity == "error" for problem in everything):
        return Loaded(None, everything)
    return Loaded(reading.value, everything)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
