"""Acts: compiles components off the loop, once a digest, and keeps the code on disk.

Always:
  - the loop runs on while a component compiles: wasmtime lets go of the GIL;
  - who asks for a digest that is being compiled waits for the same result, and
    one who stops waiting does not stop it for the others;
  - nothing is compiled that is no component by its first bytes, and whatever
    is wrong with a file is one `ComponentInvalid`;
  - what is not trusted is compiled in a process of its own (`compile_outside.py`), if there is a
    compiler for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import platform
import stat
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import wasmtime

from airssys_wasm.components.engine.code_cache import CodeCache
from airssys_wasm.components.engine.code_limits import DEFAULT_CACHE
from airssys_wasm.components.engine.compile_outside import (
    CompileClosed,
    CompileFailed,
    OutsideCompiler,
    compile_problem,
)
from airssys_wasm.components.engine.component_binary import MAX_BINARY, problem_of
from airssys_wasm.components.engine.native_code import NativeCode
from airssys_wasm.components.engine.pooling import Needs, needs_of
from airssys_wasm.components.errors import ComponentInvalid

Result = TypeVar("Result")

# One compiles with all cores by itself; the second lets a small file pass a large one.
_THREADS = 2

HELD = 32  # components whose code is held in memory though nobody runs them


@dataclass(frozen=True, slots=True)
class Code:
    """A component in native code. `digest` is the SHA-256 of its binary, in hexadecimal.

    `needs` is what an instance is made of; None if that is not known.
    """

    component: NativeCode
    digest: str
    needs: Needs | None


class Compiler:
    """Makes native code for one wasmtime engine.

    `settings` names everything that the code depends on beside wasmtime's
    version and this machine's kind: engines with equal settings share files.
    `cache` is the directory for compiled code, None to keep none, `cache_size` what it may hold.
    `outside` compiles what is not trusted, for the same settings; None: it is compiled here, too.
    """

    def __init__(
        self,
        engine: wasmtime.Engine,
        *,
        settings: str,
        cache: Path | None,
        cache_size: int = DEFAULT_CACHE,
        outside: OutsideCompiler | None = None,
    ) -> None:
        self._engine = engine
        self._outside = outside
        built_for = f"{version('wasmtime')} {platform.system()} {platform.machine()} {settings}"
        self._built_for = hashlib.sha256(built_for.encode()).hexdigest()[:16]
        self._cache = None if cache is None else CodeCache(cache, size=cache_size)
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="airssys-compile")
        self._closed = False
        self._pending: dict[str, Future[Code]] = {}
        # Those asked for last, the latest at the end. They are held, and not by weak references:
        # a weak reference can still be followed while `__del__` frees the code on another thread.
        self._ready: OrderedDict[str, Code] = OrderedDict()

    async def compile(self, source: Path | bytes, *, trusted: bool = False) -> Code:
        """The component in native code: from memory, from disk, or compiled now.

        Who asks for a digest that is being compiled gets that result, however it is made. Raises
        ComponentInvalid for a file that is missing, can't be read, is no component, or takes more
        to compile than it may, and RuntimeError after `close`.
        """
        name = "<bytes>" if isinstance(source, bytes) else str(source)
        data, digest = await _result_of(self._executor.submit(_read, source, name))
        ready = self._ready.get(digest)
        if ready is not None:
            return self._held(ready)
        pending = self._pending.get(digest)
        if pending is None:
            pending = self._executor.submit(self._produce, data, digest, trusted)
            self._pending[digest] = pending
            pending.add_done_callback(lambda _: self._pending.pop(digest, None))
        try:
            return self._held(await _result_of(pending))
        # Each caller has its own name for the same bytes.
        except wasmtime.WasmtimeError as error:
            raise ComponentInvalid(name, [compile_problem(str(error))]) from None
        except CompileFailed as error:
            raise ComponentInvalid(name, [str(error)]) from None
        except CompileClosed:
            raise RuntimeError("the compiler is closed") from None

    def _held(self, code: Code) -> Code:
        """The code, which is there at once for who asks next; what was asked for first goes.

        On the loop, so that nothing is freed on the threads that compile.
        """
        if code.digest in self._ready:
            self._ready.move_to_end(code.digest)
        while len(self._ready) > HELD:
            self._ready.popitem(last=False)
        return code

    async def load_again(self, engine: wasmtime.Engine, code: Code) -> NativeCode | None:
        """The same code for another engine with equal settings; None if that can't hold it."""
        return await _result_of(self._executor.submit(self._load_again, engine, code))

    def close(self) -> None:
        """Take no more work. A compilation that has begun here ends by itself, one in a process of
        its own is ended."""
        self._closed = True
        self._ready.clear()
        self._executor.shutdown(wait=False)
        if self._outside is not None:
            self._outside.close()
        if self._cache is not None:
            self._cache.close()

    def _produce(self, data: bytes, digest: str, trusted: bool) -> Code:
        if self._closed:
            raise RuntimeError("the compiler is closed")
        key = f"{digest}-{self._built_for}"
        component = self._from_cache(key)
        if component is None and not trusted and self._outside is not None:
            native = self._outside.compile(data)
            self._store(key, native)
            # Better from the file: its pages are shared, and given back to the disk.
            component = self._from_cache(key) or NativeCode.from_bytes(self._engine, native)
        elif component is None:
            component = self._compile(data)
            self._store(key, component.serialize())
        code = Code(component, digest, needs_of(data))
        self._ready[digest] = code
        return code

    def _store(self, key: str, code: bytes | bytearray) -> None:
        if self._cache is not None:
            self._cache.store(key, code)

    def _from_cache(self, key: str) -> NativeCode | None:
        if self._cache is None:
            return None
        return self._cache.load(key, lambda path: NativeCode.from_code_file(self._engine, path))

    def _load_again(self, engine: wasmtime.Engine, code: Code) -> NativeCode | None:
        def load(path: str) -> NativeCode | None:
            with contextlib.suppress(wasmtime.WasmtimeError):
                return NativeCode.from_code_file(engine, path)
            return None

        key = f"{code.digest}-{self._built_for}"
        loaded = None if self._cache is None else self._cache.load(key, load)
        if loaded is not None:
            return loaded
        with contextlib.suppress(wasmtime.WasmtimeError), code.component.used():
            return NativeCode.from_bytes(engine, code.component.serialize())
        return None

    def _compile(self, data: bytes) -> NativeCode:
        return NativeCode(self._engine, data)


