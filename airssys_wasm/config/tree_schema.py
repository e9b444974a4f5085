"""The JSON Schema of tree files, as it is shipped and as it is made.

Reads nothing but the file beside this module; `python -m airssys_wasm.config.tree_schema` writes
it anew, and a test keeps it equal to what is made from the dataclasses.
"""

from __future__ import annotations

import json
from importlib.resources import files

from airssys_wasm.config.tree import TreeConfig
from airssys_wasm.schema.json_schema import JsonValue, json_schema

FILE = "tree.schema.json"
IDENTITY = "urn:airssys-wasm:tree:1"


def shipped() -> str:
    """The text of the file."""
    return (files("airssys_wasm.config") / FILE).read_text(encoding="utf-8")


def made() -> JsonValue:
    """The schema of a tree file of version 1."""
    return json_schema(TreeConfig, identity=IDENTITY, title="Tree file of airssys-wasm")


def text() -> str:
    """What the file is to say."""
    return json.dumps(made(), indent=2) + "\n"


if __name__ == "__main__":
    from pathlib import Path

    Path(str(files("airssys_wasm.config") / FILE)).write_text(text(), encoding="utf-8")
