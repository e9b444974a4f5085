"""The conformance table as docs/conformance.md and docs/conformance.json.

Pure. Both say the same: what each rule asks for, whether that is so, and which tests show it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.conformance.rules import AREAS, STATUSES, Rule, Status

SOURCE = "Erlang/OTP 25.2.3: suites of stdlib, kernel and the emulator, and the manual"

HEAD = """\
# Conformance with Erlang/OTP

Actors here behave as the processes of Erlang/OTP do, and supervisors as its supervisors. This page
has every rule by which that is judged, and the tests that show it. The rules were taken from the
test suites of Erlang/OTP 25.2.3 and its manual; *source* names suite and case.

- **passes**: at least one test carries the id of the rule, and all that do passed.
- **departs**: another behaviour is intended, and tested; it says why.
- **not applicable**: it speaks of what is not here; it says why.
- **not yet**: to come; it says what is missing.

`python -m tests.conformance` runs those tests and writes this page and `docs/conformance.json`. A
test names its rules in a mark, `@pytest.mark.rule("LINK-01")`; the rules are in
`tests/conformance/`.
"""


def problems(rules: Mapping[str, Rule], tests: Mapping[str, Sequence[str]]) -> list[str]:
    """Why the table cannot be made: unknown ids, and rules that nothing shows."""
    found = [
        f"{test}: there is no rule {id}"
        for id, marked in tests.items()
        if id not in rules
        for test in marked
    ]
    found += [
        f"{rule.id} {rule.status}, but no test carries its id"
        for rule in rules.values()
        if rule.status in ("passes", "departs") and not tests.get(rule.id)
    ]
    return found


def as_json(rules: Mapping[str, Rule], tests: Mapping[str, Sequence[str]]) -> str:
    """The table for programs."""
    areas = [
        {
            "area": area,
            "title": title,
            "rules": [
                {
                    "id": rule.id,
                    "status": rule.status,
                    "why": rule.why,
                    "note": rule.note,
                    "expected": rule.expected,
                    "source": rule.source,
                    "tests": list(tests.get(rule.id, ())),
                }
                for rule in rules.values()
                if rule.area == area
            ],
        }
        for area, (title, _) in AREAS.items()
    ]
    table = {"source": SOURCE, "counts": _counts(rules.values()), "areas": areas}
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def as_markdown(rules: Mapping[str, Rule], tests: Mapping[str, Sequence[str]]) -> str:
    """The table for people."""
    parts = [HEAD, _summary(rules)]
    for area, (title, _) in AREAS.items():
        rows = [_row(rule, tests.get(rule.id, ())) for rule in rules.values() if rule.area == area]
        parts.append(
            f"## {area}. {title}\n\n"
            "| rule | expected | here | source | tests |\n|---|---|---|---|---|\n" + "".join(rows)
        )
    return "\n".join(parts)


def _summary(rules: Mapping[str, Rule]) -> str:
    lines = [
        f"| area | {' | '.join(STATUSES)} |\n|---|{'---:|' * len(STATUSES)}\n",
    ]
    for area, (title, _) in AREAS.items():
        counts = _counts(rule for rule in rules.values() if rule.area == area)
        lines.append(f"| {area}. {title} | {_numbers(counts)} |\n")
    lines.append(f"| **together** | {_numbers(_counts(rules.values()))} |\n")
    return "".join(lines)


def _row(rule: Rule, tests: Sequence[str]) -> str:
    here = f"**{rule.status}**" if rule.why is None else f"**{rule.status}**: {rule.why}"
    if rule.note is not None:
        here += f" {rule.note}" if here[-1] == "." else f". {rule.note}"
    cells = (rule.id, rule.expected, here, rule.source, "<br>".join(map(_test, tests)))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def _test(node: str) -> str:
    """A test as a link to its file."""
    path, _, name = node.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


def _counts(rules: Iterable[Rule]) -> dict[Status, int]:
    counted = Counter(rule.status for rule in rules)
    return {status: counted[status] for status in STATUSES}


def _numbers(counts: Mapping[Status, int]) -> str:
    return " | ".join(str(counts[status]) for status in STATUSES)
