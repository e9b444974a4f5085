"""All kinds of mistakes that `check` knows, each with an id that stays the same.

Pure. `MEANING_RULES` are broken by values that are right one by one and wrong together, or with
what they refer to; `WARNING_RULES` by what is legal and hardly meant.
"""

from __future__ import annotations

from airssys_wasm.schema.rules import SCHEMA_RULES, YAML_RULES

MEANING_RULES = {
    "actor": "The import path of an actor leads to a class or function.",
    "arguments": "The arguments are those that the behaviour takes.",
    "backoff": "The first wait of a backoff is not longer than its longest.",
    "component-file": "The binary of a component is there.",
    "component-name": "What a component is registered under is a component id.",
    "component-world": "A component fits the world that it runs in.",
    "durable": "A durable mailbox is a named child's, in a tree with an engine that keeps it.",
    "duplicate-id": "The ids of siblings differ.",
    "duplicate-name": "The names of a tree differ, and none is that of the root.",
    "engine": "An engine can be used: its library, files and classes of messages are there.",
    "file": "The tree file can be read.",
    "grant": "A component subscribes only to what it is granted.",
    "include-cycle": "No file includes itself, nor through others.",
    "include-missing": "A file that is included can be read.",
    "multicodec": "What a component replies in is among the codecs that it declares.",
    "placement": "Children of the root are placed, where an engine and its strategy let them.",
    "pool-key": "A pool has a `key` if, and only if, it routes by key.",
    "set": "What `--set` changes is there.",
    "stand-in": "A component's stand-in names its actor.",
    "storage-namespace": "A namespace of storage is one component's, or all share it.",
    "storage-place": "What components store can be kept where the file says.",
    "storage-quota": "A namespace of storage has one quota.",
    "significant": "A significant child is not permanent, and its supervisor has auto_shutdown.",
}

WARNING_RULES = {
    "auto-shutdown": "With auto_shutdown a child should be significant.",
    "double-subscription": "A child needs no subscription twice.",
    "health-timeout": "A health check should be over before the next one begins.",
    "idle-defaults": "Defaults for components should have a component below them.",
    "idle-node": "A node should have an engine.",
    "include-settings": "What the whole system needs is said in the first file.",
    "killed-supervisor": "A supervisor should have time to stop its children in order.",
    "mailbox": "The settings of a mailbox should have something to do.",
    "no-children": "A supervisor should have children.",
    "placed-storage": "What moves from node to node should not keep what it stores on one of them.",
    "pool-of-one": "A pool should have several workers.",
    "temporary-restart": "A child that is never restarted needs no settings for restarts.",
    "transient-supervisor": "A supervisor that gave up should be started again.",
    "ungranted-import": "A component should be granted what it imports.",
    "unknown-target": "Grants should be about names that are there.",
    "zero-intensity": "The root should survive a crash.",
}

RULES = {**YAML_RULES, **SCHEMA_RULES, **MEANING_RULES, **WARNING_RULES}


def level(rule: str) -> str:
    """What breaking the rule is: an error or a warning.

    >>> level("yaml-tab"), level("no-children")
    ('error', 'warning')
    """
    return "warning" if rule in WARNING_RULES else "error"
