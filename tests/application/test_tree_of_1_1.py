"""A tree file whose components use what 1.1 and WASI have: installed components, topics, time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.application.running import run_application
from airssys_wasm.config import load
from airssys_wasm.schema import report
from tests.guests import guests
from tests.guests.wasi import uses_wasi

pytestmark = pytest.mark.anyio

BOSS = """
async def run(inbox):
    system = inbox.context.system

    async def ask(name, message):
        return (await system.named(name).request(message.encode())).decode()

    told = [
        await ask("starter", "spawn:workers:/workers/7"),
        await ask("starter", "call:/workers/7::config"),
        await ask("starter", "call:/workers/7::publish:news:extra"),
        await ask("starter", "heard"),
        str(len(await system.named("clock").request(b"n"))),
    ]
    system.report("answers", {"all": " | ".join(told)})
"""

TREE = """
version: 1
name: office
auto_shutdown: any_significant
components: {{cache: {cache}, storage: memory}}
children:
  - id: workers
    name: workers
    dynamic:
      component: newer_functions.wasm
      config: {{of: tree}}
      capabilities: {{messaging: {{publish: [news]}}}}
  - id: starter
    component: newer_functions.wasm
    subscribe: [news]
    capabilities:
      messaging: {{spawn: [workers], request: ["/workers/*"], subscribe: [news]}}
  - id: clock
    component: wasi.wasm
    env: {{TZ: UTC}}
    capabilities: {{time: true, random: true}}
  - {{id: boss, actor: "{module}:run", restart: transient, significant: true}}
"""


async def answers(folder: Path, cache: Path) -> Any:
    module = f"boss_{abs(hash(folder))}"
    (folder / f"{module}.py").write_text(BOSS)
    (folder / "newer_functions.wasm").write_bytes(guests.newer_functions())
    (folder / "wasi.wasm").write_bytes(uses_wasi())
    (folder / "tree.yaml").write_text(TREE.format(cache=cache, module=module))
    loaded = load(folder / "tree.yaml", environment={})
    assert report(loaded.problems) == ""
    assert loaded.config is not None
    outcome = await run_application(loaded.config, directory=folder)
    assert not outcome.failed, outcome
    ((_, told),) = outcome.reports[0].rows
    return str(told).split(" | ")


async def test_what_a_tree_has_installed_is_started_and_asked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert await answers(tmp_path, tmp_path_factory.mktemp("code") / "cache") == [
        "/workers/7",
        'some:{"of":"tree"}',
        "some:ok",
        "topic/news/ extra\n",
        "8",
    ]
