"""Acts: `airssys-wasm simulate` and `replay`: the tree of a file in virtual time, many times."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal, get_args

from airssys_wasm.cli import problems
from airssys_wasm.cli.examine import examine
from airssys_wasm.cli.stopping import stop_between
from airssys_wasm.config import load
from airssys_wasm.config.drawing.picture import picture_of
from airssys_wasm.schema.quantities import duration
from airssys_wasm.testing.again import Again
from airssys_wasm.testing.campaign import Campaign, Progress, campaign
from airssys_wasm.testing.campaign_report import as_html, as_json, as_junit, as_text
from airssys_wasm.testing.choices import StrategyName
from airssys_wasm.testing.faults import (
    ACTOR_FAULTS,
    ALL_FAULTS,
    NETWORK_FAULTS,
    ActorFault,
    Fault,
    FaultKind,
)
from airssys_wasm.testing.kept import FOLDER, kept_from, kept_text
from airssys_wasm.testing.simulate import parted
from airssys_wasm.testing.tree_runs import TreeOptions, config_of, replay_tree

OK, FAILED, BAD_FILE, STOPPED = 0, 1, 2, 130

EVERY = 10.0  # seconds between two lines of progress in a log
SEVERAL = (
    "engine: a tree of several nodes can't be simulated from its file; "
    "a test can start its nodes, with SimulatedHub"
)

Form = Literal["text", "json", "junit", "html"]


def simulate(
    options: TreeOptions,
    *,
    seeds: int,
    jobs: int,
    form: Form,
    keep: Path = Path(FOLDER),
    out: IO[str] | None = None,
) -> int:
    """Print what came out; 1 when a run failed, 2 when the file has a mistake.

    The smallest run of each failure is kept in the folder `keep`, for `replay`.
    Ctrl-C stops it after the runs under way, and what came out of those is printed; 130 then,
    unless one failed.
    """
    if not _is_right(options):
        return BAD_FILE
    with stop_between(sys.stderr) as stopped:
        result = campaign(
            options,
            range(seeds),
            jobs=jobs,
            on_progress=_progress(sys.stderr),
            stopped=stopped,
        )
    again = Again(options, str(keep))
    for failure in result.failures:
        keep.mkdir(parents=True, exist_ok=True)
        text = kept_text(failure.seeds[0], failure.deviations, failure.trace)
        Path(again.file(failure)).write_text(text, encoding="utf-8")
    (sys.stdout if out is None else out).write(written(result, form, again))
    if result.failures:
        return FAILED
    return OK if result.runs == result.asked else STOPPED


def written(result: Campaign, form: Form, again: Again) -> str:
    """The report in one of its forms."""
    match form:
        case "text":
            return as_text(result, again)
        case "json":
            return as_json(result, again)
        case "junit":
            return as_junit(result, again)
        case "html":
            options = result.options
            return as_html(result, again, picture_of(config_of(options.file, options.sets)))


def replay(
    options: TreeOptions,
    *,
    seed: int,
    schedule: Path | None,
    step: bool,
    out: IO[str] | None = None,
) -> int:
    """Print the trace of one run; with `step`, entry by entry. 1 when the run failed."""
    stream = sys.stdout if out is None else out
    kept = None
    if not _is_right(options):
        return BAD_FILE
    try:
        if schedule is not None:
            kept = kept_from(schedule.read_text(encoding="utf-8"))
            seed = kept.seed
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        print(f"{schedule}: {why}", file=sys.stderr)
        return BAD_FILE
    run = replay_tree(options, seed, None if kept is None else kept.deviations)
    for deviation in run.deviations:
        print(f"differs: {deviation}", file=stream)
    for entry in run.trace:
        print(entry, file=stream, flush=step)
        if step and not sys.stdin.readline():
            step = False
    if kept is not None and (where := kept.difference(run.trace)) is not None:
        print(parted(where), file=stream)
    for fault, why in run.unmet:
        print(f"did not come: {fault}: {why}", file=stream)
    if run.failure is None:
        print(f"seed {seed}: survived {run.time:g} s", file=stream)
        return OK
    print(f"seed {seed}: {run.kind}: {run.failure}", file=stream)
    return FAILED


def _is_right(options: TreeOptions) -> bool:
    """Whether the tree can be run; its problems are printed."""
    loaded = load(Path(options.file), sets=options.sets, import_actors=True, examine=examine)
    problems.show(loaded.problems, sys.stderr)
    if loaded.config is not None and loaded.config.engine is not None:
        print(f"{options.file}: {SEVERAL}", file=sys.stderr)
        return False
    return loaded.config is not None


def faults_from(text: str) -> tuple[FaultKind, ...]:
    """Kinds of faults, with commas between them; `all` are those that come to actors.

    Raises ValueError for what is none, and for faults of the network: a tree file is one node.

    >>> faults_from("crash,failing init")
    ('crash', 'failing init')
    """
    if text == "all":
        return ACTOR_FAULTS
    kinds: dict[str, ActorFault] = {kind: kind for kind in ACTOR_FAULTS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ALL_FAULTS]
    if unknown:
        many = "are no faults" if len(unknown) > 1 else "is no fault"
        raise ValueError(
            f"{', '.join(map(repr, unknown))} {many}; they are all, {', '.join(kinds)}"
        )
    between = [name for name in names if name in NETWORK_FAULTS]
    if between:
        raise ValueError(
            f"{', '.join(map(repr, between))} can't come to this tree, which is one "
            "node: it is for messages between nodes, in a test with SimulatedHub"
        )
    return tuple(kinds[name] for name in dict.fromkeys(names))


def plan_from(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Planned faults, `KIND:CHILD:NTH` or `KIND:CHILD@TIME` each. Raises ValueError.

    >>> [str(fault) for fault in plan_from(["kill:desk:3", "kill:desk@2m"])]
    ['kill of desk, the 3. time it runs', 'kill of desk at 120 s']
    """
    return tuple(map(_planned, texts))


def _planned(text: str) -> Fault:
    kind, _, place = text.partition(":")
    child, at, time = place.rpartition("@")
    if at:
        seconds = duration(time)
        if seconds is not None and child:
            return Fault(faults_from(kind)[0], child, at=seconds)
    else:
        child, _, nth = place.partition(":")
        if child and (not nth or nth.isdecimal()):
            return Fault(faults_from(kind)[0], child, int(nth or 1))
    raise ValueError(f"{text!r} is no planned fault: kill:CHILD, kill:CHILD:3 or kill:CHILD@90s")


def strategy_from(text: str) -> StrategyName:
    """A strategy by its name. Raises ValueError."""
    for name in get_args(StrategyName):
        if name == text:
            return name  # type: ignore[no-any-return]  # one of the names
    raise ValueError(f"{text!r} is no strategy; they are {', '.join(get_args(StrategyName))}")


def cores() -> int:
    """How many processes are worth their while."""
    return os.cpu_count() or 1


def _progress(stream: IO[str]) -> Progress:
    if not stream.isatty():
        return _now_and_then(stream)

    def tell(what: str, done: int, of: int) -> None:
        text = f"\r{what}: {done} of {of}"
        print(text, end="" if done < of else "\n", file=stream, flush=True)

    return tell


def _now_and_then(stream: IO[str]) -> Progress:
    """A line every ten seconds, where lines can't be written over."""
    last = time.monotonic()

    def tell(what: str, done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            print(f"{what}: {done} of {of}", file=stream, flush=True)

    return tell
