"""The command `airssys-wasm`: reads its arguments and hands them to a function of the library.

Commands are imported when they are called, so that `--help` and `--version` are quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from airssys_wasm.cli.node import node_app

if TYPE_CHECKING:
    from airssys_wasm.testing.tree_runs import TreeOptions

app = typer.Typer(
    name="airssys-wasm",
    help="Run trees of actors and WebAssembly components, and keep them running.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(node_app)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A tree file in YAML.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Give a key another value: reader.args.path=orders.jsonl (a child's id, then keys).",
    ),
]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Which system, if several are running.")
]
Of = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Another system than the file names.")
]
Socket = Annotated[
    Path | None,
    typer.Option("--control", metavar="PATH", help="The control socket of the running system."),
]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="For people or programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks, and log more.")]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"airssys-wasm {version('airssys-wasm')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command()
def check(
    file: File,
    sets: Sets = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    import_actors: Annotated[
        bool, typer.Option("--import", help="Import the actors' modules, which runs them.")
    ] = False,
    output: Annotated[
        Literal["text", "json", "sarif"],
        typer.Option("--format", help="text for people, JSON, or SARIF 2.1.0 for code scanning."),
    ] = "text",
    debug: Debug = False,
) -> None:
    """Report every mistake in a tree file; exit code 2 if there is one."""
    from airssys_wasm.cli.check import check

    code = check(
        file, sets=tuple(sets or ()), strict=strict, import_actors=import_actors, output=output
    )
    raise typer.Exit(code)


@app.command()
def schema() -> None:
    """Print the JSON Schema of tree files, for editors."""
    from airssys_wasm.config.tree_schema import shipped

    typer.echo(shipped(), nl=False)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A component, as a binary.")],
    output: Form = "text",
) -> None:
    """Show what a component imports, exports and needs; exit code 2 if it does not fit."""
    from airssys_wasm.cli.inspect import inspect

    raise typer.Exit(inspect(file, output=output))


@app.command()
def call(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A component, as a binary.")],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="- reads standard input.")],
    codec: Annotated[
        Literal["raw", "json", "msgpack"],
        typer.Option("--codec", help="raw: MESSAGE as it is; else MESSAGE is JSON, encoded so."),
    ] = "raw",
    config: Annotated[
        str | None, typer.Option("--config", metavar="JSON", help="For initialize.")
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE")] = None,
    send: Annotated[
        list[str] | None,
        typer.Option("--send", metavar="NAME", help="It may send to NAME; what it sends is shown."),
    ] = None,
    storage: Annotated[
        bool, typer.Option("--storage", help="It may read and write storage, kept in memory.")
    ] = False,
    memory: Annotated[
        int | None, typer.Option("--memory", metavar="BYTES", help="64 MiB by default.")
    ] = None,
    fuel: Annotated[int | None, typer.Option("--fuel", metavar="N", help="For each call.")] = None,
    time: Annotated[
        float | None, typer.Option("--time", metavar="SECONDS", help="In the guest; 5 by default.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="To wait for the reply.")
    ] = 30.0,
) -> None:
    """Run one message against a component, outside of any tree; denied all that is not granted."""
    from airssys_wasm.cli.call import Call, call
    from airssys_wasm.components import Limits

    usual = Limits()
    try:
        limits = Limits(
            memory=usual.memory if memory is None else memory,
            fuel=fuel,
            call=usual.call if time is None else time,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    asked = Call(
        file, message, codec, config, env or (), send or (), storage, limits, timeout=timeout
    )
    raise typer.Exit(call(asked))


@app.command()
def run(
    file: File,
    sets: Sets = None,
    path: Annotated[
        Literal["auto", "fast", "slow"] | None,
        typer.Option("--path", help="How components are run; overrides the file."),
    ] = None,
    log_format: Annotated[
        Literal["auto", "text", "json"],
        typer.Option("--log-format", help="auto: text on a terminal, JSON lines elsewhere."),
    ] = "auto",
    control: Annotated[
        str,
        typer.Option(
            "--control",
            metavar="PATH|none",
            help="Where the control socket is to be; auto: in your runtime directory.",
        ),
    ] = "auto",
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NAME", help="What this machine is called among several."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="What placement of children looks for."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Run a tree file until it ends, SIGINT or SIGTERM; exit code 1 if the root gave up."""
    from airssys_wasm.cli.run import run

    raise typer.Exit(
        run(
            file,
            sets=tuple(sets or ()),
            path=path,
            log_format=log_format,
            control=control,
            debug=debug,
            node=node,
            labels=tuple(labels or ()),
        )
    )


@app.command()
def status(
    name: Name = None, control: Socket = None, form: Form = "text", debug: Debug = False
) -> None:
    """Show the numbers of a running system: actors, restarts, budgets, dead letters, backlogs."""
    from airssys_wasm.cli.status import status

    raise typer.Exit(status(name=name, control=control, form=form))


