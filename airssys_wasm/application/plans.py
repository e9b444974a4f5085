"""A difference as the value that is shown, sent and printed.

Pure.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import msgspec

from airssys_wasm.application.views import ChangeView, FieldView, PlanView
from airssys_wasm.config.difference import ChildChange, Difference
from airssys_wasm.config.field_changes import FieldChange
from airssys_wasm.config.transition import steps

_DIGEST = 12  # hex digits, enough to tell the plans of one system apart


def plan_view(
    difference: Difference, file: str, problems: tuple[Mapping[str, object], ...] = ()
) -> PlanView:
    """The plan for `file`, with the digest that names it."""
    plan = PlanView(
        name=difference.name,
        file=file,
        digest="",
        is_empty=difference.is_empty,
        refused=difference.refused,
        fields=_fields(difference.fields),
        counts=difference.counts(),  # type: ignore[arg-type]  # its keys are strings
        children=tuple(map(_change, difference.children)),
        steps=tuple(map(str, steps(difference))),
        problems=problems,
    )
    said = msgspec.json.encode((plan.name, plan.fields, plan.children, plan.refused))
    return dataclasses.replace(plan, digest=hashlib.sha256(said).hexdigest()[:_DIGEST])


def _change(change: ChildChange) -> ChangeView:
    return ChangeView(
        id=change.id,
        path=change.path,
        kind=change.kind,
        action=change.action,
        why=change.why,
        fields=_fields(change.fields),
        children=tuple(map(_change, change.children)),
    )


def _fields(fields: tuple[FieldChange, ...]) -> tuple[FieldView, ...]:
    return tuple(FieldView(field.path, field.old, field.new) for field in fields)
