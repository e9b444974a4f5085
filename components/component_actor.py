"""Acts: runs one incarnation of a component as an actor.

    init        load, check, instantiate, `initialize`          a Store of its own
    receive     encode ──► `handle-message` ──► decode: the reply
                a callback ──► `handle-callback`
    terminate   `shutdown`, after an orderly end alone

Always:
  - a trap or a limit ends the actor with that `Trap` or `Limit` as its reason, and nothing of the
    guest is called afterwards;
  - the Store is closed at every end, also when the actor is killed in the middle of a call;
  - `result::err` is a failed reply or a counted error; the component lives.

A message waits in the mailbox as the Python value that was sent, and is encoded when its turn
comes. So a value that the codec can't express fails here and not at the sender: a request gets
PayloadError, a sent message becomes a dead letter with the reason `("unencodable", type name)`.
Open: to refuse it in `send` itself, every `send` would have to ask.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components.directory import Entry
from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.limits import payload_limit
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.errors import (
    ComponentError,
    GuestTrap,
    InstanceClosed,
    PayloadTooLarge,
)
from airssys_wasm.components.host.caller import Caller
from airssys_wasm.components.host.gate import Gate
from airssys_wasm.components.host.refusals import refusals_of
from airssys_wasm.components.host.requests import Callback
from airssys_wasm.components.host.world import Host
from airssys_wasm.components.identity import NOBODY, parse_id, publication_id, sender_id
from airssys_wasm.components.imports import UngrantedImports, ungranted
from airssys_wasm.components.message import (
    ComponentMessage,
    MessageMetadata,
    WitMessage,
    sendable,
    wit_message,
)
from airssys_wasm.components.payload import CODECS, PayloadError
from airssys_wasm.components.questions import (
    ComponentMetadata,
    ComponentStatistics,
    HealthCheck,
    MetadataRequest,
    StatisticsRequest,
)
from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.crash import Crash
from airssys_wasm.kernel.errors import AirssysError, ExitActor, OpaqueState, StopInit
from airssys_wasm.kernel.message import Envelope, Failed, Internal
from airssys_wasm.kernel.posting import kernel_of, request_in_hand, see_requests
from airssys_wasm.kernel.reasons import Error, is_orderly

if TYPE_CHECKING:
    from airssys_wasm.components.component import Component
    from airssys_wasm.components.directory import Health
    from airssys_wasm.components.engine.engine import Compiled, ComponentInstance
    from airssys_wasm.components.services import ComponentServices

log = logging.getLogger("airssys_wasm.components")

MAX_METADATA = 256  # bytes of one text of `metadata`, which goes into lists and tables


class ComponentActor(Actor[Any]):
    """One incarnation. Made by `Component.incarnate`."""

    _caller: Caller
    _host: Host
    _services: ComponentServices
    _entry: Entry
    _metadata: ComponentMetadata

    def __init__(self, component: Component) -> None:
        self._component = component
        self._codec = CODECS[component.codec]
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
        services = self._services = component.services or _services_of(self.context.system)
        try:
            id = NOBODY if ref.name is None else parse_id(ref.name)
            assert not isinstance(component.source, str)
            compiled = await services.load(
                component.source, component.run, trusted=component.trusted
            )
            self._check_imports(compiled, str(id) or component.label)
            kernel = kernel_of(ref)
            now, refusals = kernel.platform.now, refusals_of(kernel, ref)
            gate = Gate(id, component.capabilities, services.audit, now, refusals)
            self._caller = Caller(id, ref, kernel, gate, self._codec, component.limits)
            pool = component.pool
            owner = parse_id(pool) if pool is not None and id == NOBODY else id
            self._host = Host(self._caller, services, component.capabilities.storage, owner)
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
            engine = self._services.engine_for(component.run)
            self._instance = await engine.instantiate(
                compiled,
                limits=limits,
                host=self._host.functions,
                clock=self._caller.kernel.platform.now,
            )
        except GuestTrap as trap:
            raise ExitActor(trap.reason) from None
        config = (
            list(component.env.items()),
            component.config_data,
            (limits.memory, int(limits.call * 1000), limits.fuel),
        )
        error = _error_of("initialize", await self._call("initialize", config))
        if error is not None:
            raise StopInit(_refusal(error))
        self._metadata = _metadata(await self._call("metadata"))
        self._entry = Entry(self._metadata.name, self._metadata.version)

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

    async def receive(self, message: Any) -> object:
        kind = message.__class__
        if kind is Internal:
            await self._callback(message.payload)
            return None
        if kind is HealthCheck:
            return await self.health()
        if kind is MetadataRequest:
            return self._metadata
        if kind is StatisticsRequest:
            return self.statistics()
        request = request_in_hand(self._caller.ref)
        try:
            given = self._given(message, request)
        except PayloadError as error:
            return self._refuse(message, request, ("unencodable", error.type_name), error)
        limit = payload_limit(self._component.limits, len(given[1]))
        if limit is not None:
            too_large = PayloadTooLarge(len(given[1]), self._component.limits.payload)
            return self._refuse(message, request, limit, too_large)
        self._messages += 1
        result = await self._call("handle-message", given)
        if not isinstance(result, Ok):
            return self._failed("handle-message", result, request)
        return None if request is None else self._reply(message, result.value)

    def _given(self, message: Any, request: Envelope | None) -> WitMessage:
        """The record that the guest gets. Raises PayloadError."""
        correlation = None
        content = message.message if message.__class__ is Published else message
        if content.__class__ is ComponentMessage:
            content = sendable(content)
            payload, content_type = content.payload, content.metadata.content_type
        else:
            payload, content_type = self._codec.encode(content), self._codec.content_type
        if message.__class__ is Published:
            sender = publication_id(message.topic)
        elif message.__class__ is ComponentMessage:
            sender = message.sender
            correlation = message.metadata.correlation_id
        else:
            source = request.source if request is not None else None
            sender = NOBODY if source is None else sender_id(source.name)
        now = self._caller.kernel.platform.timestamp()
        if request is None:
            return wit_message(sender, payload, now, content_type)
        correlation = correlation or self._caller.kernel.platform.new_id()
        reply_to = None if sender == NOBODY else sender
        return wit_message(sender, payload, now, content_type, correlation, reply_to)

    def _reply(self, message: Any, payload: Any) -> object:
        """What `handle-message` returned, as the answer to the request `message`."""
        if message.__class__ is ComponentMessage:
            content_type = None if payload is None else self._codec.content_type
            return ComponentMessage(
                self._caller.id, payload or b"", MessageMetadata(content_type=content_type)
            )
        if payload is None:
            return None
        try:
            return self._codec.decode(payload)
        except PayloadError as error:
            self._errors += 1
            return Failed(error)

    def _refuse(
        self, message: Any, request: Envelope | None, reason: object, error: AirssysError
    ) -> Failed | None:
        """The guest is not told of this message; whoever sent it is, or the dead letters are."""
        self._errors += 1
        if request is not None:
            return Failed(error)
        self._caller.kernel.reporting.dead_letter(message, self._caller.ref, reason)
        return None

    async def _callback(self, callback: object) -> None:
        """The answer to a request of ours; one of an earlier incarnation was counted at its end."""
        if not isinstance(callback, Callback) or not self._host.requests.take(callback):
            return
        self._callbacks += 1
        message = callback.message
        now = self._caller.kernel.platform.timestamp()
        content_type = message.metadata.content_type
        given = wit_message(message.sender, message.payload, now, content_type, callback.id)
        result = await self._call("handle-callback", given)
        if not isinstance(result, Ok):
            self._failed("handle-callback", result, None)

    def _failed(self, function: str, result: object, request: Envelope | None) -> Failed | None:
        error = _error_of(function, result)
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
        if self._instance is None:
            raise InstanceClosed
        try:
            result = await self._instance.call(function, *arguments)
        except GuestTrap as trap:
            self._services.traps[str(self._caller.id)] += 1
            self._close()
            raise ExitActor(trap.reason) from None
        instance = self._instance
        if not self._warned and instance is not None and instance.memory_nearly_full:
            self._warned = True
            self._warn(instance.memory_used or 0)
        return result

    def _warn(self, used: int) -> None:
        """Once an incarnation: there is not much memory left."""
        limit = self._component.limits.memory
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
                error = _error_of("shutdown", await instance.call("shutdown"))
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


def _error_of(function: str, result: object) -> ComponentError | None:
    """The error that the guest answered with; None for `ok`."""
    if not isinstance(result, Err):
        return None
    error = result.value
    assert isinstance(error, Variant)
    detail = "" if error.payload is None else shown(str(error.payload))
    return ComponentError(function, error.case, detail)


def _refusal(error: AirssysError) -> Error:
    """An exit reason that says all there is to say without a stack."""
    return Error(type(error).__name__, str(error), (), error)


def _metadata(record: Any) -> ComponentMetadata:
    name, version, description, author, license, operations, stateful = record
    return ComponentMetadata(
        shown(name, MAX_METADATA),
        shown(version, MAX_METADATA),
        shown(description, MAX_METADATA),
        shown(author, MAX_METADATA),
        shown(license, MAX_METADATA),
        tuple(shown(operation, MAX_METADATA) for operation in operations[:MAX_METADATA]),
        stateful,
    )
