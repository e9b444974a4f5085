"""Whose a namespace is, who shares it, and how much it may hold.

Pure. Always: a namespace is one component's alone unless all who use it say that they share it,
and it has one quota; restarts change neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airssys_wasm.components.identity import NOBODY, ComponentId, parse_id
from airssys_wasm.components.security.capability import StorageGrant
from airssys_wasm.kernel.errors import AirssysError


class NamespaceConflict(AirssysError):
    """Two components claim one namespace, or two quotas do. The later one does not start."""

    def __init__(self, namespace: ComponentId, why: str) -> None:
        super().__init__(f"storage namespace {str(namespace)!r}: {why}")
        self.namespace = namespace
        self.why = why


@dataclass(slots=True)
class _Space:
    quota: int
    users: dict[ComponentId, bool] = field(default_factory=dict)  # and whether they share


class Namespaces:
    """The namespaces of one system, with their users and quotas.

    >>> namespaces = Namespaces()
    >>> str(namespaces.claim(ComponentId("", "prices", ""), StorageGrant(quota=1000)))
    'prices'
    """

    def __init__(self) -> None:
        self._spaces: dict[ComponentId, _Space] = {}

    def claim(self, component: ComponentId, grant: StorageGrant) -> ComponentId:
        """The namespace that the grant is about, which `component` uses from now on.

        Who is its only user may come back with another quota. Raises NamespaceConflict.
        """
        namespace = component if grant.namespace is None else parse_id(grant.namespace)
        if namespace == NOBODY:
            raise NamespaceConflict(
                namespace, "a component without a name has to be given one: storage: {namespace: …}"
            )
        space = self._spaces.setdefault(namespace, _Space(grant.quota))
        others = {user: shares for user, shares in space.users.items() if user != component}
        if others:
            first = next((user for user, shares in others.items() if not shares), None)
            if first is not None or not grant.shared:
                whose = str(first or next(iter(others))) or "a component without a name"
                why = f"{whose} uses it; to share it, both need storage: {{shared: true}}"
                raise NamespaceConflict(namespace, why)
            if grant.quota != space.quota:
                why = f"its quota is {space.quota} and {grant.quota} bytes"
                raise NamespaceConflict(namespace, why)
        space.quota = grant.quota
        space.users[component] = grant.shared
        return namespace
