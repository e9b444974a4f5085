"""Runs components that nobody would build: `python -m tests.fuzz_components --count 10000`.

Whatever the input, the process may not die, hang or keep anything: a component is refused with
ComponentInvalid, or runs, and every end has a reason. Half of the inputs run on the fast path and
half on the slow one; half of those that fit the world meet the real host functions as actors, the
others a host that answers wrongly, raises, or ends them in the middle of a call. One in 32 is
compiled in a process of its own, as what is not trusted is; the others are compiled here, which is
quicker by far, and harder on this process.

A child process takes some thousand inputs, one after the other. A timer kills it when one takes too
long, and when it ends its memory, files, mappings and threads are counted. A process that died is
replaced by another, which goes on with the next input. `--only NUMBER` runs one input again, and
`--keep FOLDER` keeps the first small input of every outcome: the corpus of the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import logging
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, assert_never, get_args

import wasmtime

from airssys_wasm.application import ActorSystem
from airssys_wasm.components import (
    Capabilities,
    Component,
    MessagingGrant,
    PayloadError,
    StorageGrant,
)
from airssys_wasm.components.engine.engine import (
    Compiled,
    ComponentInstance,
    Engine,
    EngineSettings,
)
from airssys_wasm.components.engine.heap import give_back
from airssys_wasm.components.engine.host_calls import DROPPED
from airssys_wasm.components.engine.limits import MIB, Limits
from airssys_wasm.components.engine.runtime_host import LIFECYCLE, host_world, runtime_host
from airssys_wasm.components.engine.traps import Limit, LimitKind, Trap, TrapKind
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FlagsType,
    ForeignType,
    ListType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
)
from airssys_wasm.components.errors import ComponentInvalid, GuestTrap, InstanceClosed
from airssys_wasm.components.host.requests import Callback
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.message import ComponentMessage, MessageMetadata
from airssys_wasm.components.questions import (
    HealthCheck,
    MetadataRequest,
    StatisticsRequest,
)
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import Actor, ActorRef
from airssys_wasm.kernel.posting import deliver_to_self
from airssys_wasm.kernel.reasons import Error
from tests.component_inputs import Input, made

_OPTIONAL = {
    name: function
    for functions in runtime_host().optional.values()
    for name, function in functions.items()
}
_FUNCTIONS = {**runtime_host().exports[LIFECYCLE], **_OPTIONAL}

EnginePath = Literal["fast", "slow"]
PATHS: tuple[EnginePath, ...] = ("fast", "slow")

DATA = 3 * 2**30  # bytes that the process may write to; more is a leak or a bomb
SECONDS = 60.0  # for one input; the largest take two
EACH = 4_000  # inputs of one process
ROOM = 160 * MIB  # resident memory may be so much more at the end than after WARM inputs
WARM = 300
DIED = "died"  # how an input is told that ended the process
SMALL = 12_000  # bytes of an input that is kept
OUTSIDE = 32  # one of so many is compiled in a process of its own

# What an actor may end with, when its reason is an error: anything else is a fault of ours.
REFUSALS = ("ComponentInvalid", "ComponentError", "UngrantedImports", "NamespaceConflict")


@dataclass(slots=True)
class Tally:
    """What was seen so far."""

    done: int = 0
    ran: int = 0  # of them, those that fit the world and were run
    slowest: float = 0.0
    slowest_number: int = -1
    memory: int = 0  # bytes, the most that a process had resident
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)


def fuzz(
    count: int, seed: int, *, start: int = 0, each: int = EACH, keep: Path | None = None
) -> Tally:
    """Run the inputs `start` to `count`; a process that dies is replaced by another."""
    tally = Tally()
    root = Path(__file__).parent.parent
    while start < count:
        until = min(start + each, count)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.fuzz_components", "--child", folder]
            command += ["--count", str(until), "--seed", str(seed), "--start", str(start)]
            command += [] if keep is None else ["--keep", str(keep)]
            child = subprocess.run(
                command, cwd=root, capture_output=True, text=True, preexec_fn=_bound, check=False
            )
            if child.returncode == 0:
                _add(tally, json.loads(child.stdout.splitlines()[-1]))
                start = until
                continue
            progress = Path(folder) / "progress"
            number = int(progress.read_text()) if progress.exists() else start
            how = f"{DIED} with {child.returncode}: {child.stderr[-2_000:]}"
            tally.failures.append((number, how))
            tally.done += number - start + 1
            start = number + 1
    return tally


def _bound() -> None:
    # Not the address space: each memory of a guest reserves gigabytes of it.
    resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _add(tally: Tally, found: dict[str, Any]) -> None:
    tally.done += found["done"]
    tally.ran += found["ran"]
    tally.memory = max(tally.memory, found["memory"])
    tally.outcomes.update(found["outcomes"])
    tally.failures += [(number, how) for number, how in found["failures"]]
    if found["slowest"] > tally.slowest:
        tally.slowest, tally.slowest_number = found["slowest"], found["slowest_number"]


# --- the process


def child(folder: Path, seed: int, start: int, count: int, keep: Path | None = None) -> Tally:
    """Run inputs in this process, one after the other; the timer kills it."""
    tally = Tally()
    logging.disable(logging.CRITICAL)
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        with _fast_compiling():
            asyncio.run(_all(tally, folder, seed, start, count, keep))
    finally:  # in a test the process goes on
        signal.signal(signal.SIGALRM, handler)
        logging.disable(logging.NOTSET)
    return tally


async def _all(
    tally: Tally, folder: Path, seed: int, start: int, count: int, keep: Path | None
) -> None:
    progress = os.open(folder / "progress", os.O_CREAT | os.O_WRONLY)
    engines = {path: Engine(EngineSettings(path=path)) for path in PATHS}
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: tally.failures.append((number, f"left behind: {context}"))
    )
    before: Held | None = None
    number = start
    async with ActorSystem("fuzz") as system:
        system.spawn(Peer, name="peer")
        stages = {path: Stage(engines[path], system) for path in PATHS}
        for number in range(start, count):
            os.pwrite(progress, b"%-12d" % number, 0)
            began = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                data = made(seed, number)
                trusted = number // len(PATHS) % OUTSIDE != 0
                outcome = await stages[PATHS[number % len(PATHS)]].run(data, trusted=trusted)
                if outcome not in tally.outcomes and keep is not None:
                    _keep(keep, data.binary)
                tally.outcomes[outcome] += 1
                tally.ran += not outcome.startswith("invalid")
            except Exception:
                tally.failures.append((number, traceback.format_exc(limit=-8)))
            took = time.monotonic() - began
            tally.done += 1
            if took > tally.slowest:
                tally.slowest, tally.slowest_number = took, number
            if number == start + WARM:
                before = await held(engines.values(), system)
    after = await held(engines.values(), system)
    for _ in range(30):  # a thread that ends lets go of what it had a moment later
        if before is None or not after.beyond(before):
            break
        await asyncio.sleep(0.1)
        after = await held(engines.values(), system)
    if before is not None and (leak := after.beyond(before)):
        tally.failures.append((number, f"leaked: {leak}; open are {open_files()}"))
    signal.setitimer(signal.ITIMER_REAL, 0)
    for engine in engines.values():
        engine.close()
    os.close(progress)
    tally.memory = after.peak


def _keep(folder: Path, binary: bytes) -> None:
    if len(binary) <= SMALL:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{hashlib.sha256(binary).hexdigest()[:12]}.wasm").write_bytes(binary)


class _fast_compiling:
    """Inside of it engines compile quickly rather than well. What the code does is the same."""

    def __enter__(self) -> None:
        self._config = wasmtime.Config

        def quick() -> wasmtime.Config:
            config = self._config()
            config.cranelift_opt_level = "none"
            config.parallel_compilation = False
            return config

        wasmtime.Config = quick  # type: ignore[assignment,misc]

    def __exit__(self, *_: object) -> None:
        wasmtime.Config = self._config  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds, when nothing runs."""

    memories: int
    files: int
    maps: int
    threads: int
    resident: int
    peak: int

    def beyond(self, before: Held) -> str:
        """What is more than it was; "" if nothing."""
        found = []
        if self.memories:
            found.append(f"{self.memories} linear memories")
        if self.files > before.files:
            found.append(f"{self.files - before.files} files")
        if self.maps > before.maps + 200:  # the allocator's own come and go
            found.append(f"{self.maps - before.maps} mappings")
        if self.threads > before.threads + 34:  # of the slow path, started when needed
            found.append(f"{self.threads - before.threads} threads")
        if self.resident > before.resident + ROOM:
            found.append(f"{(self.resident - before.resident) >> 20} MiB")
        return ", ".join(found)


