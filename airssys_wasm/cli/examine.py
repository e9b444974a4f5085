"""Looks into the binaries of components; the engine is loaded only when there is one."""

from __future__ import annotations

from pathlib import Path

from airssys_wasm.config import FoundComponent, Missing


def examine(path: Path) -> FoundComponent | Missing:
    """Whether a binary fits the world, and what it imports. Runs nothing of it."""
    from airssys_wasm.application.examining import examine_component

    return examine_component(path)
