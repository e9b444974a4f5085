"""What an application is made of, as values: the tree, its supervisors and their children.

Pure. The keys of a tree file are the fields of these dataclasses, in the same words, and
their defaults are the defaults of the file; `settings.py` has the blocks that children share.

All are compared by value. A tree says what runs: `defaults` and `include` are worked into the
children that they concern when a file is read, and two trees that differ only in how they are
written are equal.

Source: Erlang/OTP, supervisor(3), for the words and defaults of supervision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.config.components import ComponentsConfig
from airssys_wasm.config.grants import Pattern
from airssys_wasm.config.nodes import EngineConfig, NodeConfig, NodeName, PlacementConfig
from airssys_wasm.config.settings import (
    ActorWorker,
    ComponentWorker,
    DefaultsConfig,
    Name,
    RestartSettings,
    Shutdown,
    StandInConfig,
    SubscriptionConfig,
)
from airssys_wasm.schema import (
    AtLeast,
    AtMost,
    Duration,
    InOtherFile,
    KindByKey,
    MostItems,
    Named,
)

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Route: TypeAlias = Literal["round_robin", "least_loaded", "by_key"]
Subscriptions: TypeAlias = Annotated[tuple[Pattern | SubscriptionConfig, ...], MostItems(256)]

_COMPONENTS = ComponentsConfig()

SAME_AS_ID = "\0id"  # no name can be this: it stands for a key `name` that is not there


@dataclass(frozen=True, kw_only=True)
class ChildConfig(RestartSettings):
    """What all children have. `name` is the id unless it is given; None registers nothing.

    - `id`: tells it from its siblings.
    - `name`: what it is registered under, unique in the tree; the id unless this is given; null
      registers nothing.
    - `significant`: its own end may end its supervisor, as `auto_shutdown` there says.
    - `placement`: of a child of the root, in a tree with an `engine`: on which nodes it runs.
    """

    __noun__: ClassVar[str] = "a child"

    id: Name
    name: Name | None = SAME_AS_ID
    significant: bool = False
    placement: PlacementConfig | None = None

    def __post_init__(self) -> None:
        if self.name == SAME_AS_ID:
            object.__setattr__(self, "name", self.id)


@dataclass(frozen=True, kw_only=True)
class ActorConfig(ActorWorker, ChildConfig):
    """A child written in Python.

    - `subscribe`: patterns of topics whose messages it gets.
    - `simulate`: what runs in its place in simulations.
    """

    __noun__: ClassVar[str] = "an actor child"

    subscribe: Subscriptions = ()
    simulate: StandInConfig | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class ComponentConfig(ComponentWorker, ChildConfig):
    """A child that is a WebAssembly component.

    - `subscribe`: patterns of topics whose messages it gets.
    - `simulate`: what runs in its place in simulations.
    """

    __noun__: ClassVar[str] = "a component child"

    subscribe: Subscriptions = ()
    simulate: StandInConfig | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """When a supervisor gives up.

    - `intensity`: with more restarts than this in a `period` it gives up.
    - `period`: the time in which restarts are counted.
    """

    intensity: Annotated[int, AtLeast(0)] = 1
    period: Annotated[Duration, AtLeast(0.001)] = 5.0


@dataclass(frozen=True, kw_only=True)
class SupervisorConfig(BudgetSettings):
    """Children that are kept alive together.

    - `strategy`: who is restarted with a child that died: nobody (`one_for_one`), all
      (`one_for_all`), or those behind it (`rest_for_one`).
    - `auto_shutdown`: whether the supervisor ends when one or all of its significant children have.
    - `defaults`: settings for all workers below, where they give none of their own.
    - `children`: in the order in which they start.
    """

    __noun__: ClassVar[str] = "a supervisor"

    strategy: Annotated[Strategy, Named("strategy")] = "one_for_one"
    auto_shutdown: Annotated[AutoShutdown, Named("kind of automatic shutdown")] = "never"
    defaults: DefaultsConfig | None = field(default=None, compare=False, repr=False)
    children: tuple[Child, ...]


@dataclass(frozen=True, kw_only=True)
class SystemSettings:
    """What the system is called and how it runs components.

    - `version`: of the format of tree files; 1.
    - `name`: of the system, in logs and refs.
    - `components`: how the system runs components.
    - `engine`: what connects the nodes that run this tree, where there are several.
    - `node`: this machine among them: its name, or a block with its name and labels.
    """

    version: Annotated[Literal[1], Named("version of the tree format")]
    name: Name
    components: ComponentsConfig = _COMPONENTS
    engine: EngineConfig | None = None
    node: NodeName | NodeConfig | None = None


@dataclass(frozen=True, kw_only=True)
class TreeConfig(SupervisorConfig, SystemSettings):
    """A whole application: the root supervisor and the settings of the system."""

    __noun__: ClassVar[str] = "a tree file"

    def as_supervisor(self) -> SupervisorConfig:
        """The root supervisor alone."""
        values = {each.name: getattr(self, each.name) for each in fields(SupervisorConfig)}
        return SupervisorConfig(**values)


@dataclass(frozen=True, kw_only=True)
class SupervisorChild(ChildConfig):
    """A child that is a supervisor itself, written here or in another file.

    - `supervisor`: its strategy and its children.
    """

    __noun__: ClassVar[str] = "a supervisor child"

    supervisor: Annotated[SupervisorConfig, InOtherFile("include", TreeConfig)]
    shutdown: Shutdown = "infinity"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.supervisor, TreeConfig):  # of a file that is included
            object.__setattr__(self, "supervisor", self.supervisor.as_supervisor())


@dataclass(frozen=True, kw_only=True)
class PoolSettings(BudgetSettings):
    """How a pool spreads messages.

    - `size`: how many workers there are.
    - `route`: who gets the next message: each in turn (`round_robin`), whoever has the fewest
      waiting (`least_loaded`), or always the same for one `key` (`by_key`).
    - `key`: the field or key of a message that tells which worker gets it.
    """

    size: Annotated[int, AtLeast(1), AtMost(10_000)]
    route: Annotated[Route, Named("route")] = "round_robin"
    key: Name | None = None


@dataclass(frozen=True, kw_only=True)
class ActorPool(PoolSettings, ActorWorker):
    """Equal actors behind one name. The other keys are those of each worker."""

    __noun__: ClassVar[str] = "a pool of actors"


@dataclass(frozen=True, kw_only=True)
class ComponentPool(PoolSettings, ComponentWorker):
    """Equal components behind one name. The other keys are those of each worker."""

    __noun__: ClassVar[str] = "a pool of components"


@dataclass(frozen=True, kw_only=True)
class PoolChild(ChildConfig):
    """A child that is a pool: what is sent to it goes to one of its workers.

    - `pool`: what its workers are, how many there are, and who gets which message.
    - `subscribe`: patterns of topics whose messages its workers share.
    """

    __noun__: ClassVar[str] = "a pool child"

    pool: Annotated[ActorPool | ComponentPool, KindByKey(("actor", "component"), "a pool")]
    subscribe: Subscriptions = ()
    shutdown: Shutdown = "infinity"


@dataclass(frozen=True, kw_only=True)
class DynamicSettings(BudgetSettings):
    """How many children a dynamic supervisor may have.

    - `max_children`: at most so many at once; null for no bound.
    """

    max_children: Annotated[int, AtLeast(1)] | None = None


@dataclass(frozen=True, kw_only=True)
class DynamicActors(DynamicSettings, ActorWorker):
    """Actors that are started while the tree runs. The other keys are those of each of them."""

    __noun__: ClassVar[str] = "a dynamic supervisor of actors"


@dataclass(frozen=True, kw_only=True)
class DynamicComponents(DynamicSettings, ComponentWorker):
    """Components that are started while the tree runs. The other keys are those of each of them."""

    __noun__: ClassVar[str] = "a dynamic supervisor of components"


@dataclass(frozen=True, kw_only=True)
class DynamicChild(ChildConfig):
    """A child that is a dynamic supervisor: it begins empty, and children are started on demand.

    - `dynamic`: what its children are, and how many there may be.
    """

    __noun__: ClassVar[str] = "a dynamic child"

    dynamic: Annotated[
        DynamicActors | DynamicComponents, KindByKey(("actor", "component"), "a dynamic supervisor")
    ]
    shutdown: Shutdown = "infinity"


AnyChild: TypeAlias = ActorConfig | ComponentConfig | SupervisorChild | PoolChild | DynamicChild
Child: TypeAlias = Annotated[
    AnyChild,
    KindByKey(("actor", "component", "supervisor", "pool", "dynamic", "include"), "a child"),
]


def walk(supervisor: SupervisorConfig) -> Iterator[AnyChild]:
    """All children of a tree, in the order of the file."""
    for child in supervisor.children:
        yield child
        if isinstance(child, SupervisorChild):
            yield from walk(child.supervisor)
