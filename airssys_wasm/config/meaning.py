"""What can be wrong with a tree although each of its values is right.

Pure: what is outside of the file is asked of `Surroundings`. Here are the rules of supervision and
of names; `worker_rules.py` has those of what runs.

Source: Erlang/OTP, supervisor(3), "Automatic Shutdown", for the rules of significant children, and
"Child specification" for `shutdown` of supervisors.
"""

from __future__ import annotations

from collections.abc import Iterator

from airssys_wasm.config.field_changes import duration_text
from airssys_wasm.config.mailbox_rules import check_mailbox
from airssys_wasm.config.part import Part
from airssys_wasm.config.placement_rules import check_nodes
from airssys_wasm.config.settings import ComponentSettings
from airssys_wasm.config.storage_rules import check_namespaces, check_place
from airssys_wasm.config.surroundings import Surroundings
from airssys_wasm.config.tree import TreeConfig
from airssys_wasm.config.worker_rules import Names, check_subscriptions, check_worker, name_of
from airssys_wasm.schema import Reading
from airssys_wasm.schema.shape import fields_of

ROOT_NAME = "root"
_OF_THE_SYSTEM = ("components", "engine", "node")
_SUPERVISING = {"supervisor": "supervisor", "pool": "pool", "dynamic": "dynamic supervisor"}


def check_meaning(reading: Reading[TreeConfig], surroundings: Surroundings) -> None:
    """Add to the reading's problems what is wrong between values, or suspicious."""
    root = Part.root(reading)
    supervisors = list(_supervisors(root))
    children = [child for supervisor in supervisors for child in supervisor.children()]
    if root.get("intensity") == 0:
        message = "with an intensity of 0 the first crash ends everything"
        root.warning("zero-intensity", message, "intensity", hint="give it at least 1")
    for supervisor in supervisors:
        _check_supervisor(supervisor)
    others = Names.of(_check_names(children))
    for child in children:
        _check_restarts(child)
        _check_pool(child)
        check_mailbox(root, child)
        check_subscriptions(child)
        check_worker(child, surroundings, others)
    check_place(root, surroundings)
    check_namespaces(children)
    check_nodes(root, children, surroundings)
    for supervisor in supervisors:
        _check_defaults(supervisor)


def _supervisors(supervisor: Part) -> Iterator[Part]:
    yield supervisor
    for child in supervisor.children():
        if child.has("supervisor"):
            yield from _supervisors(child.below("supervisor"))


# -- supervisors --------------------------------------------------------------------------


def _check_supervisor(supervisor: Part) -> None:
    ids: dict[str, Part] = {}
    for child in supervisor.children():
        own = child.get("id")
        if own in ids:
            where = child.where(ids[own], "id")
            child.error("duplicate-id", f"a child with the id {own!r} is in {where} already", "id")
        elif own is not None:
            ids[own] = child
    if supervisor.has("children") and supervisor.get("children", default=None) == ():
        supervisor.warning("no-children", "there are no children to run", "children")
    for key in _OF_THE_SYSTEM:
        if supervisor.path and supervisor.has(key):
            message = (
                "this has no effect in a file that is included; the first file says it for all"
            )
            supervisor.warning("include-settings", message, key)
    _check_auto_shutdown(supervisor)


def _check_auto_shutdown(supervisor: Part) -> None:
    never = supervisor.get("auto_shutdown", default="never") == "never"
    significant = [child for child in supervisor.children() if child.get("significant")]
    if never and not supervisor.has("auto_shutdown"):
        for child in significant:
            message = "a significant child has no meaning without auto_shutdown"
            hint = "give its supervisor auto_shutdown: any_significant or all_significant"
            child.error("significant", message, "significant", hint=hint)
    elif never and significant and supervisor.get("auto_shutdown") == "never":
        for child in significant:
            message = "a significant child has no meaning with auto_shutdown: never"
            hint = "write any_significant or all_significant there"
            child.error("significant", message, "significant", hint=hint)
    elif not never and not significant:
        message = "no child is significant, so this never happens"
        hint = "give a child significant: true"
        supervisor.warning("auto-shutdown", message, "auto_shutdown", hint=hint)


def _check_defaults(supervisor: Part) -> None:
    for key in fields_of(ComponentSettings):
        if supervisor.has("defaults", key) and not _has_component(supervisor):
            message = "this is for components, and there is none below"
            supervisor.warning("idle-defaults", message, "defaults", key)