async def held(engines: Any, system: ActorSystem) -> Held:
    """Waits for the threads of the slow path to leave their guests, then counts.

    The latest dead letters are let go of: the reasons in them hold tracebacks, and those the code
    of guests.
    """
    system.dead_letters._recent.clear()
    accounts = [engine._runner._memories for engine in engines]
    for _ in range(300):
        gc.collect()
        if not any(map(len, accounts)):
            break
        await asyncio.sleep(0.01)
    give_back()  # what the allocator keeps for the next one is no leak
    return counted(sum(map(len, accounts)))


def counted(memories: int) -> Held:
    """What this process holds now, as the system tells."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident, peak = (
        int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) * 1024 for name in ("VmRSS", "VmHWM")
    )
    return Held(
        memories,
        len(os.listdir("/proc/self/fd")),
        Path("/proc/self/maps").read_bytes().count(b"\n"),
        threading.active_count(),
        resident,
        peak,
    )


def open_files() -> list[str]:
    """What this process has open, by name."""
    names = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return sorted(names)


# --- one input


class Peer(Actor[Any]):
    """Whom guests can send to: answers, raises, answers what no codec can say, or never."""

    def receive(self, message: Any) -> object:
        match len(getattr(message, "payload", b"")) % 5:
            case 0:
                return b"answer"
            case 1:
                return object()
            case 2:
                return b"x" * 200_000
            case 3:
                self.context.defer_reply()
                return None
            case _:
                return message


class Stage:
    """Where inputs run: one engine, and a system for those that are actors."""

    def __init__(self, engine: Engine, system: ActorSystem) -> None:
        self._engine = engine
        self._system = system
        self._services = ComponentServices(engine)

    async def run(self, data: Input, *, trusted: bool) -> str:
        """Load and run it. Returns what became of it; raises for what may not be."""
        try:
            compiled = await self._engine.load(data.binary, trusted=trusted)
        except ComponentInvalid as error:
            return _refusal(error)
        if data.chance.random() < 0.5:
            return await self._as_actor(data, trusted=trusted)
        return await self._alone(compiled, data.chance)

    # --- without a kernel, and with a host that can't be trusted

    async def _alone(self, compiled: Compiled, chance: random.Random) -> str:
        host = HostileHost(chance)
        starting = asyncio.ensure_future(
            self._engine.instantiate(
                compiled, limits=_limits(chance), host=host, clock=time.monotonic
            )
        )
        host.task = starting
        instance: ComponentInstance | None = None
        outcome = "began"
        try:
            instance = host.instance = await starting
            for _ in range(chance.choice((1, 1, 2, 4))):
                outcome = await self._call(instance, compiled, host, chance)
                if not instance.is_alive:
                    break
        except (Exception, asyncio.CancelledError) as error:
            outcome = host.excuse(error)
        finally:
            if instance is not None:
                instance.close()
                assert not instance.is_alive
                try:
                    await instance.call("health")
                except InstanceClosed:
                    pass
                else:
                    raise AssertionError("a closed instance was called")
        return outcome

    async def _call(
        self,
        instance: ComponentInstance,
        compiled: Compiled,
        host: HostileHost,
        chance: random.Random,
    ) -> str:
        function = chance.choice(
            ("handle-message", "handle-message", "initialize", "handle-callback", "metadata",
             "health", "shutdown", *[name for name in _OPTIONAL if name in compiled.optional] * 4)
        )  # fmt: skip
        types = _FUNCTIONS[function].params
        given = tuple(_value(type_, chance) for type_ in types)
        unfit = chance.random() < 0.05
        if unfit:
            odd = (None, "text", b"", -1, 1 << 64, ("\udc80", "", ""), [object()], 1.5)
            given = (*given[1:], chance.choice(odd))
        task = asyncio.ensure_future(instance.call(function, *given))
        host.task = task
        if chance.random() < 0.15:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            host.ended = True
            if chance.random() < 0.5:
                instance.close()
            else:
                task.cancel()
        try:
            await task
        except (TypeError, ValueError) as error:
            if unfit:
                return f"refused: {type(error).__name__}"
            return host.excuse(error)
        except (Exception, asyncio.CancelledError) as error:
            return host.excuse(error)
        return f"{function} returned"

    # --- as an actor, with the real host

    async def _as_actor(self, data: Input, *, trusted: bool) -> str:
        chance = data.chance
        component = Component(
            data.binary,
            services=self._services,
            limits=_limits(chance),
            codec=chance.choice(("raw", "raw", "json", "msgpack")),
            config=chance.choice((None, {}, {"a": ["é", 1, None]})),
            capabilities=chance.choice((Capabilities(), _GRANTED, _GRANTED)),
            strict_imports=chance.random() < 0.05,
            trusted=trusted,
        )
        name = chance.choice((None, "guest", "guest", "shop/guest/1"))
        ref = self._system.spawn(component, name=name)
        asked: list[Awaitable[object]] = []
        for _ in range(chance.choice((0, 1, 2, 5))):
            self._tell(ref, chance, asked)
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        await asyncio.gather(*asked, return_exceptions=True)
        match chance.randrange(8):
            case 0:
                ref.kill()
            case 1:
                ref.exit("shutdown")
            case 2:  # in the middle of `shutdown`, if it calls the host there
                ref.stop()
                await asyncio.sleep(0)
                ref.kill()
            case _:
                ref.stop()
        async with asyncio.timeout(SECONDS / 2):
            reason = await ref.wait()
        self._services._kept.clear()
        self._services._loading.clear()
        return f"ended: {_end(reason)}"

    def _tell(self, ref: ActorRef[Any], chance: random.Random, asked: list[Any]) -> None:
        content: object = chance.choice(
            (
                b"",
                b"payload",
                bytes((chance.choice(b"nwrbsoeipkdDtfvx"),)),  # what `guests/wasi.py` does
                b"\xff\xfe",
                "text",
                "\udc80",
                {"a": 1},
                object(),
                b"x" * 70_000,
                ComponentMessage(ComponentId("topic", "x", ""), b"m", MessageMetadata("\udc80")),
                ComponentMessage(ComponentId("", "peer", ""), b"m" * 300),
            )
        )
        match chance.randrange(8):
            case 0:
                unknown = ComponentMessage(ComponentId("", "peer", ""), b"late")
                deliver_to_self(ref, Callback("unknown", unknown))
            case 1:
                deliver_to_self(ref, content)
            case 2:
                question = chance.choice((HealthCheck, MetadataRequest, StatisticsRequest))
                asked.append(ref.request(question(), timeout=1.0))
            case 3 | 4:
                asked.append(ref.request(content, timeout=1.0))
            case _:
                with suppress(PayloadError):  # of what was made here and fits no component
                    ref.send(content)


_EVERYBODY = ("*", "*/*/*")
_GRANTED = Capabilities(
    MessagingGrant(
        send=_EVERYBODY, request=_EVERYBODY, spawn=_EVERYBODY, publish=(">",), subscribe=(">",)
    ),
    StorageGrant("read-write", 20_000),
    time=True,
    random=True,
)


class HostFault(Exception):
    """What a host function of the fuzzer raises."""


class HostileHost:
    """Answers rightly, late, wrongly or never; ends its guest in the middle of a call."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._faulty = chance.random() < 0.3
        self.instance: ComponentInstance | None = None
        self.task: asyncio.Future[Any] | None = None
        self.ended = False  # it was closed or cancelled by us
        self.wrong = False  # an answer did not fit

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        if (interface, function) == DROPPED:
            return None
        type_ = host_world().imports[interface][function].result
        answer = None if type_ is None else _value(type_, self._chance)
        if interface.startswith("wasi:"):  # a handle can be in few places
            self.wrong = True
        if not self._faulty:
            return answer if self._chance.random() < 0.7 else self._later(answer)
        match self._chance.randrange(12):
            case 0:
                raise HostFault
            case 1:
                self.wrong = True
                return self._chance.choice((object(), "x", Ok(1), Err(None), -1, b"", [1], ()))
            case 2:
                self.ended = True
                if self.instance is not None:
                    self.instance.close()
                return answer
            case 3:
                self.ended = True
                assert self.task is not None
                self.task.cancel()
                return self._later(answer)
            case 4:
                return asyncio.get_running_loop().create_future()
            case 5:
                raise SystemError("wasm trap: interrupt")
            case _:
                return answer if self._chance.random() < 0.7 else self._later(answer)

    async def _later(self, answer: object) -> object:
        for _ in range(self._chance.randrange(3)):
            await asyncio.sleep(0)
        return answer

    def excuse(self, error: BaseException) -> str:
        """How a call ended that had to end so; raises what had not."""
        match error:
            case GuestTrap():
                return _end(error.reason)
            case HostFault() | SystemError():
                return f"host raised {type(error).__name__}"
            case InstanceClosed() | asyncio.CancelledError() if self.ended:
                return f"host ended it: {type(error).__name__}"
            case TypeError() | ValueError() if self.wrong:
                return "host answered wrongly"
        raise error


