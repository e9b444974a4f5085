"""Acts: the interfaces of WASI 0.2 that toolchains leave in components.

    clocks            those of the platform, with a grant of `time`
    random            that of the platform, with a grant of `random`
    stdout, stderr    the log, a record a line: `info` and `warn`
    stdin             is at its end
    environment       that of the component: `env`; no arguments, no directory
    exit              the end of the incarnation
    filesystem        no directory is there
    sockets           `access-denied`

So a simulation controls what a guest can know of time and chance. WASI has no error for a clock
that is not granted: such a call ends the incarnation, with what to add as the reason. A seed for
hash tables (`insecure-seed`) is asked for by toolchains when a component begins, whether it needs
it or not; without a grant it is always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from airssys_wasm.components.engine.host_calls import DROPPED
from airssys_wasm.components.engine.traps import Trap
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.engine.wasi import unreachable
from airssys_wasm.components.errors import GuestTrap
from airssys_wasm.components.host.functions import Functions, interface_name
from airssys_wasm.components.host.streams import LineWriter
from airssys_wasm.components.message import NANO, wit_timestamp

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.security.capability import Action

# Our numbers of resources. Those of waits are given as they begin, and never twice.
STDIN, STDOUT, STDERR, NETWORK, READY, FIRST_WAIT = range(1, 7)

MAX_WAITS = 1_000  # pollables that one incarnation has not dropped yet
MAX_RANDOM = 2**20  # bytes in one call
WRITABLE = 65_536  # bytes at once, as others have it
TICK = 1_000  # nanoseconds: what is promised of the clocks

CLOSED = Err(Variant("closed"))
DONE = Ok()


class Wasi:
    """WASI for one incarnation; `log` gets a level and a text."""

    __slots__ = ("_caller", "_env", "_lines", "_log", "_next", "_waits")

    def __init__(
        self, caller: Caller, env: Mapping[str, str], log: Callable[[str, str], None]
    ) -> None:
        self._caller = caller
        self._env = env
        self._log = log
        self._lines: dict[int, LineWriter] = {}
        self._waits: dict[int, float] = {}  # until when, by the clock of the platform
        self._next = FIRST_WAIT

    def interfaces(self) -> dict[str, Functions]:
        """The functions by their names in WIT, by interface."""
        denied: dict[str, dict[str, Callable[..., object]]] = {
            interface_name(interface): {
                name: partial(_unreachable, interface, name) for name in names
            }
            for interface, names in unreachable().items()
        }
        served = {**self._io(), **self._cli(), **self._clocks(), **self._random(), **self._rest()}
        return {
            interface: {**denied.get(interface, {}), **served.get(interface, {})}
            for interface in {**denied, **served}
        }

    def close(self) -> None:
        """The incarnation has ended: lines without an end are written, too."""
        for lines in self._lines.values():
            lines.end()

    # --- streams and waits

    def _io(self) -> dict[str, Functions]:
        method = "[method]output-stream.{}".format
        return {
            DROPPED[0]: {DROPPED[1]: self._dropped},
            "wasi:io/error": {"[method]error.to-debug-string": lambda _: "closed"},
            "wasi:io/poll": {
                "[method]pollable.ready": self._is_ready,
                "[method]pollable.block": self._block,
                "poll": self._poll,
            },
            "wasi:io/streams": {
                **{
                    f"[method]input-stream.{name}": lambda _stream, _count: CLOSED
                    for name in ("read", "blocking-read", "skip", "blocking-skip")
                },
                "[method]input-stream.subscribe": lambda _: READY,
                method("check-write"): lambda _: Ok(WRITABLE),
                method("write"): self._write,
                method("blocking-write-and-flush"): self._write,
                method("flush"): lambda _: DONE,
                method("blocking-flush"): lambda _: DONE,
                method("subscribe"): lambda _: READY,
                method("write-zeroes"): lambda _stream, _count: DONE,
                method("blocking-write-zeroes-and-flush"): lambda _stream, _count: DONE,
                method("splice"): lambda _stream, _source, _count: CLOSED,
                method("blocking-splice"): lambda _stream, _source, _count: CLOSED,
            },
        }

    def _write(self, stream: int, contents: bytes) -> Ok:
        lines = self._lines.get(stream)
        if lines is None:
            level = "info" if stream == STDOUT else "warn"
            lines = self._lines[stream] = LineWriter(partial(self._log, level))
        lines.write(contents)
        return DONE

    def _dropped(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._waits.pop(number, None)

    def _wait_until(self, when: float) -> int:
        if len(self._waits) >= MAX_WAITS:
            raise _end(f"more than {MAX_WAITS:,} pollables that it has not dropped")
        number, self._next = self._next, self._next + 1
        self._waits[number] = when
        return number

    def _is_ready(self, pollable: int) -> bool:
        return self._waits.get(pollable, 0.0) <= self._caller.kernel.platform.now()

    async def _block(self, pollable: int) -> None:
        await self._caller.sleep_until(self._waits.get(pollable, 0.0))

    async def _poll(self, pollables: Sequence[int]) -> list[int]:
        if not pollables:
            raise _end("poll() of nothing would never return")
        await self._caller.sleep_until(min(self._waits.get(number, 0.0) for number in pollables))
        return [place for place, number in enumerate(pollables) if self._is_ready(number)]

    # --- clocks and chance

    def _clocks(self) -> dict[str, Functions]:
        platform = self._caller.kernel.platform
        monotonic, wall = "wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock"

        def subscribe_instant(when: int) -> int:
            self._need("time", monotonic)
            return self._wait_until(when / NANO)

        def subscribe_duration(duration: int) -> int:
            self._need("time", monotonic)
            return self._wait_until(platform.now() + duration / NANO)

        def now() -> int:
            self._need("time", monotonic)
            return int(platform.now() * NANO)

        def wall_now() -> tuple[int, int]:
            self._need("time", wall)
            return wit_timestamp(platform.timestamp())

        return {
            monotonic: {
                "now": now,
                "resolution": lambda: TICK,
                "subscribe-instant": subscribe_instant,
                "subscribe-duration": subscribe_duration,
            },
            wall: {"now": wall_now, "resolution": lambda: (0, TICK)},
        }

    def _random(self) -> dict[str, Functions]:
        def some(interface: str, count: int) -> bytes:
            self._need("random", interface)
            if count > MAX_RANDOM:
                raise _end(f"asked for {count:,} random bytes at once, more than {MAX_RANDOM:,}")
            return self._caller.kernel.platform.random_bytes(count)

        def number(interface: str) -> int:
            return int.from_bytes(some(interface, 8), "little")

        def seed() -> tuple[int, int]:
            interface = "wasi:random/insecure-seed"
            if not self._caller.gate.grants("random", interface):
                return 0, 0
            return number(interface), number(interface)

        secure, insecure = "wasi:random/random", "wasi:random/insecure"
        return {
            secure: {
                "get-random-bytes": partial(some, secure),
                "get-random-u64": partial(number, secure),
            },
            insecure: {
                "get-insecure-random-bytes": partial(some, insecure),
                "get-insecure-random-u64": partial(number, insecure),
            },
            "wasi:random/insecure-seed": {"insecure-seed": seed},
        }

    def _need(self, action: Action, interface: str) -> None:
        """Raises GuestTrap without the grant."""
        refusal = self._caller.gate.refusal(interface, action, interface)
        if refusal is not None:
            raise _end(refusal.text)

    # --- the rest

    def _cli(self) -> dict[str, Functions]:
        return {
            "wasi:cli/environment": {
                "get-environment": lambda: list(self._env.items()),
                "get-arguments": lambda: [],
                "initial-cwd": lambda: None,
            },
            "wasi:cli/exit": {"exit": _exit, "exit-with-code": _exit_with_code},
            "wasi:cli/stdin": {"get-stdin": lambda: STDIN},
            "wasi:cli/stdout": {"get-stdout": lambda: STDOUT},
            "wasi:cli/stderr": {"get-stderr": lambda: STDERR},
            "wasi:cli/terminal-stdin": {"get-terminal-stdin": lambda: None},
            "wasi:cli/terminal-stdout": {"get-terminal-stdout": lambda: None},
            "wasi:cli/terminal-stderr": {"get-terminal-stderr": lambda: None},
        }

    def _rest(self) -> dict[str, Functions]:
        def denied(interface: str, *_: object) -> Err:
            self._caller.gate.deny(interface, "files and sockets are not served")
            return Err("access-denied")

        sockets = "wasi:sockets/"
        made = {
            f"{sockets}{interface}": {function: partial(denied, f"{sockets}{interface}")}
            for interface, function in (
                ("tcp-create-socket", "create-tcp-socket"),
                ("udp-create-socket", "create-udp-socket"),
                ("ip-name-lookup", "resolve-addresses"),
            )
        }
        return {
            **made,
            "wasi:sockets/instance-network": {"instance-network": lambda: NETWORK},
            "wasi:filesystem/preopens": {"get-directories": lambda: []},
            "wasi:filesystem/types": {"filesystem-error-code": lambda _: None},
        }


def _end(why: str) -> GuestTrap:
    return GuestTrap(Trap("other", why))


def _exit(status: Ok | Err) -> NoReturn:
    how = "as done" if isinstance(status, Ok) else "as failed"
    raise _end(f"the guest has ended itself {how} (wasi:cli/exit)")


def _exit_with_code(code: int) -> NoReturn:
    raise _end(f"the guest has ended itself with code {code} (wasi:cli/exit)")


def _unreachable(interface: str, function: str, *_: object) -> NoReturn:
    raise _end(f"{interface}#{function} is not served: there are no files and no sockets")
