"""Acts: keeps compiled code on disk, and loads it only from files that nobody else could write.

All files together stay within a bound: those that were not used for longest are removed, and never
one that any process has loaded. Who loads a file keeps a shared lock (`flock`) on it until it lets
go of the code; who removes one has to get the exclusive lock.

Loading a file from here is running native code, so:
  - no part of the directory's path is a symbolic link; it is ours, and 0700;
  - a file is checked through the open descriptor that is then loaded: a
    regular file, ours, 0400, one link;
  - files are written under another name and renamed, never changed in place;
  - the digest at the end of a file only detects damage.

A file that fails any of this is reported, ignored and replaced. A directory
that can't be used is reported once, and everything works without it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import stat
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from airssys_wasm.components.engine.code_limits import DEFAULT_CACHE
from airssys_wasm.components.engine.guest_text import shown

Loaded = TypeVar("Loaded")

_log = logging.getLogger(__name__)

_SUFFIX = ".cwasm"
_UNFINISHED = ".tmp"
_ABANDONED = 3600.0  # seconds after which an unfinished file is what a dead process has left

_DIGEST_SIZE = hashlib.sha256().digest_size
_O_PATH: int = getattr(os, "O_PATH", os.O_RDONLY)  # parents may be passed through, not listed
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def default_directory() -> Path | None:
    """Where compiled code is kept unless told otherwise; None if the user has no home.

    `airssys-wasm` in `$XDG_CACHE_HOME`, if that is absolute, or in `~/.cache`.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "airssys-wasm"
    try:
        return Path.home() / ".cache" / "airssys-wasm"
    except RuntimeError:
        return None


class Refused(Exception):
    """A file or directory that must not be used; the text says why and what would be right."""


