"""The C header: what C passes to the host and gets from it is what WIT says, case by case."""

from typing import Literal

import anyio
import pytest

from airssys_wasm.components.engine.runtime_host import world_1_0
from airssys_wasm.components.engine.values import Err, Ok, Variant
from tests.guests import driver, guests
from tests.guests.driver import ScriptedHost, instance_of

MESSAGING, SERVICES, STORAGE = "host-messaging", "host-services", "storage"
SEND = f"{MESSAGING}.send"

# (message, host function, its arguments as the host sees them, what it answers, the reply)
CALLS = [
    ("send:ledger:hi", SEND, (("", "ledger", ""), b"hi"), Ok(), "ok"),
    ("send:a/b/c:", SEND, (("a", "b", "c"), b""), Ok(), "ok"),
    ("send:x:y", SEND, (("", "x", ""), b"y"), Err(Variant("delivery-failed", "é")), "error:0:é"),
    ("send:x:y", SEND, (("", "x", ""), b"y"), Err(Variant("queue-full")), "error:3:"),
    (
        "send:x:y",
        SEND,
        (("", "x", ""), b"y"),
        Err(Variant("target-not-found", ("n", "x", ""))),
        "error:4:n/x/",
    ),
    (
        "request:x:500:pay",
        f"{MESSAGING}.request",
        (("", "x", ""), b"pay", 500),
        Ok("0123-id"),
        "0123-id",
    ),
    (
        "request:x:18446744073709551615:",
        f"{MESSAGING}.request",
        (("", "x", ""), b"", 2**64 - 1),
        Err(Variant("invalid-message", "no")),
        "error:2:no",
    ),
    ("cancel:id", f"{MESSAGING}.cancel-request", ("id",), Ok(), "ok"),
    (
        "cancel:id",
        f"{MESSAGING}.cancel-request",
        ("id",),
        Err(Variant("correlation-timeout", "id")),
        "error:1:id",
    ),
    (
        "broadcast:a,b/c/d:zz",
        f"{MESSAGING}.broadcast",
        ([("", "a", ""), ("b", "c", "d")], b"zz"),
        Ok(),
        "ok",
    ),
    ("broadcast::", f"{MESSAGING}.broadcast", ([], b""), Ok(), "ok"),
    ("self", f"{MESSAGING}.self-id", (), ("n", "me", "1"), "n/me/1"),
    ("self", f"{MESSAGING}.self-id", (), ("", "me", ""), "/me/"),
    ("log:0:é", f"{SERVICES}.log", ("trace", "é", [("command", "log")]), None, "ok"),
    ("log:4:", f"{SERVICES}.log", ("error", "", [("command", "log")]), None, "ok"),
    ("time", f"{SERVICES}.current-time", (), (2**64 - 1, 999_999_999), f"{2**64 - 1} 999999999"),
    ("millis", f"{SERVICES}.current-time-millis", (), 2**64 - 1, str(2**64 - 1)),
    ("sleep:12", f"{SERVICES}.sleep-millis", (12,), None, "ok"),
    ("list", f"{SERVICES}.list-components", (), [("", "a", ""), ("n", "b", "i")], "/a/,n/b/i"),
    ("list", f"{SERVICES}.list-components", (), [], ""),
    (
        "info:x",
        f"{SERVICES}.get-component-metadata",
        (("", "x", ""),),
        Ok((("", "x", ""), "X", "1.0", "healthy")),
        "/x/ X 1.0 healthy",
    ),
    (
        "info:x",
        f"{SERVICES}.get-component-metadata",
        (("", "x", ""),),
        Err(Variant("not-initialized")),
        "error:2:",
    ),
    (
        "info:x",
        f"{SERVICES}.get-component-metadata",
        (("", "x", ""),),
        Err(Variant("invalid-state", "why")),
        "error:4:why",
    ),
    ("get:k", f"{STORAGE}.get", ("k",), Ok(b"\0v"), "some:\0v"),
    ("get:k", f"{STORAGE}.get", ("k",), Ok(b""), "some:"),
    ("get:k", f"{STORAGE}.get", ("k",), Ok(None), "none"),
    ("get:k", f"{STORAGE}.get", ("k",), Err(Variant("io-error", "disk")), "error:4:disk"),
    ("set:k:v", f"{STORAGE}.set", ("k", b"v"), Ok(), "ok"),
    ("set:k:", f"{STORAGE}.set", ("k", b""), Err(Variant("quota-exceeded")), "error:2:"),
    ("delete:k", f"{STORAGE}.delete", ("k",), Ok(), "ok"),
    ("delete:k", f"{STORAGE}.delete", ("k",), Err(Variant("not-found", "k")), "error:0:k"),
    ("exists:k", f"{STORAGE}.exists", ("k",), Ok(True), "true"),
    ("exists:k", f"{STORAGE}.exists", ("k",), Ok(False), "false"),
    ("exists:", f"{STORAGE}.exists", ("",), Err(Variant("invalid-key", "")), "error:3:"),
    ("keys", f"{STORAGE}.list-keys", (None,), Ok(["a", "", "b"]), "a,,b"),
    ("keys:p", f"{STORAGE}.list-keys", ("p",), Ok([]), ""),
    ("usage", f"{STORAGE}.usage", (), Ok((1, 2**64 - 1, 3)), f"1 {2**64 - 1} 3"),
    ("usage", f"{STORAGE}.usage", (), Err(Variant("io-error", "")), "error:4:"),
]

