"""All host functions of the world `runtime-host`, put together for one incarnation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airssys_wasm.components.host import messaging, services, storage
from airssys_wasm.components.host.functions import HostFunctions
from airssys_wasm.components.host.requests import Requests

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.security.capability import StorageGrant
    from airssys_wasm.components.services import ComponentServices


class Host:
    """What one incarnation can call. Raises NamespaceConflict for a storage it can't have."""

    __slots__ = ("_services", "functions", "requests")

    def __init__(
        self, caller: Caller, shared: ComponentServices, grant: StorageGrant | None
    ) -> None:
        # Without a grant every function of storage is denied before it looks at a namespace.
        namespace = caller.id if grant is None else shared.namespaces.claim(caller.id, grant)
        quota = 0 if grant is None else grant.quota
        self.requests = Requests(caller)
        self._services = services.Services(caller, shared.directory)
        self.functions = HostFunctions(
            {
                messaging.INTERFACE: messaging.Messaging(caller, self.requests).functions(),
                services.INTERFACE: self._services.functions(),
                storage.INTERFACE: storage.Storage(
                    caller, shared.storage, namespace, quota
                ).functions(),
            }
        )

    @property
    def log_records_dropped(self) -> int:
        """How many log records were over the rate."""
        return self._services.log_records_dropped

    def close(self) -> int:
        """The incarnation has ended: how many callbacks will never come."""
        self._services.tell_dropped()
        return self.requests.close()
