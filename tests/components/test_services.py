"""What the components of a system share: how the engine is chosen, and what is kept of a file."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from airssys_wasm.components import Component, ComponentInvalid
from airssys_wasm.components.engine.engine import Engine
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.config.components import CompileConfig, ComponentsConfig
from airssys_wasm.kernel import Kernel, StartError
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio


async def test_a_configuration_chooses_the_engine(tmp_path: Path) -> None:
    services = ComponentServices.of(ComponentsConfig(path="slow", cache=tmp_path / "cache"))
    await services.load(guests.silent())
    assert services.engine.path == "slow"
    assert list((tmp_path / "cache").iterdir()) != []
    await services.close()


async def test_a_stack_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="stack"):
        ComponentServices.of(ComponentsConfig(stack=1))


async def test_services_that_nobody_used_close_without_an_engine() -> None:
    await ComponentServices().close()


async def test_a_file_that_stays_as_it_is_is_loaded_once(
    shared_engine: Engine, tmp_path: Path
) -> None:
    services = ComponentServices(shared_engine)
    file = tmp_path / "guest.wasm"
    file.write_bytes(guests.echo())
    assert await services.load(file) is await services.load(file)
    assert await services.load(guests.echo()) is await services.load(guests.echo())


async def test_a_file_that_was_replaced_is_loaded_anew(
    shared_engine: Engine, tmp_path: Path
) -> None:
    services = ComponentServices(shared_engine)
    file = tmp_path / "guest.wasm"
    with pytest.raises(ComponentInvalid):
        await services.load(file)
    file.write_bytes(guests.echo())
    first = await services.load(file)
    other = tmp_path / "other.wasm"
    other.write_bytes(guests.silent())
    other.replace(file)
    assert (await services.load(file)).digest != first.digest
    file.unlink()
    with pytest.raises(ComponentInvalid):
        await services.load(file)


async def test_a_kernel_without_a_system_says_that_services_are_needed(stage: Stage) -> None:
    component = stage.component(guests.echo())
    object.__setattr__(component, "services", None)
    with pytest.raises(StartError, match="pass services="):
        await stage.kernel.start(component)


async def test_components_of_two_kernels_can_share_an_engine(
    stage: Stage, shared_engine: Engine
) -> None:
    async with Kernel("other") as kernel:
        other = Stage(kernel, ComponentServices(shared_engine))
        one, two = await stage.start(guests.echo()), await other.start(guests.echo())
        assert await one.request(b"a") == await two.request(b"a") == b"1:a"


async def test_a_configuration_bounds_the_compilation_of_what_is_not_trusted() -> None:
    config = ComponentsConfig(path="slow", cache=None, compile=CompileConfig(time=0.001))
    services = ComponentServices.of(config)
    kernel = Kernel("test")
    try:
        async with kernel:
            with pytest.raises(StartError, match=r"took more than 0\.001 s"):
                await kernel.start(Component(guests.silent(), services=services))
            await kernel.start(Component(guests.silent(), services=services, trusted=True))
    finally:
        await services.close()


async def test_a_configuration_bounds_the_files_of_code(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    services = ComponentServices.of(ComponentsConfig(path="slow", cache=cache, cache_size=1))
    await services.load(guests.silent())
    await services.close()
    assert list(cache.iterdir()) == []


def test_the_first_component_has_its_engine_imported_beside_the_loop() -> None:
    program = textwrap.dedent("""
        import asyncio, sys, threading
        from airssys_wasm import ActorSystem
        from airssys_wasm.components import Component
        from airssys_wasm.kernel import StartError

        class Looking:
            def find_spec(name, path=None, target=None):
                if name in ("wasmtime", "airssys_wasm.components.engine.compiler"):
                    print(name, threading.current_thread() is threading.main_thread())

        async def main():
            async with ActorSystem("shop") as system:
                sys.meta_path.insert(0, Looking)
                try:
                    await system.start(Component(b"no component"))
                except StartError:
                    pass

        asyncio.run(main())
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == [
        "airssys_wasm.components.engine.compiler False", "wasmtime False", ""
    ]  # fmt: skip
