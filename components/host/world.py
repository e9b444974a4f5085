"""All host functions of the world `runtime-host`, put together for one incarnation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airssys_wasm.components.host import actors, calls, messaging, pubsub, services, storage, wasi
from airssys_wasm.components.host.functions import HostFunctions, Served
from airssys_wasm.components.host.monitors import Monitors
from airssys_wasm.components.host.requests import Requests
from airssys_wasm.components.host.storage import Space

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.components.security.capability import StorageGrant
    from airssys_wasm.components.services import ComponentServices


class Host:
    """What one incarnation can call; `owner` is whose storage it uses unless the grant names one,
    `env` its environment.

    Raises NamespaceConflict for a storage it can't have, StoreUnavailable when there is none.
    """

    __slots__ = (
        "_caller",
        "_env",
        "_services",
        "_shared",
        "_space",
        "_wasi",
        "functions",
        "monitors",
        "requests",
    )

    def __init__(
        self,
        caller: Caller,
        shared: ComponentServices,
        grant: StorageGrant | None,
        owner: ComponentId,
        env: Mapping[str, str],
    ) -> None:
        self._caller = caller
        self._shared = shared
        self._env = env
        self._space: Space | None = None
        if grant is not None:
            namespace = shared.namespaces.claim(owner, grant)
            store = shared.store(caller.kernel.platform.offload)
            self._space = Space(store, namespace, grant.quota)
        self.requests = Requests(caller)
        self.monitors = Monitors(caller)
        self._services: services.Services | None = None
        self._wasi: wasi.Wasi | None = None
        self.functions = HostFunctions(self._made)

    @property
    def log_records_dropped(self) -> int:
        """How many log records were over the rate."""
        return 0 if self._services is None else self._services.log_records_dropped

    def close(self) -> int:
        """The incarnation has ended: how many callbacks will never come."""
        if self._wasi is not None:
            self._wasi.close()
        if self._services is not None:
            self._services.tell_dropped()
        return self.requests.close()

    def _made(self, interface: str) -> Mapping[str, Served]:
        """What serves an interface; those of WASI come all at once."""
        caller = self._caller
        served: Served
        match interface:
            case messaging.INTERFACE:
                served = messaging.Messaging(caller, self.requests), messaging.Messaging.FUNCTIONS
            case services.INTERFACE:
                served = self._made_services(), services.Services.FUNCTIONS
            case storage.INTERFACE:
                served = storage.Storage(caller, self._space), storage.Storage.FUNCTIONS
            case pubsub.INTERFACE:
                served = pubsub.Pubsub(caller), pubsub.Pubsub.FUNCTIONS
            case calls.INTERFACE:
                served = calls.Calls(caller, self._shared.waits), calls.Calls.FUNCTIONS
            case actors.INTERFACE:
                served = actors.Actors(caller, self.monitors), actors.Actors.FUNCTIONS
            case _:
                self._wasi = wasi.Wasi(caller, self._env, self._log)
                return {
                    name: (None, functions) for name, functions in self._wasi.interfaces().items()
                }
        return {interface: served}

    def _made_services(self) -> services.Services:
        if self._services is None:
            self._services = services.Services(self._caller, self._shared.directory)
        return self._services

    def _log(self, level: str, text: str) -> None:
        self._made_services().log(level, text, None)