async def _result_of(future: Future[Result]) -> Result:
    """The result of what runs on a thread, which a caller that goes away does not cancel."""
    return await asyncio.shield(asyncio.wrap_future(future))


def _read(source: Path | bytes, name: str) -> tuple[bytes, str]:
    data = source if isinstance(source, bytes) else read_binary(source, name)
    problem = problem_of(data)
    if problem is not None:
        raise ComponentInvalid(name, [problem])
    return data, hashlib.sha256(data).hexdigest()


def read_binary(path: Path, name: str) -> bytes:
    """The bytes of a file, up to one more than a component may have; waits for no pipe.

    Raises ComponentInvalid, which names it `name`.
    """
    try:
        # Not to wait for the other end of a pipe; a regular file does not care.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, "")
            if not stat.S_ISREG(status.st_mode):
                raise ComponentInvalid(name, ["it is no regular file"])
            return file.read(min(status.st_size, MAX_BINARY) + 1)  # room for no more than it is
    except (OSError, ValueError) as error:
        raise ComponentInvalid(name, [_read_problem(error)]) from error


def _read_problem(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "it is a directory: name the .wasm file in it"
        case NotADirectoryError():
            return "there is no such file: a part of its path is no directory"
        case PermissionError():
            return "it can't be read: this user has no permission to"
        case OSError():
            return f"it can't be read: {error.strerror}"
        case _:
            return f"it is no path: {error}"
