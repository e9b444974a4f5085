"""docs/components.md is true: its programs run, and its tables are those of the code."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from airssys_wasm.components import Capabilities, ComponentId, Limits
from airssys_wasm.components.batches import MOST
from airssys_wasm.components.engine.limits import MOST_TABLES
from airssys_wasm.components.engine.runtime_host import runtime_host, world_1_0
from airssys_wasm.components.engine.traps import TrapKind
from airssys_wasm.components.engine.wasi import wasi
from airssys_wasm.components.host import services, storage
from airssys_wasm.components.host.pubsub import MAX_SUBSCRIPTIONS
from airssys_wasm.components.security.capability import DEFAULT_QUOTA, denial
from airssys_wasm.components.storage import store
from airssys_wasm.config import CapabilitiesConfig, MessagingConfig, StorageConfig
from airssys_wasm.config.field_changes import duration_text, size_text
from airssys_wasm.config.grants import NOT_SERVED
from airssys_wasm.sdk.build import build
from tests.test_documents import ROOT, blocks, named_paths

MANUAL = "docs/components.md"
TEXT = (ROOT / MANUAL).read_text(encoding="utf-8")
CALLED, FIRST_RUN, SECOND_RUN, AUDITED, DENIED = blocks(MANUAL, "text")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with the files of the manual."""
    (tmp_path / "counter.wasm").write_bytes(build([ROOT / "examples/guests/wat/counter.wat"])[0])
    actors, program = blocks(MANUAL, "python")
    tree, _ = blocks(MANUAL, "yaml")
    assert actors.startswith("# shop.py\n")
    (tmp_path / "shop.py").write_text(actors)
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "tree.yaml").write_text(tree)
    return tmp_path


def run(shop: Path, *arguments: str) -> str:
    """What python prints with these arguments."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=shop,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_the_commands_and_the_programs_print_what_the_manual_says(shop: Path) -> None:
    cli = ("-m", "airssys_wasm.cli.main")
    assert run(shop, *cli, "call", "counter.wasm", "hello", "--storage") == CALLED
    assert run(shop, *cli, "check", "--strict", "tree.yaml") == "ok: 1 actor, 1 component\n"
    assert run(shop, *cli, "run", "tree.yaml") == FIRST_RUN
    assert run(shop, *cli, "run", "tree.yaml") == SECOND_RUN
    assert run(shop, "program.py") == AUDITED


def test_a_denial_looks_as_the_manual_says() -> None:
    counter, peer = (ComponentId("", name, "") for name in ("counter", "peer"))
    assert f"{denial(counter, Capabilities(), 'request', peer)}\n" == DENIED


def test_every_grant_is_in_the_manual() -> None:
    for record, family in ((MessagingConfig, "messaging"), (StorageConfig, "storage")):
        for field in dataclasses.fields(record):
            named = rf"`{family}: {{{field.name}\b|`{field.name}: |\b{field.name}\b"
            assert re.search(named, TEXT), field.name
    assert {field.name for field in dataclasses.fields(CapabilitiesConfig)} == {
        "messaging",
        "storage",
        "time",
        "random",
    }
    for family in ("time", "random"):
        assert f"| `{family}: true` |" in TEXT
    (refused,) = re.findall(r"The families (.*?) are refused", TEXT, re.DOTALL)
    assert re.findall(r"`(\w+)`", refused) == list(NOT_SERVED)


def test_the_limits_are_those_of_the_manual() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (.+?) \|", TEXT.partition("| limit |")[2], re.MULTILINE)
    )
    limits = Limits()
    assert rows == {
        "memory": size_text(limits.memory),
        "fuel": "none",
        "call": duration_text(limits.call),
        "call_total": "none",
        "host_call": duration_text(limits.host_call),
        "payload": size_text(limits.payload),
        "instances": "as many as it has",
        "tables": f"up to {MOST_TABLES}",
    }
    assert (limits.fuel, limits.call_total, limits.instances, limits.tables) == (None,) * 4


def test_the_kinds_of_traps_are_those_of_the_manual() -> None:
    (listed,) = re.findall(r"whose kind is one\s+of (.*?)\. Either way", TEXT, re.DOTALL)
    assert re.findall(r"`([^`]+)`", listed) == list(get_args(TrapKind))


def test_the_bounds_of_storage_and_log_are_those_of_the_manual() -> None:
    assert f"1 to {store.MAX_KEY} bytes" in TEXT
    assert f"up to {store.MAX_VALUE // 2**20} MiB" in TEXT
    assert f"more than {store.MAX_KEYS:,} are" in TEXT
    assert f"1 to {store.MAX_KEYS:,} of them" in TEXT
    most = f"up to {storage.MAX_CHANGES:,} changes and {storage.MAX_BATCH // 2**20} MiB"
    assert most in TEXT
    assert f"{DEFAULT_QUOTA // 2**20} MiB unless given" in TEXT
    assert f"{services.LOG_RATE} records a second" in TEXT


def test_every_path_that_the_manual_names_exists() -> None:
    links = {path.partition("#")[0] for path in re.findall(r"\]\(([^)]+)\)", TEXT)} - {""}
    assert all((ROOT / "docs" / link).exists() for link in links)
    assert named_paths("README.md") >= {MANUAL}


def test_the_functions_of_1_1_and_the_interfaces_of_wasi_are_in_the_manual() -> None:
    old, new = world_1_0().imports, runtime_host().imports
    for interface, functions in new.items():
        before = old.get(interface.replace("@1.1.0", "@1.0.0"), {})
        for name in set(functions) - set(before):
            assert f"`{name}`" in TEXT, name
    for interface in wasi().functions:
        package, _, name = interface.partition("@")[0].partition("/")
        assert (
            f"`{package}/{name}`" in TEXT
            or f"`{name}`" in TEXT
            or f"`{package}/…`" in TEXT
            or (name.startswith("terminal-"))
        ), interface
    for bound in (f"{MAX_SUBSCRIPTIONS:,} at most", f"up to {MOST} messages"):
        assert bound in TEXT
