"""The control socket: who may open it, whose it is, and what bad clients can do to it: nothing."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from airssys_wasm.application import ControlUnavailable, control_server
from airssys_wasm.application.control_client import ControlFailed, ask, find_socket
from airssys_wasm.application.control_paths import is_living, listen, living, runtime_directory
from airssys_wasm.application.control_protocol import (
    LARGEST_REQUEST,
    BadRequest,
    Failure,
    Request,
    answer_of,
    request_of,
)
from airssys_wasm.application.control_server import RequestFailed, Tell, is_owner, serving


@pytest.fixture
def runtime(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of its own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    return short_path / "airssys-wasm"


# -- where it lies ------------------------------------------------------------------------


def test_only_the_owner_may_open_it(runtime: Path) -> None:
    with listen("shop") as listening:
        assert listening.path == runtime / "shop.sock"
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert stat.S_IMODE(listening.path.stat().st_mode) == 0o600
    assert list(runtime.iterdir()) == []


def test_a_directory_that_others_may_enter_is_refused(runtime: Path) -> None:
    runtime.mkdir(mode=0o755)
    with pytest.raises(ControlUnavailable, match="must have mode 0700"):
        listen("shop")
    with pytest.raises(ControlUnavailable, match="must have mode 0700"):
        living()


def test_a_link_in_place_of_the_directory_is_refused(runtime: Path, tmp_path: Path) -> None:
    runtime.symlink_to(tmp_path)
    with pytest.raises(ControlUnavailable, match="is not a directory"):
        listen("shop")


def test_without_a_runtime_directory_it_is_in_a_directory_of_the_users_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for value in ("", "relative", "/nowhere/at/all"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert runtime_directory().name == f"airssys-wasm-{os.getuid()}"


def test_a_second_system_of_the_name_gets_a_path_with_its_process_id(runtime: Path) -> None:
    with listen("shop") as first, listen("shop") as second:
        assert second.path == runtime / f"shop@{os.getpid()}.sock"
        assert living("shop") == [("shop", first.path), ("shop", second.path)]
        with pytest.raises(ControlUnavailable, match="2 systems called 'shop' are running"):
            find_socket("shop")
    assert living() == []


def test_a_path_that_a_living_system_has_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with listen("shop", path):
        with pytest.raises(ControlUnavailable, match="of a system that runs"):
            listen("other", path)
        assert is_living(path)


def test_what_a_killed_system_left_behind_is_replaced(runtime: Path) -> None:
    left = listen("shop")
    left.socket.close()  # as the end of a process does; the file stays
    assert left.path.exists()
    assert living() == []
    with listen("shop") as listening:
        assert listening.path == left.path
        left.close()
        assert living() == [("shop", left.path)]


def test_the_end_of_a_system_removes_no_socket_but_its_own(runtime: Path) -> None:
    first = listen("shop")
    first.path.unlink()  # by somebody who tidies up
    with listen("shop") as second:
        assert second.path == first.path
        first.close()
        assert living() == [("shop", second.path)]


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("keep me")
    for given in (path, tmp_path / "link"):
        if given != path:
            given.symlink_to(path)
        with pytest.raises(ControlUnavailable, match="is no socket"):
            listen("shop", given)
    assert path.read_text() == "keep me"


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a@b", "ünï", "x" * 200, "%2F"])
def test_every_name_of_a_system_is_that_of_a_file(name: str, runtime: Path) -> None:
    with listen(name) as listening:
        assert listening.path.parent == runtime
        assert find_socket(name) == listening.path
        assert len(living()) == 1


def test_a_path_longer_than_a_socket_may_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailable, match="longer than a socket's path may be"):
        listen("shop", tmp_path / ("x" * 120))


def test_no_system_is_told_from_several(runtime: Path) -> None:
    with pytest.raises(ControlUnavailable, match="no system is running"):
        find_socket()
    with listen("a") as a, listen("b"):
        assert find_socket("a") == a.path
        with pytest.raises(ControlUnavailable, match="2 systems are running"):
            find_socket()


# -- what is said -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b"{}",
        b'{"do": "status", "more": 1}',
        b'{"do": "status", "version": 2}',
        b'{"do": "apply"}',
        b'{"do": "plan", "file": "a\\u0000b"}',
        b'{"do": "plan", "file": 5}',
        b"[" * 60_000,
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(BadRequest):
        request_of(line)


async def echo(request: Request, tell: Tell) -> object:
    await tell("on it")
    return {"file": request.file}


def served(
    path: Path, handle: Callable[[Request, Tell], Awaitable[Any]], *clients: Callable[[], object]
) -> list[object]:
    """What the clients return, each on a thread, while the socket is served."""

    async def main() -> list[object]:
        answers: list[object] = []

        async def one(client: Callable[[], object]) -> None:
            answers.append(await anyio.to_thread.run_sync(client))

        async with serving(listen("shop", path), handle), anyio.create_task_group() as group:
            for client in clients:
                group.start_soon(one, client)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        return answers

    answers = anyio.run(main)
    assert not path.exists()
    return answers


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(30)
    connection.connect(str(path))
    return connection


def test_a_request_gets_its_progress_and_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    heard: list[str] = []

    def client() -> object:
        return ask(path, Request("plan", file="/t.yaml"), on_progress=heard.append)

    assert served(path, echo, client) == [{"file": "/t.yaml"}]
    assert heard == ["on it"]


def test_clients_do_not_wait_for_one_another(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    both = asyncio.Event()
    here = 0

    async def together(request: Request, tell: Tell) -> object:
        nonlocal here
        here += 1
        if here == 10:
            both.set()
        await both.wait()
        return here

    clients = [lambda: ask(path, Request("status"))] * 10
    assert served(path, together, *clients) == [10] * 10


def test_bad_bytes_and_silent_clients_harm_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"

    def talk(data: bytes) -> Failure:
        with connected(path) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = answer_of(b"".join(iter(lambda: connection.recv(4096), b"")))
            assert isinstance(answer, Failure)
            return answer

    def client() -> object:
        with connected(path):  # says nothing while the others are answered
            assert talk(b"\x00\xff\n").kind == "request"
            assert talk(b"GET / HTTP/1.1\r\n\r\n").kind == "request"
            connected(path).close()
            return ask(path, Request("status"))

    assert served(path, echo, client) == [{"file": ""}]


def test_a_request_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"

    def client() -> object:
        with connected(path) as connection:
            try:
                connection.sendall(b"x" * LARGEST_REQUEST * 10)
                answer = connection.recv(4096)
            except OSError:  # cut while it was sending
                answer = b""
        return answer == b"" or b"at most" in answer

    assert served(path, echo, client) == [True]


def test_a_client_that_does_not_read_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "PATIENCE", 0.05)
    path = tmp_path / "x.sock"

    async def large(request: Request, tell: Tell) -> object:
        return "x" * 8_000_000

    def client() -> object:
        with connected(path) as connection:
            connection.sendall(b'{"do": "status"}\n')
            received = 0
            end = connection.recv(1, socket.MSG_PEEK)  # the answer has begun
            assert end
            monkeypatch.setattr(control_server, "PATIENCE", 30.0)
            ask(path, Request("status"))  # another is answered meanwhile
            hung_up = select.poll()
            hung_up.register(connection, select.POLLRDHUP)
            assert hung_up.poll(30_000)
            while piece := connection.recv(1 << 20):
                received += len(piece)
            return received < 8_000_000

    assert served(path, large, client) == [True]


def test_beyond_the_most_clients_one_is_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "MOST_CLIENTS", 1)
    path = tmp_path / "x.sock"
    inside = asyncio.Event()

    async def handle(request: Request, tell: Tell) -> object:
        await tell("in")
        await inside.wait()
        return "first"

    def second() -> None:
        with pytest.raises(ControlFailed, match="1 clients are being answered"):
            ask(path, Request("status"))
        loops[0].call_soon_threadsafe(inside.set)

    def client() -> object:
        return ask(path, Request("status"), on_progress=lambda text: second())

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with serving(listen("shop", path), handle):
            assert await anyio.to_thread.run_sync(client) == "first"

    loops: list[asyncio.AbstractEventLoop] = []
    anyio.run(main)


def test_a_handler_that_fails_is_told_and_the_next_is_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.sock"

    async def handle(request: Request, tell: Tell) -> object:
        if request.do == "tree":
            raise ZeroDivisionError("a bug")
        if request.do == "plan":
            raise RequestFailed(Failure("file", "bad", ["details"]))
        return "fine"

    def client() -> object:
        with pytest.raises(ControlFailed, match="ZeroDivisionError: a bug") as bug:
            ask(path, Request("tree"))
        assert bug.value.failure.kind == "internal"
        with pytest.raises(ControlFailed) as refused:
            ask(path, Request("plan", file="/x"))
        assert refused.value.failure == Failure("file", "bad", ["details"])
        return ask(path, Request("status"))

    assert served(path, handle, client) == ["fine"]
    assert "tree on the control socket failed" in caplog.text


def test_an_end_in_the_middle_of_a_request_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"

    async def main() -> None:
        async def handle(request: Request, tell: Tell) -> object:
            begun.set()
            await anyio.sleep_forever()
            return None

        def client() -> None:
            with pytest.raises(ControlUnavailable, match="ended before it answered"):
                ask(path, Request("status"))

        begun = anyio.Event()
        async with anyio.create_task_group() as group, serving(listen("shop", path), handle):
            group.start_soon(anyio.to_thread.run_sync, client)
            await begun.wait()

    anyio.run(main)
    with pytest.raises(ControlUnavailable, match="no system answers at"):
        ask(path, Request("status"))


def test_a_client_that_leaves_does_not_end_the_work(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"

    async def main() -> None:
        left, done = anyio.Event(), anyio.Event()

        async def handle(request: Request, tell: Tell) -> object:
            await left.wait()
            for _ in range(5):
                await tell("still at it")
            done.set()
            return None

        def client() -> None:
            with connected(path) as connection:
                connection.sendall(b'{"do": "apply", "file": "/x"}\n')

        async with serving(listen("shop", path), handle):
            await anyio.to_thread.run_sync(client)
            left.set()
            with anyio.fail_after(30):
                await done.wait()

    anyio.run(main)


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the other end is not known here")
def test_a_process_of_another_user_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert is_owner(ours)
        pid, uid, gid = struct.unpack(
            "3i", ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        assert (pid, uid, gid) == (os.getpid(), os.getuid(), os.getgid())
        monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
        assert not is_owner(ours)
