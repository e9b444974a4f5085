"""Acts: runs one incarnation of a component as an actor.

    init        load, check, instantiate, `initialize`          a Store of its own
    receive     encode ──► `handle-message` ──► decode: the reply
                text, where it takes that ──► `handle-text`
                several that wait, where it takes them ──► `handle-batch`
                several texts, where it takes those ──► `handle-text-batch`
                a callback, the end of who is monitored ──► `handle-callback`
    terminate   `shutdown`, after an orderly end alone

Always:
  - a trap or a limit ends the actor with that `Trap` or `Limit` as its reason, and nothing of the
    guest is called afterwards;
  - the Store is closed at every end, also when the actor is killed in the middle of a call;
  - `result::err` is a failed reply or a counted error; the component lives.

A value that the codec can't express is refused by `send` with PayloadError, as a request is. It
waits in the mailbox as the Python value, and is encoded again when its turn comes: what was changed
meanwhile so that it can't be expressed is a dead letter with the reason `("unencodable", type
name)`. So is a publication, and what a timer or another node sends, which have nobody to tell.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components.batches import (
    Taken,
    TakenTexts,
    misnumbered,
    take_batch,
    take_texts,
)
from airssys_wasm.components.directory import Entry
from airssys_wasm.components.engine.traps import Trap
from airssys_wasm.components.engine.values import OK, Err, Ok
from airssys_wasm.components.engine_modules import import_engine
from airssys_wasm.components.errors import GuestTrap, InstanceClosed
from airssys_wasm.components.host.caller import Caller
from airssys_wasm.components.host.gate import Gate
from airssys_wasm.components.host.refusals import refusals_of
from airssys_wasm.components.host.requests import Callback
from airssys_wasm.components.host.world import Host
from airssys_wasm.components.identity import NOBODY, parse_id
from airssys_wasm.components.imports import UngrantedImports, ungranted
from airssys_wasm.components.incoming import Refused, as_text, encoded, error_of, incoming, reply_of
from airssys_wasm.components.message import ComponentMessage, wit_message
from airssys_wasm.components.questions import (
    OWN_QUESTIONS,
    ComponentMetadata,
    ComponentStatistics,
    HealthCheck,
    MetadataRequest,
    StatisticsRequest,
    metadata_of,
)
from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.crash import Crash
from airssys_wasm.kernel.errors import AirssysError, ExitActor, OpaqueState, StopInit
from airssys_wasm.kernel.message import Down, Envelope, Failed, Internal
from airssys_wasm.kernel.posting import (
    answer_taken,
    fail_taken,
    kernel_of,
    request_in_hand,
    see_requests,
)
from airssys_wasm.kernel.reasons import Error, is_orderly

if TYPE_CHECKING:
    from airssys_wasm.components.component import Component, Spawned
    from airssys_wasm.components.directory import Health
    from airssys_wasm.components.engine.engine import Compiled, ComponentInstance
    from airssys_wasm.components.services import ComponentServices

log = logging.getLogger("airssys_wasm.components")

_OTHERS = OWN_QUESTIONS | {Internal, Down}
_HOST_MADE = _OTHERS | {Published}  # refused, if at all, when they are taken


class ComponentActor(Actor[Any]):
    """One incarnation. Made by `Component.incarnate`."""

    _caller: Caller
    _host: Host
    _services: ComponentServices
    _entry: Entry
    _metadata: ComponentMetadata

    def __init__(self, component: Component, spawned: Spawned | None = None) -> None:
        self._component = component
        self._spawned = spawned
        self._takes_batches = self._takes_text = self._takes_text_batches = False
        self._codec = component.payload_codec()
        self._instance: ComponentInstance | None = None
        self._warned = False  # that its memory is nearly full
        self._opened = False
        self._messages = 0
        self._callbacks = 0
        self._errors = 0

    # --- its beginning

    async def init(self) -> None:
        """Load, check, instantiate, `initialize`. What is wrong with the file, the name or the
        grants ends it without a crash report; so does an error from `initialize`."""
        component, ref = self._component, self.context.ref
        see_requests(ref)
        kernel = kernel_of(ref)
        await import_engine(kernel.platform)
        services = self._services = component.services or _services_of(self.context.system)
        try:
            if self._spawned is not None and ref.name is None:
                kernel.register(str(self._spawned.name), ref)
            id = NOBODY if ref.name is None else parse_id(ref.name)
            assert not isinstance(component.source, str)
            compiled = await services.load(
                component.source, component.run, trusted=component.trusted
            )
            self._check_imports(compiled, str(id) or component.label)
            now, refusals = kernel.platform.now, refusals_of(kernel, ref)
            gate = Gate(id, component.capabilities, services.audit, now, refusals)
            broker = getattr(self.context.system, "broker", None)
            self._caller = Caller(id, ref, kernel, gate, self._codec, component.limits, broker)
            pool = component.pool
            owner = parse_id(pool) if pool is not None and id == NOBODY else id
            storage = component.capabilities.storage
            self._host = Host(self._caller, services, storage, owner, component.env)
        except AirssysError as error:
            raise StopInit(_refusal(error)) from None
        self._opened = True
        kernel.on_exit(ref, lambda *_: self._close())
        try:
            await self._begin(compiled)
        except BaseException:
            self._close()
            raise
        services.directory.add(id, self._entry)

    async def _begin(self, compiled: Compiled) -> None:
        component, limits = self._component, self._component.limits
        try:
            self._instance = await self._instantiated(compiled)
        except GuestTrap as trap:
            raise ExitActor(trap.reason) from None
        self._takes_batches = "handle-batch" in compiled.optional
        self._takes_text = "handle-text" in compiled.optional
        self._takes_text_batches = "handle-text-batch" in compiled.optional
        spawned = self._spawned
        config = (
            list(component.env.items()),
            component.config_data
            if spawned is None or spawned.config_data is None
            else spawned.config_data,
            (limits.memory, int(limits.call * 1000), limits.fuel),
        )
        error = error_of("initialize", await self._call("initialize", config))
        if error is not None:
            raise StopInit(_refusal(error))
        self._metadata = metadata_of(await self._call("metadata"))
        self._entry = Entry(self._metadata.name, self._metadata.version)

    async def _instantiated(self, compiled: Compiled) -> ComponentInstance:
        return await self._services.engine_for(self._component.run).instantiate(
            compiled,
            limits=self._component.limits,
            host=self._host.functions,
            clock=self._caller.kernel.platform.now,
        )

    def _check_imports(self, compiled: Compiled, name: str) -> None:
        """Say once what is imported and not granted, or refuse it."""
        problems = ungranted(compiled.imports, self._component.capabilities)
        if not problems:
            return
        if self._component.strict_imports:
            raise UngrantedImports(name, problems)
        known = (name, compiled.digest)
        if known not in self._services.reported:
            self._services.reported.add(known)
            for problem in problems:
                log.warning("%s %s", name, problem, extra={"component": name})

    # --- its messages

    def check_message(self, message: Any) -> None:
        """Raises PayloadError for what its codec can't express, so that the sender is told."""
        if message.__class__ not in _HOST_MADE:
            encoded(self._codec, message)

    async def receive(self, message: Any) -> object:
        # The call of the guest is made here, and not below it: each coroutine between is memory
        # of a component that is suspended, and time of every message.
        if message.__class__ in _OTHERS:
            return await self._other(message)
        caller, instance = self._caller, self._instance
        if instance is None:
            raise InstanceClosed
        request = request_in_hand(caller.ref)
        taken = incoming(caller, message, request)
        if isinstance(taken, Refused):
            return self._refuse(taken)
        if self._takes_text_batches and request is None:
            texts = take_texts(caller, taken, self._refuse_taken)
            if texts is not None:
                await self._handle_texts(texts)
                return None
        if self._takes_batches:
            batch = take_batch(caller, Taken(message, request, taken), self._refuse_taken)
            if len(batch) > 1:
                return await self._handle_batch(batch)
        self._messages += 1
        function = "handle-message"
        given: object = taken
        if self._takes_text:
            text = as_text(taken)
            if text is not None:
                function, given = "handle-text", text
        try:
            result = await instance.call(function, given)
        except GuestTrap as trap:
            raise self._trapped(trap) from None
        if instance.memory_nearly_full and not self._warned:
            self._warn(instance)
        if request is None and result is OK:  # most messages
            return None
        return self._result(message, request, function, result)

    async def _other(self, message: Any) -> object:
        """What is in the mailbox and no message of somebody's."""
        match message:
            case Internal():
                await self._callback(message.payload)
            case Down():
                await self._down(message)
            case HealthCheck():
                return await self.health()
            case MetadataRequest():
                return self._metadata
            case StatisticsRequest():
                return self.statistics()
        return None

    def _result(self, message: Any, request: Envelope | None, function: str, result: Any) -> object:
        """What the guest has returned for the message, as its answer."""
        if not isinstance(result, Ok):
            return self._failed(function, result, request)
        if request is None:
            return None
        payload: Any = result.value
        if payload.__class__ is str:
            payload = payload.encode()
        reply = reply_of(self._caller, message, payload)
        if reply.__class__ is Failed:
            self._errors += 1
        return reply

    async def _handle_batch(self, batch: list[Taken]) -> object:
        """Several messages in one push. The first is the one in hand: its answer is returned."""
        first, *more = batch
        self._messages += len(batch)
        try:
            results: Any = await self._call("handle-batch", [taken.given for taken in batch])
            if len(results) != len(batch):
                told = f"handle-batch returned {len(results)} results for {len(batch)} messages"
                raise self._misanswered(told)
        except BaseException as error:
            fail_taken(self._caller.ref, [taken.request or taken.message for taken in more], error)
            raise
        for taken, result in zip(more, results[1:], strict=True):
            answer = self._result(taken.message, taken.request, "handle-batch", result)
            if taken.request is not None:
                answer_taken(taken.request, answer)
        return self._result(first.message, first.request, "handle-batch", results[0])

    async def _handle_texts(self, texts: TakenTexts) -> None:
        """Several texts in one push, as one string. They were sent: nobody waits for an answer."""
        count = 1 + len(texts.more)
        self._messages += count
        try:
            failed: Any = await self._call("handle-text-batch", texts.given)
            wrong = misnumbered((number for number, _ in failed), count)
            if wrong is not None:
                raise self._misanswered(f"handle-text-batch returned {wrong}")
        except BaseException as error:
            fail_taken(self._caller.ref, texts.more, error)
            raise
        for _, told in failed:
            self._failed("handle-text-batch", Err(told), None)

    def _misanswered(self, told: str) -> ExitActor:
        """The end of this actor, whose guest's results are not for what it was given."""
        self._close()
        return ExitActor(Trap("other", told))

    def _refuse(self, refused: Refused) -> Failed | None:
        """The guest is not told of this message; whoever sent it is, or the dead letters are."""
        self._errors += 1
        if refused.request is not None:
            return Failed(refused.error)
        reporting = self._caller.kernel.reporting
        reporting.dead_letter(refused.message, self._caller.ref, refused.reason)
        return None

    def _refuse_taken(self, refused: Refused) -> None:
        self._refuse(refused)
        if refused.request is not None:
            answer_taken(refused.request, Failed(refused.error))

    async def _callback(self, callback: object) -> None:
        """The answer to a request of ours; one of an earlier incarnation was counted at its end."""
        if not isinstance(callback, Callback) or not self._host.requests.take(callback):
            return
        await self._call_back(callback.message, callback.id)

    async def _down(self, down: Down) -> None:
        """Somebody has ended whom the guest has asked to monitor."""
        message = self._host.monitors.take(down)
        if message is not None:
            await self._call_back(message, message.metadata.correlation_id)

    async def _call_back(self, message: ComponentMessage, id: str | None) -> None:
        self._callbacks += 1
        now = self._caller.kernel.platform.timestamp()
        content_type = message.metadata.content_type
        given = wit_message(message.sender, message.payload, now, content_type, id)
        result = await self._call("handle-callback", given)
        if not isinstance(result, Ok):
            self._failed("handle-callback", result, None)

    def _failed(self, function: str, result: object, request: Envelope | None) -> Failed | None:
        error = error_of(function, result)
        assert error is not None
        self._errors += 1
        if request is not None:
            return Failed(error)
        log.debug("%s: %s", self._caller.id, error, extra={"component": str(self._caller.id)})
        return None

    async def health(self) -> Health:
        """What its `health` export says: for `HealthCheck`, and for a supervisor that asks."""
        health: Any = await self._call("health")
        self._entry.health = health
        return self._entry.health

    async def _call(self, function: str, *arguments: object) -> object:
        """Call the guest. A trap or limit ends this actor with it as the reason."""
        instance = self._instance
        if instance is None:
            raise InstanceClosed
        try:
            result = await instance.call(function, *arguments)
        except GuestTrap as trap:
            raise self._trapped(trap) from None
        if instance.memory_nearly_full and not self._warned:
            self._warn(instance)
        return result

    def _trapped(self, trap: GuestTrap) -> ExitActor:
        """The end of this actor, with the trap or limit as its reason; the guest is gone."""
        self._services.traps[str(self._caller.id)] += 1
        self._close()
        return ExitActor(trap.reason)

    def _warn(self, instance: ComponentInstance) -> None:
        """Once an incarnation: there is not much memory left."""
        self._warned = True
        used, limit = instance.memory_used or 0, self._component.limits.memory
        log.warning(
            "%s: its memory is nearly full: %s of %s bytes",
            self._caller.id,
            f"{used:,}",
            f"{limit:,}",
            extra={"component": str(self._caller.id)},
        )
        telemetry = self._caller.kernel.telemetry
        if telemetry.active:
            counts = {"used": used, "limit": limit}
            telemetry.emit("component.memory", counts, {"ref": self._caller.ref})

    # --- its end

    async def terminate(self, reason: object) -> None:
        """`shutdown` after an orderly end, unless a call was cancelled by it; then the Store."""
        try:
            instance = self._instance
            if instance is not None and instance.is_alive and is_orderly(reason):
                error = error_of("shutdown", await instance.call("shutdown"))
                if error is not None:
                    log.warning("%s: %s", self._caller.id, error)
        except GuestTrap as trap:
            log.warning("%s: shutdown ended with %s", self._caller.id, trap.reason)
        finally:
            self._close()

    def _close(self) -> None:
        """Free what this incarnation holds. Does nothing again."""
        if not self._opened:
            return
        self._opened = False
        if self._instance is not None:
            self._instance.close()
        self._services.callbacks_dropped += self._host.close()
        if hasattr(self, "_entry"):
            self._services.directory.remove(self._caller.id, self._entry)

    # --- what it tells

    def statistics(self) -> ComponentStatistics:
        """The counts of this incarnation, as of now."""
        instance = self._instance
        return ComponentStatistics(
            messages=self._messages,
            callbacks=self._callbacks,
            errors=self._errors,
            pending=len(self._host.requests),
            host_calls=self._host.functions.calls,
            denials=self._caller.gate.denied,
            log_records_dropped=self._host.log_records_dropped,
            memory_used=None if instance is None else instance.memory_used,
            memory_peak=None if instance is None else instance.memory_peak,
            calls=0 if instance is None else instance.calls,
            seconds=0.0 if instance is None else instance.seconds,
            fuel=None if instance is None else instance.fuel_used,
            traps=self._services.traps[str(self._caller.id)],
            memory_limit=self._component.limits.memory,
        )

    @property
    def is_up(self) -> bool:
        """Whether it has an instance, and so statistics."""
        return self._instance is not None

    def bytes_in_use(self) -> int | None:
        """All linear memories of this incarnation; None where the engine can't tell."""
        return None if self._instance is None else self._instance.memory_used

    def live_state(self) -> object:
        """Raises OpaqueState: what a component holds is in its own memory, for itself to read."""
        raise OpaqueState(self.context.ref, "a component keeps it in its own memory")

    def describe_crash(self, crash: Crash) -> Crash:
        """Without `config` and `env`, which may hold secrets."""
        state = {
            "component": self._component.label,
            "messages": self._messages,
            "callbacks": self._callbacks,
            "errors": self._errors,
        }
        return replace(crash, state=state)


def _services_of(system: Any) -> ComponentServices:
    services: ComponentServices | None = getattr(system, "components", None)
    if services is None:
        raise StopInit(
            Error("TypeError", "a bare Kernel runs no components: pass services= to Component")
        )
    return services


def _refusal(error: AirssysError) -> Error:
    """An exit reason that says all there is to say without a stack."""
    return Error(type(error).__name__, str(error), (), error)