def _has_component(supervisor: Part) -> bool:
    for child in supervisor.children():
        inner = child.below("supervisor")
        if child.worker().has("component") or (inner.has() and _has_component(inner)):
            return True
    return False


# -- children -----------------------------------------------------------------------------


def _check_restarts(child: Part) -> None:
    for part in {child.path: child, child.worker().path: child.worker()}.values():
        _check_backoff(part)
        _check_health(part)
        _check_temporary(part)
    restart_is_known = child.has("restart") <= (child.get("restart") is not None)
    restart = child.get("restart", default="permanent")
    if child.get("significant") and restart_is_known and restart == "permanent":
        message = "a permanent child is always started again and can't be significant"
        hint = "write restart: transient or temporary"
        child.error("significant", message, "significant", hint=hint)
    noun = next((noun for key, noun in _SUPERVISING.items() if child.has(key)), None)
    if noun is not None and restart == "transient":
        message = f"a {noun} that gives up ends with 'shutdown', which transient does not restart"
        child.warning("transient-supervisor", message, "restart", hint="is permanent meant?")
    if noun is not None and child.get("shutdown") == "brutal_kill":
        message = f"a {noun} that is killed can't stop its own children in order"
        child.warning("killed-supervisor", message, "shutdown", hint="is infinity meant?")


def _check_backoff(part: Part) -> None:
    backoff = part.get("backoff")
    if backoff is not None and backoff.initial > backoff.max:
        first, longest = duration_text(backoff.initial), duration_text(backoff.max)
        message = f"the first wait ({first}) is longer than the longest ({longest})"
        key = "initial" if part.has("backoff", "initial") else "max"
        part.error("backoff", message, "backoff", key)


def _check_health(part: Part) -> None:
    health = part.get("health")
    if health is not None and health.timeout > health.every:
        longest, every = duration_text(health.timeout), duration_text(health.every)
        message = f"a check may take longer ({longest}) than the time between two ({every})"
        key = "timeout" if part.has("health", "timeout") else "every"
        part.warning("health-timeout", message, "health", key)


def _check_temporary(part: Part) -> None:
    if part.get("restart") != "temporary":
        return
    message = "a temporary child is never restarted, so this has no meaning"
    if part.get("backoff") is not None and part.says("backoff"):
        part.warning("temporary-restart", message, "backoff")
    if part.get("while_restarting") == "queue" and part.says("while_restarting"):
        part.warning("temporary-restart", message, "while_restarting")


def _check_pool(child: Part) -> None:
    pool = child.below("pool")
    if not pool.has():
        return
    route = pool.get("route", default=None if pool.has("route") else "round_robin")
    if route == "by_key" and not pool.has("key"):
        message = "to route by key, a pool needs a key"
        pool.error(
            "pool-key", message, "route", hint="add key: with the name of a field of its messages"
        )
    if route not in ("by_key", None) and pool.get("key") is not None:
        message = f"a key has no meaning with route: {route}"
        pool.error("pool-key", message, "key", hint="write route: by_key")
    if pool.get("size") == 1:
        message = "a pool of one worker spreads nothing"
        pool.warning("pool-of-one", message, "size", hint="is a plain child meant?")


# -- names ----------------------------------------------------------------------------------


def _check_names(children: list[Part]) -> tuple[str, ...]:
    """The names that children are registered under."""
    names: dict[str, Part] = {}
    for child in children:
        key, name = name_of(child)
        if name is None:
            continue
        hint = "give the child another name:, or name: null"
        if name == ROOT_NAME:
            message = f"the name {name!r} is that of the root supervisor"
            child.error("duplicate-name", message, key, hint=hint)
        if name not in names:
            names[name] = child
            continue
        other = names[name]
        siblings = other.path[:-1] == child.path[:-1]
        if key == "id" and siblings and other.get("id") == name:
            continue  # told as a double id already
        other_key = "name" if other.has("name") else "id"
        message = f"the name {name!r} is taken by the child in {child.where(other, other_key)}"
        hint = "give one of them another name:, or name: null"
        if child.place(key) == other.place(other_key):
            message = f"the name {name!r} is taken twice, because this stands in the tree twice"
            hint = "write name: null"
        child.error("duplicate-name", message, key, hint=hint)
    return tuple(names)
