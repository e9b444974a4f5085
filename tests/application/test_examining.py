"""What `check` learns of a component, and that `run` need not find it out again."""

import os
from pathlib import Path

import pytest
from anyio import to_thread

from airssys_wasm.application import examine_component
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.config import FoundComponent
from airssys_wasm.config.components import ComponentsConfig

PRICING = Path(__file__).parents[2] / "examples" / "orders" / "pricing.wasm"

pytestmark = pytest.mark.anyio


def kept(directory: Path) -> dict[str, int]:
    """The files of compiled code, each with what tells it from one that was written anew."""
    return {entry.name: entry.inode() for entry in os.scandir(directory) if entry.is_file()}


async def test_what_was_compiled_for_the_check_is_not_compiled_again_for_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: object
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = await to_thread.run_sync(examine_component, PRICING)
    assert isinstance(found, FoundComponent)
    assert found.differences == ()
    code = kept(tmp_path / "airssys-wasm")
    assert code
    services = ComponentServices.of(ComponentsConfig())
    try:
        await services.load(PRICING)
    finally:
        await services.close()
    assert kept(tmp_path / "airssys-wasm") == code
