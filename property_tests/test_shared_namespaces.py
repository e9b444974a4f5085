"""What `check` lets pass about storage starts in any order, and what it refuses does not, or should
not: one law for the rules of tree files and the claims of running components."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.security.capability import StorageGrant
from airssys_wasm.components.storage.namespaces import NamespaceConflict, Namespaces
from airssys_wasm.config import Surroundings, load_text

NAMES = ("a", "b", "c")

grants = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "namespace": st.sampled_from([*NAMES, "d"]),
        "shared": st.booleans(),
        "quota": st.sampled_from([10, 20]),
    },
)
trees = st.fixed_dictionaries(dict.fromkeys(NAMES, grants))


def rules_broken(tree: dict[str, dict[str, Any] | None]) -> set[str]:
    children = [
        {
            "id": name,
            "component": f"{name}.wasm",
            "capabilities": {} if grant is None else {"storage": grant},
        }
        for name, grant in tree.items()
    ]
    text = json.dumps({"version": 1, "name": "shop", "children": children})
    loaded = load_text("t.yaml", text.encode(), Path(), surroundings=Surroundings())
    return {problem.rule for problem in loaded.errors}


def starts(tree: dict[str, dict[str, Any] | None], order: tuple[str, ...]) -> bool:
    namespaces = Namespaces()
    try:
        for name in order:
            grant = tree[name]
            if grant is not None:
                namespaces.claim(parse_id(name), StorageGrant(**{"quota": 99, **grant}))
    except NamespaceConflict:
        return False
    return True


def uses_what_was_not_granted(tree: dict[str, dict[str, Any] | None]) -> bool:
    """Whether one uses the namespace of another that has no storage: only `check` sees that."""
    used = {
        name: grant["namespace"] for name, grant in tree.items() if grant and "namespace" in grant
    }
    return any(other in tree and tree[other] is None for name, other in used.items())


@given(trees)
def test_check_and_the_start_agree_about_namespaces(
    tree: dict[str, dict[str, Any] | None],
) -> None:
    broken = rules_broken(tree)
    assert broken <= {"storage-namespace", "storage-quota"}
    started = {starts(tree, order) for order in permutations(NAMES)}
    if uses_what_was_not_granted(tree):
        assert "storage-namespace" in broken
    else:
        assert started == {not broken}
