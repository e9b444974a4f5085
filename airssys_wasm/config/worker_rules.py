"""What can be wrong with what runs: with actors, components, and the workers of pools.

Pure: what is outside of the file is asked of `Surroundings`.
"""

from __future__ import annotations

from dataclasses import dataclass

from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.components.imports import missing_grants
from airssys_wasm.components.security.pattern import covers_topic, matches_name
from airssys_wasm.config import words
from airssys_wasm.config.arguments import misfits
from airssys_wasm.config.grants import NOTHING
from airssys_wasm.config.part import Part
from airssys_wasm.config.settings import SubscriptionConfig
from airssys_wasm.config.surroundings import FoundActor, FoundComponent, Missing, Surroundings
from airssys_wasm.schema.suggest import did_you_mean

_MOST_NAMES = 1_000  # of larger trees it is not told who may be sent to


@dataclass(frozen=True, slots=True)
class Names:
    """The names in a tree, for patterns over them."""

    names: tuple[str, ...]
    ids: tuple[ComponentId, ...]

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Names:
        return cls(names, tuple(parse_id(n) for n in names if words.component_name(n) is None))

    def include(self, pattern: str) -> bool:
        too_many = len(self.names) > _MOST_NAMES
        kind, _, instance = pattern.rpartition("/")
        wanted = (pattern, f"{kind}/") if kind and instance else (pattern,)  # or started from it
        return too_many or any(matches_name(one, found) for one in wanted for found in self.ids)


def name_of(child: Part) -> tuple[str, str | None]:
    """The key that gives the name of the child, and the name, None for none."""
    key = "name" if child.has("name") else "id"
    return key, child.get(key)


def check_worker(child: Part, surroundings: Surroundings, others: Names) -> None:
    """What the child runs: its code, its arguments, its grants."""
    worker = child.worker()
    _check_actor(worker, worker.get("actor"), surroundings, more_to_come=child.has("dynamic"))
    _check_stand_in(child, surroundings)
    if not worker.has("component"):
        return
    if worker is child:
        _check_component_name(child)
    _check_grants(worker, others)
    _check_subscriptions(child, worker)
    _check_multicodec(worker)
    _check_component(worker, surroundings)


def check_subscriptions(child: Part) -> None:
    """Subscriptions that do nothing."""
    seen: set[object] = set()
    for path, subscription in child.items("subscribe"):
        if subscription is not None and subscription in seen:
            message = "the child is subscribed to this already"
            child.reading.report(path, "double-subscription", message, severity="warning")
        seen.add(subscription)


# -- actors -------------------------------------------------------------------------------


def _check_stand_in(child: Part, surroundings: Surroundings) -> None:
    stand_in = child.below("simulate")
    if not stand_in.has():
        return
    if child.has("component") and not stand_in.has("actor"):
        message = "a component has no other arguments: name the actor that stands in for it"
        child.error("stand-in", message, "simulate", hint='add actor: "module:Name"')
    actor = stand_in.get("actor") if stand_in.has("actor") else child.get("actor")
    _check_actor(stand_in, actor, surroundings, more_to_come=False)


def _check_actor(
    worker: Part, actor: str | None, surroundings: Surroundings, *, more_to_come: bool
) -> None:
    if actor is None:
        return
    match surroundings.find_actor(actor):
        case Missing(message, hint):
            worker.error("actor", message, *(("actor",) if worker.has("actor") else ()), hint=hint)
        case FoundActor(parameters):
            args = worker.get("args", default=None if worker.has("args") else ())
            if parameters is None or args is None:
                return
            name = actor.rpartition(":")[2]
            for key, wrong in misfits(name, parameters, args, more_to_come=more_to_come):
                keys = (key for key in ("args", "actor") if worker.has(key))
                place = tuple(keys)[:1]
                path = (*worker.path, *place) if key is None else (*worker.path, "args", key)
                worker.reading.report(
                    path, "arguments", wrong.message, hint=wrong.hint, key=key is not None
                )


# -- components -----------------------------------------------------------------------------


def _check_component_name(child: Part) -> None:
    key, name = name_of(child)
    wrong = words.component_name(name) if name is not None else None
    if wrong is not None:
        message, _, hint = wrong.partition("; ")
        child.error("component-name", f"{name!r} {message}", key, hint=hint)


def _check_component(worker: Part, surroundings: Surroundings) -> None:
    path = worker.get("component")
    if path is None:
        return
    if not surroundings.is_file(path):
        message, hint = f"there is no file {str(path)!r}", surroundings.similar(path)
        worker.error("component-file", message, "component", hint=hint)
        return
    match surroundings.examine(path):
        case Missing(message, hint):
            worker.error("component-world", message, "component", hint=hint)
        case FoundComponent(differences, imports):
            for difference in differences:
                worker.error("component-world", difference, "component")
            _check_imports(worker, imports)


def _check_multicodec(worker: Part) -> None:
    declared = worker.get("multicodec")
    codec = worker.get("codec", default=None if worker.has("codec") else "raw")
    if declared is None or codec is None or codec in declared:
        return
    message = f"the component's own codec is {codec}, which is not in this list"
    worker.error("multicodec", message, "multicodec", hint=f"add {codec}, or give it another")


def _check_imports(worker: Part, imports: frozenset[str]) -> None:
    granted = worker.get("capabilities", default=None if worker.has("capabilities") else NOTHING)
    if granted is None:
        return
    for missing in missing_grants(sorted(imports), granted.grants()):
        message = f"the component imports {missing.interface}, and nothing of it is granted"
        tell = worker.error if worker.get("strict_imports") else worker.warning
        tell("ungranted-import", message, "component", hint=f"add {missing.line}")


def _check_grants(worker: Part, others: Names) -> None:
    for right in ("send", "request", "spawn"):
        for path, target in worker.items("capabilities", "messaging", right):
            if target is not None and not others.include(target):
                message = f"no child of this tree has the name {target!r}"
                hint = did_you_mean(target, others.names)
                worker.reading.report(
                    path, "unknown-target", message, hint=hint, severity="warning"
                )


def _check_subscriptions(child: Part, worker: Part) -> None:
    granted = worker.get("capabilities", "messaging", "subscribe")
    if granted is None and worker.has("capabilities", "messaging", "subscribe"):
        return
    if granted is None and worker.has("capabilities") and worker.get("capabilities") is None:
        return
    for path, subscription in child.items("subscribe"):
        topic = subscription.topic if isinstance(subscription, SubscriptionConfig) else subscription
        if topic is None or any(covers_topic(pattern, topic) for pattern in granted or ()):
            continue
        hint = f"add capabilities: {{messaging: {{subscribe: [{topic!r}]}}}}"
        message = f"the component is not granted to subscribe to {topic!r}"
        child.reading.report(path, "grant", message, hint=hint)