@app.command()
def tree(
    name: Name = None,
    control: Socket = None,
    most: Annotated[
        int, typer.Option("--most", min=0, help="Children shown of each supervisor.")
    ] = 100,
    form: Form = "text",
    debug: Debug = False,
) -> None:
    """Show the live tree of a running system."""
    from airssys_wasm.cli.tree import tree

    raise typer.Exit(tree(name=name, control=control, most=most, form=form))


@app.command()
def plan(
    file: File,
    sets: Sets = None,
    name: Of = None,
    control: Socket = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 10 if something would change.")
    ] = False,
    form: Form = "text",
    debug: Debug = False,
) -> None:
    """Show what a tree file would change in the running system of its name, and why."""
    from airssys_wasm.cli.plan import plan

    raise typer.Exit(
        plan(
            file,
            sets=tuple(sets or ()),
            name=name,
            control=control,
            exit_code=exit_code,
            form=form,
        )
    )


@app.command()
def apply(
    file: File,
    sets: Sets = None,
    name: Of = None,
    control: Socket = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only plan.")] = False,
    expect: Annotated[
        str, typer.Option("--plan", metavar="DIGEST", help="Do this plan, or nothing.")
    ] = "",
    form: Form = "text",
    debug: Debug = False,
) -> None:
    """Make the running system what a tree file says, as `plan` told; exit code 1 if it fails."""
    from airssys_wasm.cli.plan import apply, plan

    given = tuple(sets or ())
    if dry_run:
        code = plan(file, sets=given, name=name, control=control, exit_code=False, form=form)
    else:
        code = apply(file, sets=given, name=name, control=control, expect=expect, form=form)
    raise typer.Exit(code)


@app.command()
def graph(
    file: File,
    sets: Sets = None,
    form: Annotated[
        Literal["text", "dot", "svg"] | None,
        typer.Option("--format", help="Else the name of the output says it; text without one."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Draw the tree of a file, as text, DOT or SVG."""
    from airssys_wasm.cli.graph import graph

    raise typer.Exit(graph(file, sets=tuple(sets or ()), form=form, output=output))


Faults = Annotated[
    str,
    typer.Option("--faults", metavar="KINDS", help="crash,kill,...: may come anywhere; or: all."),
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Virtual time of a run: 1h.")]
Plan = Annotated[
    list[str] | None,
    typer.Option("--plan", metavar="FAULT", help="kill:CHILD:3 or kill:CHILD@90s; repeatable."),
]
Schedules = Annotated[
    str, typer.Option("--strategy", metavar="NAME", help="mixed, fifo, uniform or pct.")
]


@app.command()
def simulate(
    file: File,
    sets: Sets = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many runs.")] = 1000,
    faults: Faults = "",
    until: Until = "1h",
    strategy: Schedules = "mixed",
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes.")] = None,
    form: Annotated[
        Literal["text", "json", "junit", "html"], typer.Option("--format", help="Of the report.")
    ] = "text",
    plan: Plan = None,
    keep: Annotated[
        Path, typer.Option("--keep", metavar="FOLDER", help="Where the smallest runs are kept.")
    ] = Path(".simulations"),
    debug: Debug = False,
) -> None:
    """Run a tree in virtual time, in many orders and with faults; exit code 1 if a run failed."""
    from airssys_wasm.cli.simulate import cores, simulate

    options = _simulated(file, sets, faults, until, strategy, plan)
    code = simulate(options, seeds=seeds, jobs=jobs or cores(), form=form, keep=keep)
    raise typer.Exit(code)


@app.command()
def replay(
    file: File,
    sets: Sets = None,
    seed: Annotated[int, typer.Option("--seed", help="Which run.")] = 0,
    schedule: Annotated[
        Path | None, typer.Option("--schedule", metavar="FILE", help="A schedule that was kept.")
    ] = None,
    faults: Faults = "",
    until: Until = "1h",
    strategy: Schedules = "mixed",
    plan: Plan = None,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter after each entry.")] = False,
    debug: Debug = False,
) -> None:
    """Run one seed of `simulate` again, and print what happens."""
    from airssys_wasm.cli.simulate import replay

    options = _simulated(file, sets, faults, until, strategy, plan)
    raise typer.Exit(replay(options, seed=seed, schedule=schedule, step=step))


def _simulated(
    file: Path,
    sets: list[str] | None,
    faults: str,
    until: str,
    strategy: str,
    plan: list[str] | None,
) -> TreeOptions:
    from airssys_wasm.cli.simulate import faults_from, plan_from, strategy_from
    from airssys_wasm.schema.quantities import duration
    from airssys_wasm.testing.tree_runs import TreeOptions

    seconds = duration(until)
    if seconds is None:
        raise typer.BadParameter(f"{until!r} is no duration: 90s, 15m or 1h")
    try:
        kinds, chosen, planned = faults_from(faults), strategy_from(strategy), plan_from(plan or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return TreeOptions(str(file), seconds, kinds, chosen, tuple(sets or ()), planned)


def main() -> None:
    """The entry point of the console script."""
    try:
        app()
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        text = str(error) or "no more is known"
        print(f"airssys-wasm: {type(error).__name__}: {text} (more with --debug)", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