def _refusal(error: ComponentInvalid) -> str:
    assert error.problems
    text = str(error)
    assert all(c.isprintable() or c == "\n" for c in text), "a control character"
    return f"invalid: {_shape(error.problems[0])}"


def _end(reason: object) -> str:
    assert "\n" not in str(reason) or isinstance(reason, Error), reason
    match reason:
        case Trap():
            assert reason.kind in get_args(TrapKind)
            return f"trap: {reason.kind}" + (
                f": {_shape(reason.message)}" if reason.kind == "other" else ""
            )
        case Limit():
            assert reason.kind in get_args(LimitKind)
            return f"limit: {reason.kind}"
        case Error(type=name) if name in REFUSALS:
            return name
        case str() if reason in ("normal", "shutdown", "killed"):
            return reason
    raise AssertionError(f"ended with {reason!r}") from getattr(reason, "exception", None)


def _limits(chance: random.Random) -> Limits:
    if chance.random() < 0.01:  # ended by the clock
        return Limits(call=0.02, host_call=0.05, memory=4 * MIB)
    return Limits(
        memory=chance.choice((65536, 1 * MIB, 4 * MIB, 300 * MIB)),
        fuel=chance.choice((1_000, 50_000, 300_000)),
        call=2.0,
        host_call=0.05,
        call_total=chance.choice((None, 0.2)),
        payload=chance.choice((10, 1000, 65536)),
        instances=chance.choice((None, None, None, None, 4, 100)),
        tables=chance.choice((None, None, None, None, 1, 50)),
    )


