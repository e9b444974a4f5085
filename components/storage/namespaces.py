"""Whose a namespace is, and how much it may hold.

Pure. Always: a namespace has one owner and one quota for as long as the system runs; restarts of
its owner change neither.
"""

from __future__ import annotations

from airssys_wasm.components.identity import NOBODY, ComponentId, parse_id
from airssys_wasm.components.security.capability import StorageGrant
from airssys_wasm.kernel.errors import AirssysError


class NamespaceConflict(AirssysError):
    """Two components claim one namespace, or two quotas do. The later one does not start."""

    def __init__(self, namespace: ComponentId, why: str) -> None:
        super().__init__(f"storage namespace {str(namespace)!r}: {why}")
        self.namespace = namespace
        self.why = why


class Namespaces:
    """The namespaces of one system, with their owners and quotas.

    >>> namespaces = Namespaces()
    >>> str(namespaces.claim(ComponentId("", "prices", ""), StorageGrant(quota=1000)))
    'prices'
    """

    def __init__(self) -> None:
        self._claims: dict[ComponentId, tuple[ComponentId, int]] = {}

    def claim(self, component: ComponentId, grant: StorageGrant) -> ComponentId:
        """The namespace that the grant is about, which is `component`'s from now on.

        Raises NamespaceConflict.
        """
        named = grant.namespace is not None
        namespace = component if grant.namespace is None else parse_id(grant.namespace)
        if namespace == NOBODY:
            raise NamespaceConflict(
                namespace, "a component without a name has to be given one: storage: {namespace: …}"
            )
        owner, quota = self._claims.setdefault(namespace, (component, grant.quota))
        if owner != component:
            belongs = f"it belongs to {owner}"
            raise NamespaceConflict(namespace, belongs if named else f"{belongs}, which named it")
        if quota != grant.quota:
            raise NamespaceConflict(namespace, f"its quota is {quota} and {grant.quota} bytes")
        return namespace
