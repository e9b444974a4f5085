"""The kinds of mistakes that a text can have, each with an id that stays the same.

Pure. Programs that read reports (editors, code scanning) tell mistakes apart by these ids; the
words of a message may change. `YAML_RULES` are broken by texts that are no proper YAML,
`SCHEMA_RULES` by values at places where they may not stand.
"""

from __future__ import annotations

YAML_RULES = {
    "yaml-alias": "An alias must stand for an anchor before it, and not be inside of it.",
    "yaml-document": "A file is one document.",
    "yaml-duplicate-key": "A mapping has each key once.",
    "yaml-empty": "A file must say something.",
    "yaml-encoding": "A file is text in UTF-8, without control characters.",
    "yaml-key": "A key is a word.",
    "yaml-merge-key": "Merge keys (<<) are not read; `defaults` says the same once.",
    "yaml-syntax": "A file must be YAML.",
    "yaml-tab": "Lines are indented with spaces, and words separated by them.",
    "yaml-tag": "Tags (!x) are not read.",
    "yaml-too-large": "A file has bounds: of size, of depth and of values, those of aliases too.",
}

SCHEMA_RULES = {
    "ambiguous-word": "Words that YAML 1.1 and 1.2 read differently (no, on, 010, 1:30) are "
    "written in quotes where they are text.",
    "environment": "${NAME} stands for a variable that is set, in text where it is allowed.",
    "kind": "One of the keys of a mapping tells what it is, and only one of them is there.",
    "missing-key": "Keys without a default must be there.",
    "quantity": "Durations are written 5s, 500ms, 1h30m, sizes 64KiB, 16MiB.",
    "range": "Numbers and lists have bounds.",
    "type": "A value is of the type that its key asks for.",
    "unknown-key": "Keys that mean nothing are mistakes.",
    "unknown-word": "Where there is a choice, it is one of the words.",
    "value": "A text keeps the rules of what it names.",
}