def _shape(text: str) -> str:
    """The text without what differs from one input to the next."""
    text = text.partition("\n")[0]
    text = re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"", "…", text)
    return re.sub(r"0x[0-9a-f]+|\d+", "0", text)[:90]


_TEXTS = ("", "a", "peer", "shop/guest/1", "é😀", "\0", "x" * 300, "\n\x1b[2J", "airssys", "k/1")


def _value(type_: Type, chance: random.Random) -> object:
    """A value that fits."""
    match type_:
        case Primitive("bool"):
            return chance.random() < 0.5
        case Primitive("string"):
            return chance.choice(_TEXTS)
        case Primitive(name):
            return chance.choice((0, 1, 7, 100)) if name == "u32" else chance.choice((0, 1 << 63))
        case ListType() if type_ == BYTES:
            return bytes(chance.choice((0, 1, 7, 300, 3000)))
        case ListType(element):
            return [_value(element, chance) for _ in range(chance.choice((0, 1, 3, 40)))]
        case OptionType(payload):
            return None if chance.random() < 0.4 else _value(payload, chance)
        case ResultType(ok, err):
            side, of = (Ok, ok) if chance.random() < 0.7 else (Err, err)
            return side(None if of is None else _value(of, chance))
        case TupleType(elements):
            return tuple(_value(element, chance) for element in elements)
        case RecordType(fields):
            return tuple(_value(of, chance) for _, of in fields)
        case VariantType(cases):
            case, of = chance.choice(cases)
            return Variant(case, None if of is None else _value(of, chance))
        case EnumType(cases):
            return chance.choice(cases)
        case FlagsType(names):
            return frozenset(name for name in names if chance.random() < 0.5)
        case ForeignType():  # a number of ours
            return chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 1000, (1 << 32) - 1, 1 << 32, -1))
        case _:
            assert_never(type_)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--each", type=int, default=EACH, help="inputs of one process")
    parser.add_argument("--only", type=int, help="run one input in this process, and show it")
    parser.add_argument("--keep", type=Path, help="folder for the first input of each outcome")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        tally = child(options.child, options.seed, options.start, options.count, options.keep)
        print(json.dumps({each.name: getattr(tally, each.name) for each in fields(tally)}))
        return 0
    began = time.monotonic()
    if options.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            tally = child(Path(folder), options.seed, options.only, options.only + 1)
        data = made(options.seed, options.only)
        print(f"{data.kind}, {len(data.binary):,} bytes: {data.binary[:64]!r}")
    else:
        tally = fuzz(
            options.count,
            options.seed,
            start=options.start,
            each=options.each,
            keep=options.keep,
        )
    show(tally, time.monotonic() - began)
    return 1 if tally.failures else 0


def show(tally: Tally, took: float) -> None:
    """Print what was seen."""
    for number, how in tally.failures[:20]:
        print(f"input {number}: {how}\n")
    for outcome, count in tally.outcomes.most_common(60):
        print(f"{count:9,}  {outcome}")
    print(f"{tally.done:,} inputs in {took:.0f} s, {tally.ran:,} fit the world and ran")
    print(f"{len(tally.outcomes)} outcomes; slowest {tally.slowest:.2f} s ({tally.slowest_number})")
    print(f"memory {tally.memory / 2**20:.0f} MiB at most; {len(tally.failures)} failures")


if __name__ == "__main__":
    sys.exit(main())
