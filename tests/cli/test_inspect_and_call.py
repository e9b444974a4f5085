"""`airssys-wasm inspect` and `call`: a component on its own, as its author sees it."""

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from airssys_wasm.cli.call import Call, call
from airssys_wasm.cli.main import app
from airssys_wasm.components import Limits
from airssys_wasm.components.engine.producers import producers
from tests.guests import guests
from tests.guests.wasi import uses_wasi

PRICING = Path("examples/orders/pricing.wasm")


@pytest.fixture
def every_function(tmp_path: Path) -> Path:
    file = tmp_path / "every.wasm"
    file.write_bytes(guests.every_function())
    return file


def test_inspect_shows_what_a_component_wants_and_offers() -> None:
    said = CliRunner().invoke(app, ["inspect", str(PRICING)])
    assert said.exit_code == 0
    assert "made by   processed-by: Debian clang" in said.stdout
    assert "send: func(target: component-id{…}, payload: list<u8>) -> result" in said.stdout
    assert "handle-message: func(msg: component-message{…})" in said.stdout
    assert "to grant  capabilities: {messaging: {send: [NAME], request: [NAME]}}" in said.stdout
    assert "fits      the world runtime-host" in said.stdout


def test_inspect_gives_the_same_to_programs() -> None:
    said = CliRunner().invoke(app, ["inspect", str(PRICING), "--format", "json"])
    told = json.loads(said.stdout)
    assert told["fits"]
    assert told["size"] == PRICING.stat().st_size
    assert set(told["exports"]) == {"airssys:core/component-lifecycle@1.0.0"}
    assert told["grants"][0]["family"] == "messaging"


def test_inspect_says_what_does_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "other.wasm"
    file.write_bytes(guests.for_another_world())
    said = CliRunner().invoke(app, ["inspect", str(file)])
    assert said.exit_code == 2
    assert "does not fit the world runtime-host:" in said.stdout
    assert "does not export airssys:core/component-lifecycle@1.0.0" in said.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"# text", "it is no WebAssembly"), (b"", "it is empty"), (None, "there is no such file")],
)
def test_inspect_and_call_refuse_what_is_no_component(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "guest.wasm"
    if content is not None:
        file.write_bytes(content)
    for command in (["inspect", str(file)], ["call", str(file), "x"]):
        said = CliRunner().invoke(app, command)
        assert said.exit_code == 2
        assert told in said.stderr
        assert len(said.stderr.splitlines()) == 1


@pytest.mark.parametrize("cut", [9, 40, 200, 3_000])
def test_damaged_producers_are_left_out(cut: int) -> None:
    binary = PRICING.read_bytes()
    assert producers(binary) == ("processed-by: Debian clang 19.1.7 (3~deb12u1)",)
    assert set(producers(binary[:cut])) <= set(producers(binary))


def test_call_prints_the_reply(tmp_path: Path) -> None:
    file = tmp_path / "echo.wasm"
    file.write_bytes(guests.echo())
    said = CliRunner().invoke(app, ["call", str(file), "hello"])
    assert (said.exit_code, said.stdout) == (0, "1:hello\n")
    out = io.StringIO()
    assert call(Call(file, "-"), stdin=io.BytesIO(b"from a pipe"), out=out) == 0
    assert out.getvalue() == "1:from a pipe\n"


def test_call_shows_what_the_component_sends() -> None:
    order = {"id": "1", "sku": "A-1", "quantity": 2, "unit_price": 100, "country": "DE"}
    command = ["call", str(PRICING), json.dumps(order), "--send", "ledger"]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.stderr
    assert said.stdout.startswith("sent to ledger: {")
    assert said.stdout.endswith("(no reply)\n")


def test_call_says_how_a_component_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spin.wasm"
    file.write_bytes(guests.spins())
    assert call(Call(file, "x", limits=Limits(fuel=100_000))) == 1
    assert "the component ended: limit: fuel 100000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--config", "{"], "--config: no JSON: Expecting property name"),
        (["--config", "[1]"], "--config: a JSON object, not [1]"),
        (["--env", "A"], "--env: NAME=VALUE, not A"),
        (["--codec", "json"], "MESSAGE: no JSON: Expecting value"),
        (["--memory", "-1"], "memory must be"),
        (["--send", "a b"], "a b"),
    ],
)
def test_a_wrong_argument_is_named(every_function: Path, options: list[str], told: str) -> None:
    said = CliRunner().invoke(app, ["call", str(every_function), "reply", *options])
    assert said.exit_code == 2
    assert told in said.stderr


def test_call_has_a_clock_and_chance_to_give(tmp_path: Path) -> None:
    file = tmp_path / "wasi.wasm"
    file.write_bytes(uses_wasi())
    said = CliRunner().invoke(app, ["call", str(file), "n"])
    assert (said.exit_code, said.stdout[:4]) == (0, "hex ")


def test_inspect_says_what_wasi_needs_to_be_granted(tmp_path: Path) -> None:
    file = tmp_path / "wasi.wasm"
    file.write_bytes(uses_wasi())
    said = CliRunner().invoke(app, ["inspect", str(file)])
    assert said.exit_code == 0
    assert "capabilities: {time: true}" in said.stdout
    assert "capabilities: {random: true}" in said.stdout
    assert "fits      the world runtime-host" in said.stdout
