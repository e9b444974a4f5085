"""A nats-server for tests: on a free port, of loopback by default, with a folder for its files."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

SERVER = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")
START_TIME = 10.0  # seconds for the server to listen
MISSING = "nats-server is not installed (Debian: apt install nats-server)"


class NatsServer:
    """One server, which can be killed and started anew on the same port with the same files."""

    def __init__(
        self,
        directory: Path,
        host: str = "127.0.0.1",
        options: Sequence[str] = (),
        *,
        jetstream: bool = True,
    ) -> None:
        self._jetstream = ["-js", "-sd", str(directory)] if jetstream else []
        self._options = options
        self._host = host
        with socket.socket() as free:
            free.bind((host, 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://{self._host}:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        assert SERVER is not None, MISSING
        options = ["-a", self._host, "-p", str(self.port), *self._jetstream, *self._options]
        self._process = subprocess.Popen(
            [SERVER, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_TIME
        while True:
            try:
                with socket.create_connection((self._host, self.port), timeout=1) as connection:
                    if connection.recv(4) == b"INFO":
                        return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.kill()
                    raise RuntimeError("nats-server does not start") from None
            time.sleep(0.02)

    def kill(self) -> None:
        """At once, as by `kill -9`."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """In order."""
        self._signal(signal.SIGTERM)

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(which)
            self._process.wait(timeout=10)
            self._process = None
