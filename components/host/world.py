"""All host functions of the world `runtime-host`, put together for one incarnation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airssys_wasm.components.host import actors, calls, messaging, pubsub, services, storage, wasi
from airssys_wasm.components.host.functions import HostFunctions
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

    __slots__ = ("_services", "_wasi", "functions", "monitors", "requests")

    def __init__(
        self,
        caller: Caller,
        shared: ComponentServices,
        grant: StorageGrant | None,
        owner: ComponentId,
        env: Mapping[str, str],
    ) -> None:
        space = None
        if grant is not None:
            namespace = shared.namespaces.claim(owner, grant)
            space = Space(shared.store(caller.kernel.platform.offload), namespace, grant.quota)
        self.requests = Requests(caller)
        self.monitors = Monitors(caller)
        self._services = services.Services(caller, shared.directory)
        self._wasi = wasi.Wasi(
            caller, env, lambda level, text: self._services.log(level, text, None)
        )
        self.functions = HostFunctions(
            {
                messaging.INTERFACE: messaging.Messaging(caller, self.requests).functions(),
                services.INTERFACE: self._services.functions(),
                storage.INTERFACE: storage.Storage(caller, space).functions(),
                pubsub.INTERFACE: pubsub.Pubsub(caller).functions(),
                calls.INTERFACE: calls.Calls(caller, shared.waits).functions(),
                actors.INTERFACE: actors.Actors(caller, self.monitors).functions(),
            },
            self._wasi.interfaces,
        )

    @property
    def log_records_dropped(self) -> int:
        """How many log records were over the rate."""
        return self._services.log_records_dropped

    def close(self) -> int:
        """The incarnation has ended: how many callbacks will never come."""
        self._wasi.close()
        self._services.tell_dropped()
        return self.requests.close()