class CodeCache:
    """Compiled code by key, in `directory`, which is made when first used.

    `size` is what all files may take together, in bytes; one that is larger is not kept, and those
    in use may take more until they are not. The methods block on the disk: call them on a worker
    thread; they may be called on several at once, and several processes may share the directory.
    """

    def __init__(self, directory: Path, *, size: int = DEFAULT_CACHE) -> None:
        self.directory = directory
        self.size = size
        self._lock = threading.Lock()
        self._in_use: dict[int, int] = {}  # what keeps the lock of loaded code, by a number
        self._fd: int | None = None
        self._unusable = False

    def load(self, key: str, load_file: Callable[[str], Loaded]) -> Loaded | None:
        """What `load_file(path)` makes of the file kept under `key`; None if there is none.

        Also None if the file is refused or `load_file` raises; that is
        reported, and the next `store` replaces it. The file counts as used now, and is in use for
        as long as what is returned lives.
        """
        directory = self._directory()
        if directory is None:
            return None
        try:
            fd = os.open(_file_name(key), os.O_RDONLY | _FILE, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._report(key, f"it can't be opened: {error.strerror}")
            return None
        held = False
        try:
            if not _lock_file(fd, fcntl.LOCK_SH) or not os.fstat(fd).st_nlink:
                return None  # it is being removed
            _check_file(fd)
            with _loadable(fd) as path:
                loaded = load_file(path)
            with contextlib.suppress(OSError):
                os.utime(fd)
            held = self._hold(fd, loaded)
            return loaded
        except Exception as error:
            self._report(key, shown(str(error)))
            return None
        finally:
            if not held:
                os.close(fd)

    def store(self, key: str, code: bytes | bytearray) -> None:
        """Keep `code` under `key` from now on. A failure is reported once, not raised."""
        directory = self._directory()
        if directory is None:
            return
        if len(code) + _DIGEST_SIZE > self.size:
            _log.warning(
                "compiled code is not kept on disk: it has %d bytes, and all of %s may have %d",
                len(code),
                self.directory,
                self.size,
            )
            return
        temporary = f".{secrets.token_hex(8)}{_UNFINISHED}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE
        try:
            fd = os.open(temporary, flags, 0o400, dir_fd=directory)
            try:
                with os.fdopen(fd, "wb") as file:
                    os.fchmod(fd, 0o400)
                    file.write(code)
                    file.write(hashlib.sha256(code).digest())
                    file.flush()
                    os.fsync(fd)
                os.rename(temporary, _file_name(key), src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise
            _make_room(directory, self.size, _file_name(key))
        except OSError as error:
            self._give_up(f"it can't be written: {error.strerror}")

    def close(self) -> None:
        """Let go of the directory and of the files in use; what is called later finds nothing and
        stores nothing."""
        with self._lock:
            self._unusable = True
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
        for number in list(self._in_use):
            self._let_go(number)

    def _hold(self, fd: int, loaded: object) -> bool:
        """Keep the file's lock while `loaded` lives; False if that can't be known."""
        number = id(loaded)
        try:
            weakref.finalize(loaded, self._let_go, number).atexit = False
        except TypeError:
            return False
        self._in_use[number] = fd
        return True

    def _let_go(self, number: int) -> None:
        fd = self._in_use.pop(number, None)  # by whoever comes first: its end, or `close`
        if fd is not None:
            os.close(fd)

    def _directory(self) -> int | None:
        with self._lock:
            if self._fd is None and not self._unusable:
                try:
                    self._fd = _open_directory(self.directory)
                    _sweep(self._fd)
                except Refused as refused:
                    self._warn_unusable(str(refused))
                except (OSError, ValueError) as error:
                    self._warn_unusable(str(error))
            return self._fd

    def _give_up(self, why: str) -> None:
        with self._lock:
            if not self._unusable:
                self._warn_unusable(why)

    def _warn_unusable(self, why: str) -> None:
        self._unusable = True
        _log.warning(
            "compiled code is not kept on disk, so each start compiles again: %s: %s",
            self.directory,
            why,
        )

    def _report(self, key: str, why: str) -> None:
        _log.warning(
            "ignored and replaced a file of compiled code: %s: %s",
            self.directory / _file_name(key),
            why,
        )


def _file_name(key: str) -> str:
    return f"{key}{_SUFFIX}"


def _lock_file(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return kind == fcntl.LOCK_SH  # without locks a file can be used, and none is removed
    return True


def _make_room(directory: int, size: int, newest: str) -> None:
    """Remove what was not used for longest, until all files have `size` bytes or are in use."""
    files: list[tuple[float, int, str]] = []
    for name in os.listdir(directory):
        if name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                files.append((status.st_mtime, status.st_size, name))
    total = sum(bytes_ for _, bytes_, _ in files)
    for _, bytes_, name in sorted(files):
        if total <= size:
            return
        if name != newest and _remove_unused(directory, name):
            total -= bytes_


def _remove_unused(directory: int, name: str) -> bool:
    try:
        fd = os.open(name, os.O_RDONLY | _FILE, dir_fd=directory)
        try:
            if not _lock_file(fd, fcntl.LOCK_EX):
                return False
            os.unlink(name, dir_fd=directory)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True


def _open_directory(path: Path) -> int:
    """The descriptor of the directory, which is made if missing; no symbolic link is followed."""
    absolute = os.path.abspath(path)
    parts = [part for part in absolute.split(os.sep) if part]
    fd = os.open(os.sep, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for index, part in enumerate(parts):
            flags = (os.O_RDONLY if index == len(parts) - 1 else _O_PATH) | _DIRECTORY
            here = os.sep + os.path.join(*parts[: index + 1])
            inner = _open_part(part, flags, fd, here)
            os.close(fd)
            fd = inner
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            raise Refused(f"it belongs to user {status.st_uid}, not to {os.geteuid()}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise Refused(f"it is open to others (mode {mode:04o}): `chmod 700` it")
    except BaseException:
        os.close(fd)
        raise
    return fd


def _sweep(directory: int) -> None:
    """Remove what processes that were killed while they wrote have left behind."""
    for name in os.listdir(directory):
        if name.startswith(".") and name.endswith(_UNFINISHED):
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if time.time() - status.st_mtime > _ABANDONED:
                    os.unlink(name, dir_fd=directory)


def _open_part(part: str, flags: int, parent: int, here: str) -> int:
    try:
        try:
            return os.open(part, flags, dir_fd=parent)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.mkdir(part, 0o700, dir_fd=parent)
            return os.open(part, flags, dir_fd=parent)
    except NotADirectoryError:
        link = stat.S_ISLNK(os.stat(part, dir_fd=parent, follow_symlinks=False).st_mode)
        kind = "a symbolic link; name the directory it points to" if link else "no directory"
        raise Refused(f"{here} is {kind}") from None
    except OSError as error:
        raise Refused(f"{here}: {error.strerror}") from None


def _check_file(fd: int) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is no regular file")
    if status.st_uid != os.geteuid():
        raise Refused(f"it belongs to user {status.st_uid}, not to {os.geteuid()}")
    if stat.S_IMODE(status.st_mode) != 0o400:
        raise Refused(f"its mode is {stat.S_IMODE(status.st_mode):04o}, not 0400")
    if status.st_nlink != 1:
        raise Refused(f"it has {status.st_nlink} names")
    size = status.st_size - _DIGEST_SIZE
    if size <= 0 or _digest(fd, size) != os.pread(fd, _DIGEST_SIZE, size):
        raise Refused("it is damaged")


def _digest(fd: int, size: int) -> bytes:
    digest = hashlib.sha256()
    offset = 0
    while offset < size:
        chunk = os.pread(fd, min(size - offset, 1 << 20), offset)
        if not chunk:
            break
        digest.update(chunk)
        offset += len(chunk)
    return digest.digest()


@contextlib.contextmanager
def _loadable(fd: int) -> Iterator[str]:
    """A path that opens the very file that was checked."""
    yield f"/proc/self/fd/{fd}" if sys.platform == "linux" else f"/dev/fd/{fd}"
