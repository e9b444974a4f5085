"""Acts: writes docs/events.md from the table of events.

`python -m tests.kernel.events_document` in the folder of the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from airssys_wasm.kernel.events import EVENTS

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "events.md"

HEAD = """# Events

What a kernel tells to handlers that are attached to it:

```python
attachment = system.telemetry.attach("actor.*", handler)  # a name, or a pattern with *
attachment.detach()
```

A handler that is attached to `ActorSystem(…).telemetry` before `async with` sees the root start.

`handler(event)` is called at once, in the loop: a plain function that keeps it short. `event` has
`name`, `time` (monotonic seconds), `measurements` (numbers) and `metadata`. A handler that raises
is detached and reported. While nothing is attached, no event is made.

Durations are in seconds. This page is made from `airssys_wasm/kernel/events.py`.
"""


def rows(kind: str, fields: Mapping[str, str]) -> Iterator[str]:
    for key, meaning in fields.items():
        yield f"| {kind} | `{key}` | {meaning} |"


def as_markdown() -> str:
    """The whole document."""
    lines = [HEAD]
    for spec in EVENTS:
        lines += [f"## `{spec.name}`", "", spec.when, ""]
        if spec.measurements or spec.metadata:
            lines += ["| | key | meaning |", "|---|---|---|"]
            lines += rows("measurement", spec.measurements)
            lines += rows("metadata", spec.metadata)
            lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(as_markdown(), encoding="utf-8")
