"""What `check` tells programs: JSON, and SARIF 2.1.0."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airssys_wasm.cli.check import Format, check
from airssys_wasm.cli.formats import as_sarif
from airssys_wasm.config import load
from airssys_wasm.config.rules import RULES

BAD = Path(__file__).parent.parent / "config" / "bad"

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
AT_LEAST_1 = {"type": "integer", "minimum": 1}
# The parts of the standard's own schema that a log of ours has, with what it requires of them.
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"$ref": "#/$defs/tool"},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
                "additionalProperties": False,
            },
        },
    },
    "$defs": {
        "tool": {
            "type": "object",
            "required": ["driver"],
            "properties": {
                "driver": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "version": {"type": "string"},
                        "rules": {"uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
                    },
                    "additionalProperties": False,
                }
            },
        },
        "rule": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                "shortDescription": TEXT,
                "defaultConfiguration": {
                    "properties": {"level": {"enum": ["none", "note", "warning", "error"]}}
                },
            },
            "additionalProperties": False,
        },
        "result": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["warning", "error"]},
                "message": TEXT,
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
            },
            "additionalProperties": False,
        },
        "location": {
            "type": "object",
            "properties": {
                "message": TEXT,
                "logicalLocations": {"items": {"required": ["fullyQualifiedName"]}},
                "physicalLocation": {
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "properties": {
                                "uri": {"type": "string", "pattern": "^[!-~]*$"},
                                "uriBaseId": {"type": "string"},
                            },
                            "additionalProperties": False,
                        },
                        "region": {
                            "properties": {
                                "startLine": AT_LEAST_1,
                                "startColumn": AT_LEAST_1,
                                "endColumn": AT_LEAST_1,
                            },
                            "additionalProperties": False,
                        },
                        "contextRegion": {
                            "properties": {"startLine": AT_LEAST_1, "snippet": TEXT},
                            "additionalProperties": False,
                        },
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    },
}
VALIDATOR = jsonschema.Draft202012Validator(SARIF)


def checked(file: Path, output: Format, *, strict: bool = False, sets: tuple[str, ...] = ()) -> Any:
    out = io.StringIO()
    code = check(file, output=output, strict=strict, sets=sets, out=out)
    return code, json.loads(out.getvalue())


def test_json_has_the_problems_with_their_places_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    code, found = checked(Path("eight_mistakes.yaml"), "json")
    assert code == 2
    assert (found["ok"], found["errors"], found["warnings"]) == (False, 8, 0)
    problem = next(each for each in found["problems"] if each["rule"] == "component-file")
    assert problem == {
        "file": "eight_mistakes.yaml",
        "line": 14,
        "column": 16,
        "end_column": 28,
        "path": "children[2].component",
        "severity": "error",
        "rule": "component-file",
        "message": "there is no file 'pricing.wasm'",
        "hint": "did you mean 'prices.wasm'?",
        "source_line": "    component: pricing.wasm",
    }


def test_a_right_file_has_no_problems_in_any_format(tmp_path: Path) -> None:
    shutil.copy(BAD / "shop.py", tmp_path)
    file = tmp_path / "tree.yaml"
    file.write_text("version: 1\nname: shop\nchildren: [{id: a, actor: 'shop:Plain'}]")
    nothing = {"ok": True, "errors": 0, "warnings": 0, "problems": []}
    assert checked(file, "json") == (0, nothing)
    code, log = checked(file, "sarif")
    assert (code, log["runs"][0]["results"]) == (0, [])


def test_strict_makes_warnings_errors_in_every_format() -> None:
    file = BAD / "suspicious.yaml"
    code, found = checked(file, "json")
    assert (code, found["ok"], found["errors"]) == (0, True, 0)
    code, found = checked(file, "json", strict=True)
    assert (code, found["ok"], found["warnings"]) == (2, False, 0)
    code, log = checked(file, "sarif", strict=True)
    assert code == 2
    assert {result["level"] for result in log["runs"][0]["results"]} == {"error"}


@pytest.mark.parametrize("name", sorted(path.name for path in BAD.glob("*.yaml")))
def test_each_bad_file_gives_a_sarif_log_as_the_standard_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    problems = load(Path(name), environment={}).problems
    log = as_sarif(problems, "1.0.0")
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        problem.rule for problem in problems
    ]


def test_sarif_tells_where_in_the_file_and_where_in_the_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(BAD)
    _, log = checked(Path("include_mistakes.yaml"), "sarif")
    result = next(r for r in log["runs"][0]["results"] if r["ruleId"] == "duplicate-id")
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "parts/mistakes.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 7, "startColumn": 9, "endColumn": 10},
                "contextRegion": {"startLine": 7, "snippet": {"text": "  - id: b"}},
            },
            "logicalLocations": [{"fullyQualifiedName": "children[1].id"}],
        }
    ]


def test_an_option_is_no_place_in_a_file_and_odd_file_names_are_uris(tmp_path: Path) -> None:
    file = tmp_path / "a b %.yaml"
    file.write_text("version: 1\nname: x\nchildren: []")
    _, log = checked(file, "sarif", sets=("nobody.x=1",))
    option, children = (result["locations"][0] for result in log["runs"][0]["results"])
    if "physicalLocation" in option:
        option, children = children, option
    assert option == {"message": {"text": "--set nobody.x=1"}}
    uri = children["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"file://{tmp_path}/a%20b%20%25.yaml"


def test_every_rule_is_broken_by_a_bad_file_or_needs_more_than_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(BAD)
    broken = {
        problem.rule
        for path in BAD.glob("*.yaml")
        for problem in load(Path(path.name), environment={}).problems
    }
    elsewhere = {"component-world", "ungranted-import", "file", "set"}
    assert broken | elsewhere == set(RULES)
