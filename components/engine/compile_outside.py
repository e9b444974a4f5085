"""Acts: compiles components that are not trusted in processes of their own, and ends those.

What a compiler does with a binary that was made to break it (`compile_process.py`) is bounded in
memory and time, and can end that process and nothing else: the component is `CompileFailed`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from typing import IO

from airssys_wasm.components.engine import compile_process
from airssys_wasm.components.engine.code_limits import CompileLimits
from airssys_wasm.components.engine.compile_process import CODE, PROBLEM, CodeSettings, Order
from airssys_wasm.components.engine.guest_text import shown

# What Rust's allocator, Python's, and the system's loader say.
OUT_OF_MEMORY = re.compile(r"memory allocation|MemoryError|[Cc]annot allocate memory|out of memory")

_RECENT = 64 * 1024 * 1024  # bytes of code that are remembered
_CHUNK = 1 << 20
_MOST_SAID = 4096  # bytes that are kept of what a process says before it breaks off

# Beyond this, a process has nothing of its parent's environment, which may hold secrets.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


class CompileFailed(Exception):
    """A component that could not be compiled; the text says why."""


class CompileClosed(Exception):
    """The process was ended, since nobody wants its result any more."""


class _Recent:
    """What was compiled last in this process, by all engines: tests and simulations make many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._code: OrderedDict[object, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: object) -> bytes | None:
        with self._lock:
            code = self._code.get(key)
            if code is not None:
                self._code.move_to_end(key)
            return code

    def add(self, key: object, code: bytes) -> None:
        with self._lock:
            if key not in self._code and len(code) <= _RECENT:
                self._code[key] = code
                self._size += len(code)
            while self._size > _RECENT:
                self._size -= len(self._code.popitem(last=False)[1])


_recent = _Recent()


class OutsideCompiler:
    """Compiles in a new process each time. Several threads may use one."""

    def __init__(self, settings: CodeSettings, limits: CompileLimits) -> None:
        self._settings = settings
        self._limits = limits
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def compile(self, binary: bytes) -> bytes:
        """The code of a component, as `Component.serialize` gives it. Blocks.

        Raises CompileFailed for what is damaged, takes more than the limits, or breaks the
        compiler, and CompileClosed after `close`.
        """
        key = hashlib.sha256(binary).digest(), self._settings, self._limits
        code = _recent.get(key)
        if code is None:
            code = self._compile(binary)
            _recent.add(key, code)
        return code

    def _compile(self, binary: bytes) -> bytes:
        with tempfile.TemporaryFile() as file:
            file.write(binary)
            file.seek(0)
            process = self._start(file)
        try:
            answer, said = self._read(process)
            code = process.wait()
        finally:
            self._end(process)
        with self._lock:
            if self._closed:
                raise CompileClosed
        if code == 0 and answer[:1] == CODE:
            return bytes(memoryview(answer)[1:])
        if code == 0 and answer[:1] == PROBLEM:
            raise CompileFailed(compile_problem(answer[1:].decode("utf-8", "replace")))
        raise CompileFailed(self._broke_off(code, said))

    def close(self) -> None:
        """End the processes that run, and start no more."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.kill()

    def _start(self, file: IO[bytes]) -> subprocess.Popen[bytes]:
        limits = self._limits
        order = Order(self._settings, limits.memory, limits.time, tuple(sys.path))
        # Without the user's and the environment's settings, and without start files. The path of
        # the interpreter is relative if it was found so.
        python = os.path.abspath(sys.executable)
        command = [python, "-I", "-S", compile_process.__file__, order.text()]
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        with self._lock:
            if self._closed:
                raise CompileClosed
            try:
                process = subprocess.Popen(
                    command,
                    stdin=file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    cwd=os.sep,
                )
            except (OSError, ValueError) as error:
                raise CompileFailed(
                    f"no process can be started to compile it in: {error}; "
                    "one that is `trusted` is compiled here"
                ) from error
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with self._lock:
            self._running.discard(process)

    def _read(self, process: subprocess.Popen[bytes]) -> tuple[bytearray, bytearray]:
        """All that it answers, and the end of what it says; raises CompileFailed at a limit."""
        until = time.monotonic() + self._limits.time
        assert process.stdout is not None
        assert process.stderr is not None
        answer, said = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, answer)
            selector.register(process.stderr, selectors.EVENT_READ, said)
            while selector.get_map():
                left = until - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                if not ready and until <= time.monotonic():
                    raise CompileFailed(
                        f"compiling it took more than {self._limits.time:g} s, "
                        "the limit for components that are not trusted"
                    )
                for key, _ in ready:
                    chunk = os.read(key.fd, _CHUNK)
                    key.data.extend(chunk)
                    if not chunk:
                        selector.unregister(key.fileobj)
                if len(answer) > self._limits.memory:
                    raise CompileFailed("its code is larger than the memory to compile it in")
                del said[:-_MOST_SAID]
        return answer, said

    def _broke_off(self, code: int, said: bytearray) -> str:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        if any(OUT_OF_MEMORY.search(line) for line in lines):
            return (
                f"compiling it takes more than {self._limits.memory} bytes of memory, "
                "the limit for components that are not trusted"
            )
        text = f"its compilation broke off ({how})"
        return f"{text}: {shown(lines[-1])}" if lines else text


def compile_problem(text: str) -> str:
    """What wasmtime says of a binary that it does not take, as one line."""
    causes = [line.strip() for line in text.split("\n") if line.strip()]
    return f"it is damaged or uses what this engine does not know: {shown(': '.join(causes))}"
