"""What can be wrong with a tree that runs on several nodes.

Pure: what is outside of the file is asked of `Surroundings`.
"""

from __future__ import annotations

from collections.abc import Iterable

from airssys_wasm.config.part import Part
from airssys_wasm.config.surroundings import Missing, Surroundings

_FILES = (("credentials",), ("tls", "ca"), ("tls", "certificate"), ("tls", "key"))
_ADD_ENGINE = "add engine: {nats: nats://HOST:4222} at the root"


def check_nodes(root: Part, children: Iterable[Part], surroundings: Surroundings) -> None:
    """Whether the engine can be used, and each placement be carried out."""
    has_engine = root.has("engine")
    if has_engine:
        _check_engine(root, surroundings)
        _check_root(root)
    elif root.has("node"):
        message = "without an engine there are no other nodes, and this has no meaning"
        root.warning("idle-node", message, "node", hint=_ADD_ENGINE)
    for child in children:
        if child.has("placement"):
            _check_placement(root, child, has_engine=has_engine)
        if has_engine and _is_of_root(child):
            _check_storage(child)


def _is_of_root(child: Part) -> bool:
    return len(child.path) == 2  # children, number


def _check_engine(root: Part, surroundings: Surroundings) -> None:
    if root.has("engine", "nats") and not surroundings.has_module("nats"):
        message, hint = "what talks to NATS is not installed", "pip install 'airssys-wasm[nats]'"
        root.error("engine", message, "engine", "nats", hint=hint)
    for keys in _FILES:
        path = root.get("engine", "nats", *keys)
        if path is not None and not surroundings.is_file(path):
            message, hint = f"there is no file {str(path)!r}", surroundings.similar(path)
            root.error("engine", message, "engine", "nats", *keys, hint=hint)
    nats = root.below("engine", "nats")
    if nats.has("token") and nats.has("user"):
        message = "a client shows a user with a password, or a token, not both"
        nats.error("engine", message, "token", hint="leave out one of them")
    if nats.has("tls", "certificate") != nats.has("tls", "key"):
        key = "certificate" if nats.has("tls", "certificate") else "key"
        other = "key" if key == "certificate" else "certificate"
        nats.error("engine", f"a {key} needs its {other}", "tls", key, hint=f"add {other}: PATH")
    for path, wanted in root.items("engine", "messages"):
        found = None if wanted is None else surroundings.find_actor(wanted)
        if isinstance(found, Missing):
            root.reading.report(path, "engine", found.message, hint=found.hint)


def _check_root(root: Part) -> None:
    never = root.get("auto_shutdown", default="never")
    if never != "never" and root.has("auto_shutdown"):
        message = "with an engine no node knows how all children of the root have ended"
        hint = "put the children and auto_shutdown under a supervisor: of their own"
        root.error("placement", message, "auto_shutdown", hint=hint)


def _check_placement(root: Part, child: Part, *, has_engine: bool) -> None:
    if not _is_of_root(child):
        message = "only a child of the root is placed: all below it run on the same node as it"
        above = Part(child.reading, child.path[:2]).get("id")
        hint = f"say it of {above!r}" if above else "say it of the child of the root above this"
        child.error("placement", message, "placement", hint=hint)
        return
    if not has_engine:
        message = "without an engine there is one node, and nothing to be placed"
        child.error("placement", message, "placement", hint=_ADD_ENGINE)
    strategy = root.get("strategy", default="one_for_one")
    if strategy not in ("one_for_one", None) and root.has("strategy"):
        message = f"with strategy: {strategy} the children of the root stay on one node together"
        hint = "a root with one_for_one lets each be placed; put what belongs together below one"
        child.error("placement", message, "placement", hint=hint)
    mode = child.get("placement", "mode", default="singleton")
    copies = child.has("placement", "copies")
    if mode == "spread" and not copies:
        message = "on how many nodes is this to run?"
        child.error("placement", message, "placement", "mode", hint="add copies: 3")
    if copies and mode in ("singleton", "everywhere"):
        message = f"copies have no meaning with mode: {mode}"
        child.error("placement", message, "placement", "copies", hint="write mode: spread")


def _check_storage(child: Part) -> None:
    """What is stored stays on its node; a child that may move is told apart by its labels."""
    if child.get("placement", "mode") == "everywhere" or child.get("placement", "labels"):
        return
    for part in _with_storage(child):
        message = "what it stores stays on its node, and this may move to another"
        hint = "add placement: {labels: …} to the child of the root, for nodes that share storage"
        part.warning("placed-storage", message, "capabilities", "storage", hint=hint)


def _with_storage(child: Part) -> Iterable[Part]:
    worker = child.worker()
    if worker.get("capabilities", "storage") is not None and worker.says("capabilities"):
        yield worker
    for below in child.below("supervisor").children():
        yield from _with_storage(below)
