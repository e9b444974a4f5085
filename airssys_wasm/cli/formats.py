"""What `check` found, for programs: as JSON, and as SARIF for code scanning.

Pure. Columns count characters, from 1; `end_column` is the one after the last.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, TypeAlias
from urllib.parse import quote

from airssys_wasm.config.overrides import SOURCE as OPTION
from airssys_wasm.config.rules import RULES, level
from airssys_wasm.schema import Problem

JsonObject: TypeAlias = dict[str, Any]

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_ROOT = "%SRCROOT%"  # what relative paths are relative to; code scanning knows it


def as_json(problems: Sequence[Problem]) -> JsonObject:
    """The problems, and how many there are of each severity."""
    errors = sum(problem.severity == "error" for problem in problems)
    return {
        "ok": errors == 0,
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [_problem(problem) for problem in problems],
    }


def _problem(problem: Problem) -> JsonObject:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "end_column": problem.column + problem.width,
        "path": problem.path,
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
        "hint": problem.hint,
        "source_line": problem.source_line,
    }


def as_sarif(problems: Sequence[Problem], version: str) -> JsonObject:
    """A log of one run of this program, whose version is `version`."""
    broken = [rule for rule in RULES if any(problem.rule == rule for problem in problems)]
    driver = {
        "name": "airssys-wasm",
        "version": version,
        "rules": [_rule(rule) for rule in broken],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, broken.index(problem.rule)) for problem in problems],
    }
    return {"$schema": SARIF_SCHEMA, "version": SARIF_VERSION, "runs": [run]}


def _rule(rule: str) -> JsonObject:
    return {
        "id": rule,
        "shortDescription": {"text": RULES[rule]},
        "defaultConfiguration": {"level": level(rule)},
    }


def _result(problem: Problem, index: int) -> JsonObject:
    hint = f"; {problem.hint}" if problem.hint else ""
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": f"{problem.message}{hint}"},
        "locations": [_location(problem)],
    }


def _location(problem: Problem) -> JsonObject:
    location: JsonObject = {}
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
    if problem.file == OPTION:  # of the command line, which is no artifact
        location["message"] = {"text": f"{OPTION} {problem.source_line}"}
        return location
    region = {
        "startLine": problem.line,
        "startColumn": problem.column,
        "endColumn": problem.column + problem.width,
    }
    physical: JsonObject = {"artifactLocation": _artifact(problem.file), "region": region}
    if problem.source_line:
        snippet = {"text": problem.source_line}
        physical["contextRegion"] = {"startLine": problem.line, "snippet": snippet}
    return {"physicalLocation": physical, **location}


def _artifact(file: str) -> JsonObject:
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": "file://" + quote(path.as_posix(), errors="surrogateescape")}
    return {"uri": quote(path.as_posix(), errors="surrogateescape"), "uriBaseId": _ROOT}
