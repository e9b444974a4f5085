"""Acts: how a node gets its name, and the life that it has under it.

Lives are numbered by compare-and-set in the engine's keys, so that all agree which is the later of
two. A name that a living node has is refused, as in Erlang/OTP; one whose node does not answer is
taken over, and that node, should it wake up, hears of a later life and gives way.

Source: Erlang/OTP, Reference Manual, "Distributed Erlang"; net_kernel(3).
"""

from __future__ import annotations

from airssys_wasm.broker.engine import Engine
from airssys_wasm.broker.errors import EngineTimeout, KeyChanged, NodeNameTaken, NoResponders

ANSWER_TIME = 1.0  # seconds for a node to say that it has its name


async def new_life(engine: Engine, name: str, subject: str, random: str) -> str:
    """The life of a node that starts now, later than any before: a number, and something random.

    Raises NodeNameTaken when a living node answers at `subject`, EngineDown.
    """
    try:
        await engine.request(subject, b"", ANSWER_TIME)
    except (NoResponders, EngineTimeout):
        pass
    else:
        raise NodeNameTaken(name)
    key = f"lives.{name}"
    while True:
        entry = await engine.get(key)
        try:
            if entry is None or entry.value is None:
                number = await engine.create(key, random.encode())
            else:
                number = await engine.update(key, random.encode(), entry.revision)
        except KeyChanged:
            continue  # another one of that name starts, too; the later one keeps it
        return f"{number:08x}-{random[:8]}"