# (message, the reply)
HANDED = [
    ("sender", "/tester/"),
    ("reply-to", "shop/desk/2"),
    ("content-type", "text/plain"),
    ("correlation", "cor-7"),
    ("timestamp", "1700000000 5"),
    ("callbacks", ""),
]


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_every_host_function_gets_and_gives_what_wit_says(path: Literal["fast", "slow"]) -> None:
    async def main() -> None:
        host = ScriptedHost({})
        async with instance_of(guests.every_function(), host, path=path) as instance:
            for command, function, arguments, answer, reply in CALLS:
                host.answers = {function: answer}
                host.calls.clear()
                result = await instance.call("handle-message", driver.message(command.encode()))
                assert (command, result) == (command, Ok(reply.encode()))
                assert host.calls == [(function, arguments)]

    anyio.run(main)


def test_the_guest_that_calls_every_function_calls_every_function() -> None:
    world = {
        f"{interface.partition('/')[2].partition('@')[0]}.{function}"
        for interface, functions in world_1_0().imports.items()
        for function in functions
    }
    assert {function for _, function, *_ in CALLS} == world


def test_a_message_arrives_with_all_its_metadata_and_without_any() -> None:
    async def main() -> None:
        async with instance_of(guests.every_function(), ScriptedHost({})) as instance:
            for command, reply in HANDED:
                handed = driver.message(command.encode())
                assert await instance.call("handle-message", handed) == Ok(reply.encode())
            for command in ("reply-to", "content-type", "correlation"):
                handed = driver.bare_message(command.encode())
                assert await instance.call("handle-message", handed) == Ok(b"")
            handed = driver.bare_message(b"sender")
            assert await instance.call("handle-message", handed) == Ok(b"//")
            handed = driver.bare_message(b"count")
            count = len(HANDED) + 5
            assert await instance.call("handle-message", handed) == Ok(str(count).encode())

    anyio.run(main)


@pytest.mark.parametrize(
    ("given", "data", "environment"),
    [
        (([], None, (1, 2, None)), b"", b"1 2"),
        (([], b"", (1, 2, 0)), b"", b"1 2 0"),
        (
            ([("A", "1"), ("EMPTY", "")], b'{"x":1}', (2**40, 2**33, 2**63)),
            b'{"x":1}',
            b"A=1\nEMPTY=\n%d %d %d" % (2**40, 2**33, 2**63),
        ),
    ],
)
def test_initialize_is_handed_configuration_environment_and_limits(
    given: tuple[object, ...], data: bytes, environment: bytes
) -> None:
    async def main() -> None:
        async with instance_of(guests.every_function(), ScriptedHost({})) as instance:
            assert await instance.call("initialize", given) == Ok()
            assert await instance.call("handle-message", driver.message(b"config")) == Ok(data)
            told = await instance.call("handle-message", driver.message(b"environment"))
            assert told == Ok(environment)

    anyio.run(main)


def test_the_other_functions_of_the_lifecycle_have_their_results() -> None:
    async def main() -> None:
        host = ScriptedHost({f"{SERVICES}.log": None})
        async with instance_of(guests.every_function(), host) as instance:
            call = instance.call
            assert await call("handle-message", driver.message(b"reply")) == Ok(None)
            failed = await call("handle-message", driver.message("fail:é".encode()))
            assert failed == Err(Variant("runtime-error", "é"))
            assert await call("handle-callback", driver.message(b"answer")) == Ok()
            callbacks = await call("handle-message", driver.message(b"callbacks"))
            assert callbacks == Ok(b"cor-7 text/plain answer\n")
            for number, health in enumerate(("healthy", "degraded", "unhealthy", "unknown")):
                await call("handle-message", driver.message(b"health:%d" % number))
                assert await call("health") == health
            assert await call("metadata") == (
                "every-function",
                "1.0.0",
                "Calls what it is told to",
                "tests",
                "Apache-2.0",
                ["messaging", "services", "storage"],
                True,
            )
            assert await call("shutdown") == Ok()
            assert host.calls == [(f"{SERVICES}.log", ("info", "shutdown", None))]

    anyio.run(main)


def test_what_is_passed_hundreds_of_times_leaks_no_memory() -> None:
    async def main() -> None:
        big = "x" * 3_000
        host = ScriptedHost({f"{STORAGE}.get": Ok(big.encode()), f"{STORAGE}.list-keys": Ok([big])})
        async with instance_of(guests.every_function(), host) as instance:
            await instance.call("handle-message", driver.message(b"get:" + big.encode()))
            await instance.call("handle-message", driver.message(b"keys"))
            settled = instance.memory_used
            for _ in range(500):
                await instance.call("handle-message", driver.message(b"get:" + big.encode()))
                await instance.call("handle-message", driver.message(b"keys"))
            assert instance.memory_used == settled

    anyio.run(main)
