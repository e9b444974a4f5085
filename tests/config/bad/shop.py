"""Behaviours for the tree files beside it. They are read, and never run."""

from airssys_wasm import Actor


class Store(Actor[object]):
    def __init__(self, path: str, *, batch: int = 100) -> None:
        self.path = path
        self.batch = batch


class Plain(Actor[object]): ...


async def read(inbox: object, path: str) -> None: ...


raise RuntimeError("checking a tree file runs nothing of it")
