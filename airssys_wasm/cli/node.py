"""The commands `airssys-wasm node ...`: reads their arguments, and hands them to `nodes.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

node_app = typer.Typer(
    name="node",
    help="One tree on several nodes: join, list, status, drain.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

System = Annotated[
    str | None, typer.Option("--system", metavar="NAME", help="If several are running here.")
]
Socket = Annotated[
    Path | None,
    typer.Option("--control", metavar="PATH", help="The control socket of a node of this machine."),
]
Output = Annotated[
    Literal["text", "json"], typer.Option("--output", "--format", help="For people or programs.")
]


@node_app.command()
def join(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tree file with an engine.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The host's name by default.")
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="What placement of children looks for."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="URL", help="The NATS server; overrides engine.nats."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Give a key another value."),
    ] = None,
    log_format: Annotated[
        Literal["auto", "text", "json"],
        typer.Option("--log-format", help="auto: text on a terminal, JSON lines elsewhere."),
    ] = "auto",
    control: Annotated[
        str,
        typer.Option("--control", metavar="PATH|none", help="auto: in your runtime directory."),
    ] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and log more.")] = False,
) -> None:
    """Run this machine as a node of the tree, until it ends, SIGINT or SIGTERM."""
    from airssys_wasm.cli.nodes import join

    code = join(
        file,
        name=name,
        labels=tuple(labels or ()),
        engine=engine,
        sets=tuple(sets or ()),
        log_format=log_format,
        control=control,
        debug=debug,
    )
    raise typer.Exit(code)


@node_app.command("list")
def list_(system: System = None, control: Socket = None, output: Output = "text") -> None:
    """List the nodes: labels, lease, subtrees, connections, messages between nodes."""
    from airssys_wasm.cli.nodes import show_list

    raise typer.Exit(show_list(system, control, output))


@node_app.command()
def status(
    node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="All by default.")] = None,
    system: System = None,
    control: Socket = None,
    output: Output = "text",
) -> None:
    """Show all that is known of one node or of all, and where each subtree is."""
    from airssys_wasm.cli.nodes import show_status

    raise typer.Exit(show_status(node, system, control, output))


@node_app.command()
def drain(
    node: Annotated[str, typer.Argument(metavar="NODE", help="As `node list` shows it.")],
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="For ever by default.")
    ] = None,
    system: System = None,
    control: Socket = None,
    output: Output = "text",
) -> None:
    """Have a node hand over its subtrees to others, in order; exit code 1 if some had to stay."""
    from airssys_wasm.cli.nodes import drain

    raise typer.Exit(drain(node, timeout, system, control, output))
