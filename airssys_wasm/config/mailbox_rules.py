"""What can be wrong with the mailbox of a child.

Pure.
"""

from __future__ import annotations

from airssys_wasm.config.part import Part
from airssys_wasm.config.worker_rules import name_of

_ONLY_DURABLE = ("max_deliver", "ack_wait", "max_in_flight")


def check_mailbox(root: Part, child: Part) -> None:
    """Settings of a mailbox that do nothing, or can't be."""
    part = child.worker()
    if part.get("mailbox", "durable"):
        _check_durable(root, child, part)
        return
    for key in _ONLY_DURABLE:
        if part.has("mailbox", key) and part.says("mailbox"):
            message = "this is for durable mailboxes, and has no effect here"
            part.warning("mailbox", message, "mailbox", key, hint="add durable: true")
    unbounded = part.has("mailbox") and not part.has("mailbox", "capacity")
    if unbounded and part.get("mailbox", "overflow"):
        message = "a mailbox without capacity never overflows"
        part.warning("mailbox", message, "mailbox", "overflow", hint="add capacity: 1000")
    if part.get("mailbox", "keep_on_restart"):
        if part.get("restart") == "temporary":
            message = "a temporary child is never restarted, so its mailbox is never kept"
            if part.says("mailbox"):
                part.warning("mailbox", message, "mailbox", "keep_on_restart")
        elif unbounded:
            message = "what arrives while the child restarts is kept without bound"
            hint = "add capacity: 1000"
            part.warning("mailbox", message, "mailbox", "keep_on_restart", hint=hint)


def _check_durable(root: Part, child: Part, part: Part) -> None:
    if not root.has("engine"):
        message = "a durable mailbox is kept by a NATS server, and this tree has no engine"
        hint = "add engine: {nats: nats://HOST:4222} at the root"
        part.error("durable", message, "mailbox", "durable", hint=hint)
    if part is not child:
        kind = "pool" if child.has("pool") else "dynamic supervisor"
        message = f"the workers of a {kind} have no names of their own, so no durable mailboxes"
        hint = "make it a child of its own"
        part.error("durable", message, "mailbox", "durable", hint=hint)
    elif child.has("name") and name_of(child)[1] is None and child.get("name", default="") is None:
        message = "a durable mailbox belongs to a name, and this child has none"
        part.error("durable", message, "mailbox", "durable", hint="leave out name: null")
    if part.get("mailbox", "order") == "priority":
        message = "a durable mailbox is in order of arrival"
        part.error("durable", message, "mailbox", "order", hint="leave it out")
    if part.get("mailbox", "overflow", default="block") not in ("block", None):
        message = "a durable mailbox that is full lets the sender wait"
        part.error("durable", message, "mailbox", "overflow", hint="write overflow: block")
    if part.get("mailbox", "keep_on_restart"):
        message = "a durable mailbox is kept in any case"
        hint = "leave it out"
        part.warning("mailbox", message, "mailbox", "keep_on_restart", hint=hint)
