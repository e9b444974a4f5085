"""The one spec that equal children are made from.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypedDict

from airssys_wasm.kernel.behaviour import label_of
from airssys_wasm.kernel.mailbox import Mailbox
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.child_spec import (
    ChildSpec,
    Restart,
    Shutdown,
    StartTimeout,
    WhileRestarting,
)
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.health import HealthCheck


class SpecOptions(TypedDict, total=False):
    """What a `ChildSpec` is told beside its id, its behaviour, its arguments and its name."""

    restart: Restart
    shutdown: Shutdown | None
    significant: bool
    mailbox: Mailbox | None
    start_timeout: StartTimeout
    attach: Callable[[Any], None] | None
    backoff: Backoff | None
    health: HealthCheck | None
    while_restarting: WhileRestarting


def template_of(template: Any, args: Iterable[Any], options: SpecOptions) -> ChildSpec:
    """The spec for children that run `template`: a behaviour with `args` and `options`, or a spec.

    Raises InvalidSpec: for several templates or none, for a spec with a name, which only one child
    could have, or with arguments or options beside it.

    >>> template_of(dict, (), {"restart": "transient"}).id
    'dict'
    """
    if isinstance(template, list | tuple):
        raise InvalidSpec("template", template, "is not one template")
    if not isinstance(template, ChildSpec):
        if not callable(template) and not callable(getattr(template, "incarnate", None)):
            raise InvalidSpec("template", template, "is not a behaviour")
        return ChildSpec(label_of(template), template, args=args, **options)
    if options or args != ():
        beside = {**options, "args": args} if args != () else dict(options)
        raise InvalidSpec("template", template.id, f"is a spec, and has no {beside} beside it")
    if template.name is not None:
        raise InvalidSpec("name", template.name, "is for one child, and a template is for many")
    return template
