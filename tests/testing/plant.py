"""Acts: plants one fault in the running library, and takes it out again.

The source of one function is compiled anew with a piece of its text replaced, and stands in for it
wherever a module of the library has it.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Bug:
    """In the function `where` (`module:Class.method`, below `airssys_wasm`), `old` becomes `new`.

    `seeds` is within how many seeds the corpus has to find it: its scenarios of several `nodes`,
    or the others.
    """

    name: str
    where: str
    old: str
    new: str
    why: str
    seeds: int = 20
    nodes: bool = False


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Inside, the library has the fault. Raises ValueError unless `old` occurs exactly once."""
    module_name, path = bug.where.split(":")
    module = import_module(f"airssys_wasm.{module_name}")
    owner: Any = module
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    original = owner.__dict__[name]
    source = textwrap.dedent(inspect.getsource(original))
    if source.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: the old text occurs {source.count(bug.old)} times")
    made: dict[str, Any] = {}
    code = compile(
        "from __future__ import annotations\n" + source.replace(bug.old, bug.new),
        f"<{bug.name}>",
        "exec",
    )
    exec(code, module.__dict__, made)
    faulty = made[name]
    places = [(owner, name)]
    if not classes:
        places = [
            (other, key)
            for other_name, other in list(sys.modules.items())
            if other_name.startswith("airssys_wasm") and other is not None
            for key, value in list(vars(other).items())
            if value is original
        ]
    for place, key in places:
        setattr(place, key, faulty)
    try:
        yield
    finally:
        for place, key in places:
            setattr(place, key, original)
