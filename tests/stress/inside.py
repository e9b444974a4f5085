"""What the kernel's own books have to say while a storm is quiet. The one look inside.

Whatever was freed is gone from all of them: names, links, monitors, timers, places in groups,
subscriptions. Each link and each monitor is known on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from airssys_wasm.kernel import ActorRef, Kernel, StateMachine
from airssys_wasm.kernel.message import payload_of
from airssys_wasm.kernel.states import NOTHING, HeldQueue

Say = Callable[[str], None]


def is_held(ref: ActorRef[Any]) -> bool:
    """Whether the mailbox of a dead child waits for its successor."""
    return isinstance(ref._queue, HeldQueue)


def waiting(ref: ActorRef[Any]) -> Iterator[Any]:
    """What is in the mailbox of `ref`, also while that is held for its successor."""
    extension = ref._extension
    if extension is not None and extension.inbox is not None:
        yield from map(payload_of, extension.inbox._saved)
    if ref._one is not NOTHING:
        yield payload_of(ref._one)
    if ref._queue and (ref.is_alive or is_held(ref)):
        yield from map(payload_of, ref._queue)


def postponed(ref: ActorRef[Any]) -> Iterator[Any]:
    """What a state machine has taken out of its mailbox, and not handled."""
    hooks = (ref._extension.hooks if ref._extension is not None else None) or ()
    owners = (
        getattr(hook, "__self__", None) for hook in (ref._receive, *hooks)
    )  # dead: by its hook
    actor = next((owner for owner in owners if isinstance(owner, StateMachine)), None)
    if actor is None:
        return
    if hasattr(actor, "_machine"):
        machine = actor._machine
        for event in (*machine._postponed, *machine._events):
            yield getattr(event, "message", event)
    else:
        yield from (arrival.message for arrival in getattr(actor, "_adopted", ()))


def audit(kernel: Kernel, refs: list[ActorRef[Any]], broken: Say) -> None:
    """Look through the books of all of `refs`, dead or alive."""
    _names(kernel, refs, broken)
    timers = 0
    for ref in refs:
        extension = ref._extension
        if not ref.is_alive and not is_held(ref):
            if extension is not None:
                broken(f"dead, and not let go of: {ref}: {vars(extension)}")
            continue
        if extension is None:
            continue
        if ref.is_alive and len(list(waiting(ref))) != ref.mailbox_length:
            broken(f"{ref} says it has {ref.mailbox_length} messages")
        timers += len(extension.timers or ()) if ref.is_alive else 0
        if ref.is_alive:
            _relations(ref, broken)
        elif extension.links or extension.watching or extension.timers:
            broken(f"held, but not let go of all else: {ref}: {vars(extension)}")
    if kernel.statistics().timers < timers:
        broken(f"{timers} timers are owned, but there are {kernel.statistics().timers}")
    _groups(kernel, broken)


def _names(kernel: Kernel, refs: list[ActorRef[Any]], broken: Say) -> None:
    named = Counter(ref.name for ref in refs if ref.name is not None)
    for name, count in named.items():
        if count > 1:
            broken(f"{count} have the name {name}")
    for ref in refs:
        if ref.name is not None and kernel.registry.find(ref.name) is not ref:
            broken(f"{ref} says it is {ref.name}, but that is {kernel.registry.find(ref.name)}")
    for name in kernel.registry:
        holder = kernel.registry.find(name)
        if holder is None or holder.name != name:
            broken(f"{name} is {holder}, which does not know")


def _relations(ref: ActorRef[Any], broken: Say) -> None:
    extension = ref._ext()
    for peer in extension.links or ():
        other = peer._extension
        if not peer.is_alive or other is None or ref not in (other.links or ()):
            broken(f"linked on one side only: {ref} and {peer}")
    for monitor in extension.watchers or ():
        other = monitor.watcher._extension
        if not monitor.active or other is None or monitor not in (other.watching or ()):
            broken(f"monitored by one who does not know: {monitor}")
    for monitor in extension.watching or ():
        target = monitor.target
        known = target._extension if isinstance(target, ActorRef) else None
        if not monitor.active or known is None or monitor not in (known.watchers or ()):
            broken(f"watches one who does not know: {monitor}")
    for child in extension.children or ():
        if not child.is_alive:
            broken(f"{ref} has a dead child: {child}")
    for timer in extension.timers or ():
        if not timer.is_active:
            broken(f"{ref} owns a timer that has fired: {timer.due}")


def _groups(kernel: Kernel, broken: Say) -> None:
    membership = kernel.membership
    for ref in (*membership.groups._places, *membership._monitors, *membership._hooked):
        if not ref.is_alive and not is_held(ref):
            broken(f"in a group, or watches one, though it is dead: {ref}")
