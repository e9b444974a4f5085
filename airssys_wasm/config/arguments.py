"""Whether the `args` of a child fit what its behaviour takes.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from airssys_wasm.config.surroundings import Missing, Parameters
from airssys_wasm.schema.suggest import nearest

_MOST_SHOWN = 100


def misfits(
    behaviour: str,
    takes: Parameters,
    args: Mapping[str, object] | Sequence[object],
    *,
    more_to_come: bool = False,
) -> Iterator[tuple[str | None, Missing]]:
    """What is wrong with `args`: the key in question, where there is one, and why.

    With `more_to_come`, others are added when the behaviour is started, and none is missing yet.

    >>> takes = Parameters(positional=("path", "batch"), required=frozenset({"path"}))
    >>> [(key, wrong.message) for key, wrong in misfits("Store", takes, {"paht": "x"})]
    [('paht', "Store takes no argument 'paht'")]
    >>> [(key, wrong.message) for key, wrong in misfits("Store", takes, [])]
    [(None, "Store needs the argument 'path'")]
    """
    known = (*takes.positional, *takes.keyword_only)
    slips: set[str | None] = set()
    strays = 0  # keys that nothing is like: each may be meant for an argument that is missing
    if isinstance(args, Mapping):
        given = set(args)
        for key in islice(args, _MOST_SHOWN):
            if key not in known and not takes.any_keyword:
                meant = nearest(key, [name for name in known if name not in given])
                slips.add(meant)
                strays += meant is None
                hint = f"did you mean '{meant}'?" if meant else _list_of(known)
                yield key, Missing(f"{behaviour} takes no argument {key!r}", hint)
    else:
        given = set(takes.positional[: len(args)])
        if len(args) > len(takes.positional) and not takes.any_positional:
            most = f"{len(takes.positional)} positional argument{'s'[: len(takes.positional) != 1]}"
            yield None, Missing(f"{behaviour} takes {most}, not {len(args)}", _list_of(known))
    absent = [name for name in known if name in takes.required - given and name not in slips]
    for name in () if more_to_come else absent[strays:]:
        yield None, Missing(f"{behaviour} needs the argument {name!r}", "give it in args:")


def _list_of(known: Sequence[str]) -> str:
    return f"it takes {', '.join(known)}" if known else "it takes none"
