"""Acts: where control sockets lie, who may open them, and which of them are alive.

A socket lies in a directory that only its owner may enter, unless a path is given. The directory is
locked while a socket in it is made, replaced or removed, so that two systems that start at once
cannot take each other's. A socket that nobody listens on is left over from a system that was killed
and is replaced.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

from airssys_wasm.application.errors import ControlUnavailable

FOLDER = "airssys-wasm"
SUFFIX = ".sock"
LONGEST_PATH = 100  # bytes: what every Unix takes (104 on macOS, 108 on Linux)
_LONGEST_NAME = 40
_BACKLOG = 64
_PROBE = 1.0  # seconds; a living system accepts at once, for the kernel does it


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket, and what is needed to remove it, and nothing else, from the disk.

    Leaving a `with` block closes it; so does `close`, any number of times.
    """

    socket: socket.socket
    path: Path
    identity: tuple[int, int]  # device and inode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and remove the socket from the disk, if it is still this one."""
        with suppress(OSError), _locked(self.path.parent):
            # Closed afterwards: while it is open, no other file can have its inode.
            if self.socket.fileno() >= 0 and _identity(self.path) == self.identity:
                self.path.unlink()
        self.socket.close()


def runtime_directory() -> Path:
    """The directory of the user's control sockets.

    `airssys-wasm` in `$XDG_RUNTIME_DIR`, if that is absolute, else `airssys-wasm-UID` in the
    directory for temporary files.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(base) and Path(base).is_dir():
        return Path(base) / FOLDER
    return Path(tempfile.gettempdir()) / f"{FOLDER}-{os.getuid()}"


def listen(name: str, path: Path | None = None) -> Listening:
    """A socket for the system `name`, in the runtime directory or at `path`.

    Where another system of the name runs, the file is called after the name and the process id.
    Raises ControlUnavailable: when a living system has `path`, or when the directory is not safe.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise ControlUnavailable("there are no Unix sockets on this system")
    try:
        if path is not None:
            return _listen_at([_absolute(path)])
        directory = runtime_directory()
        directory.mkdir(mode=0o700, parents=False, exist_ok=True)
        check_owned(directory)
        stem = _file_name(name)
        return _listen_at(
            [directory / f"{each}{SUFFIX}" for each in (stem, f"{stem}@{os.getpid()}")]
        )
    except OSError as error:
        raise ControlUnavailable(
            f"{path or 'no control socket'}: {error.strerror or error}"
        ) from error


def check_owned(directory: Path) -> None:
    """Raise ControlUnavailable unless the directory is ours alone."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ControlUnavailable(f"{directory} is not a directory")
    if status.st_uid != os.getuid():
        raise ControlUnavailable(f"{directory} belongs to another user")
    if status.st_mode & 0o077:
        raise ControlUnavailable(f"{directory} can be entered by others; it must have mode 0700")


def living(name: str | None = None) -> list[tuple[str, Path]]:
    """The systems of this user that answer, as (name, path) in the order of their names.

    With `name` only those that are called so. Raises ControlUnavailable for an unsafe directory.
    """
    directory = runtime_directory()
    if not directory.exists():
        return []
    check_owned(directory)
    found = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        own = unquote(path.name.removesuffix(SUFFIX).partition("@")[0])
        wanted = name is None or own == unquote(_file_name(name))
        if wanted and is_living(path):
            found.append((own, path))
    return found


def is_living(path: Path) -> bool:
    """Whether somebody listens on the socket at `path`.

    Raises OSError when that cannot be found out: it is no socket, or that of another user.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            return True  # it listens, and is late
        return True


def _listen_at(paths: list[Path]) -> Listening:
    for number, path in enumerate(paths):
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise ControlUnavailable(f"{path} is longer than a socket's path may be")
        with _locked(path.parent):
            if path.is_symlink() or (path.exists() and not path.is_socket()):
                raise ControlUnavailable(f"{path} is there already, and is no socket")
            if path.exists() and is_living(path):
                if number + 1 < len(paths):
                    continue
                raise ControlUnavailable(f"{path} is the control socket of a system that runs")
            path.unlink(missing_ok=True)
            return _bound(path)
    raise AssertionError("one of the paths was taken or refused")


def _bound(path: Path) -> Listening:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(OSError):  # where it works, the file has its mode from the beginning
            os.fchmod(made.fileno(), 0o600)
        made.bind(str(path))
        path.chmod(0o600)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    identity = _identity(path)
    assert identity is not None
    return Listening(made, path, identity)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of the directory; others wait for it, for as long as a bind takes."""
    import fcntl

    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks: the race is lived with
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF):
                raise
        yield
    finally:
        os.close(opened)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _file_name(name: str) -> str:
    """The name, so that it is a file's; a long one is cut, and told from others by its digest.

    >>> _file_name("shop"), _file_name("a/b@c")
    ('shop', 'a%2Fb%40c')
    """
    text = quote(name, safe="")
    if len(text) <= _LONGEST_NAME:
        return text
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{text[: _LONGEST_NAME - 9]}~{digest}"
