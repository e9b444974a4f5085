"""YAML into frozen dataclasses, every mistake reported with its place. Pure."""

from airssys_wasm.schema.document import Parsed, parse
from airssys_wasm.schema.fields import (
    AtLeast,
    AtMost,
    Checked,
    Duration,
    InOtherFile,
    KindByKey,
    MostItems,
    Named,
    Size,
    Verbatim,
)
from airssys_wasm.schema.problem import KeyPath, Place, Problem, Source, in_order
from airssys_wasm.schema.reader import Reading, Setting, read
from airssys_wasm.schema.report import excerpt, headline, report
from airssys_wasm.schema.text import decode

__all__ = [
    "AtLeast",
    "AtMost",
    "Checked",
    "Duration",
    "InOtherFile",
    "KeyPath",
    "KindByKey",
    "MostItems",
    "Named",
    "Parsed",
    "Place",
    "Problem",
    "Reading",
    "Setting",
    "Size",
    "Source",
    "Verbatim",
    "decode",
    "excerpt",
    "headline",
    "in_order",
    "parse",
    "read",
    "report",
]
