"""Inputs for `fuzz_trees`: tree files that nobody would write, each made from a number.

Bytes: files of the corpus, damaged. Structures: trees of YAML nodes, damaged or made up, with the
words of the format at places where they do and don't belong. Bombs: small files that mean much.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from airssys_wasm.config.tree_schema import made

CORPUS = Path(__file__).parent / "config"
LARGEST = 1 << 20  # bytes of an input; larger ones are refused unread

Files = dict[str, bytes]

_TOKENS = (
    *(
        "${A}",
        "${",
        "$${",
        "${A:-",
        "*a",
        "&a ",
        "<<: *a",
        "!!str ",
        "!x ",
        "? ",
        "- ",
        ": ",
        "|\n",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        "#",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "---\n",
        "...\n",
        "\t",
        "\n",
        " ",
    ),
    *(
        "\0",
        "\x1b",
        "\ufeff",
        "\u2028",
        "\ud7ff",
        "é",
        "日本",
        "😀",
        "null",
        "~",
        "on",
        "No",
        "0o17",
    ),
    *("010", "1:30", "1e999", ".nan", "-.inf", "0x", "9" * 30, "5s", "16MiB", "include: b.yaml"),
    *("defaults: ", "children: ", "id: a", "actor: shop:Plain", "pool: ", "supervisor: ", "true"),
    *(
        "component: prices.wasm",
        "dynamic: ",
        "orders.*",
        ">",
        "name: null",
        "version: 1",
        "x" * 300,
    ),
)
_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 10**30, -(10**30), 0.5, 1e300, float("inf"), float("nan")),
    *(
        "",
        " ",
        "a",
        "b",
        "root",
        "no",
        "010",
        "1:30",
        "5s",
        "5 s",
        "infinity",
        "16MiB",
        "2024-01-01",
    ),
    *("shop:Plain", "shop:Store", "shop:read", "nowhere:Nobody", "json:loads", "shop", ":", "a.b:"),
    *("prices.wasm", ".", "..", "/", "b.yaml", "tree.yaml", "parts/billing.yaml", "missing.yaml"),
    *("${A}", "${A:-x}", "${", "$${A}", "orders.*", "orders.>", ">", "*", "a..b", "a/b/c", "a/*/c"),
    *("permanent", "always", "one_for_all", "by_key", "queue", "read-write", "json", "x" * 5_000),
    *(
        "\u200b",
        "\u2028",
        "\x7f",
        "é" * 40,
        "😀",
        "a b",
        "a\nb",
        "\t",
        "'",
        '"',
        "{}",
        "[",
        "#",
        "&a",
    ),
)


def files(seed: int, number: int) -> Files:
    """The files of one input; `tree.yaml` is the one to check."""
    chance = random.Random(f"{seed}:{number}")
    make = chance.choices(
        (_damaged_bytes, _damaged_lines, _damaged_tree, _made_up, _bomb), (300, 150, 300, 248, 2)
    )[0]
    found = {"tree.yaml": make(chance)[: LARGEST + 1]}
    if chance.random() < 0.2:
        found["b.yaml"] = chance.choice((_damaged_bytes, _damaged_tree))(chance)
    return found


def structure(seed: int) -> bytes:
    """A tree of YAML nodes, damaged or made up."""
    chance = random.Random(seed)
    return chance.choice((_damaged_tree, _damaged_tree, _made_up))(chance)


@cache
def _corpus() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(CORPUS.glob("*/*.yaml")))


@cache
def _trees() -> tuple[Any, ...]:
    good = sorted(CORPUS.glob("good/**/*.yaml"))
    return tuple(yaml.safe_load(path.read_bytes()) for path in good)


@cache
def _words() -> tuple[str, ...]:
    """All keys and words of the format."""
    found = {"include", "<<", "", "a", "b", "404", "on"}

    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            found.update(schema.get("properties", {}))
            found.update(word for word in schema.get("enum", ()) if isinstance(word, str))
            for inner in schema.values():
                walk(inner)
        elif isinstance(schema, list):
            for inner in schema:
                walk(inner)

    walk(made())
    return tuple(sorted(found))


# -- bytes --------------------------------------------------------------------------------


def _damaged_bytes(chance: random.Random) -> bytes:
    data = bytearray(chance.choice(_corpus()))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 20))):
        at = chance.randrange(len(data) + 1)
        until = min(len(data), at + chance.choice((1, 1, 2, 8, 64)))
        match chance.randrange(6):
            case 0:
                data[at:at] = chance.choice(_TOKENS).encode("utf-8", "surrogatepass")
            case 1:
                del data[at:until]
            case 2:
                data[at:until] = bytes(chance.randrange(256) for _ in range(until - at))
            case 3:
                data[at:at] = data[at:until] * chance.choice((1, 2, 50))
            case 4:
                other = chance.choice(_corpus())
                start = chance.randrange(len(other) + 1)
                data[at:until] = other[start : start + chance.choice((5, 50, 500))]
            case _:
                if at < len(data):
                    data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def _damaged_lines(chance: random.Random) -> bytes:
    lines = chance.choice(_corpus()).split(b"\n")
    for _ in range(chance.choice((1, 2, 4))):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                lines.insert(chance.randrange(len(lines) + 1), lines[at])
            case 1:
                lines[at] = b" " * chance.randrange(1, 5) + lines[at]
            case 2:
                lines[at] = lines[at][chance.randrange(1, 4) :]
            case 3:
                lines.insert(at, chance.choice(chance.choice(_corpus()).split(b"\n")))
            case _:
                lines[at] = lines[at].replace(b" ", b"\t", 1)
    return b"\n".join(lines)


# -- structures ---------------------------------------------------------------------------


def _damaged_tree(chance: random.Random) -> bytes:
    tree = _copied(chance.choice(_trees()))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        places = list(_places(tree))
        holder, key = chance.choice(places)
        match chance.randrange(6):
            case 0:
                holder[key] = _value(chance, 2)
            case 1:
                other, other_key = chance.choice(places)
                holder[key] = _copied(other[other_key])
            case 2:
                del holder[key]
            case 3 if isinstance(holder, dict):
                holder[chance.choice(_words())] = holder.pop(key)
            case 4 if isinstance(holder, dict):
                holder[chance.choice(_words())] = _value(chance, 2)
            case _:
                holder[key] = [holder[key]] if chance.random() < 0.5 else {"children": holder[key]}
        if not isinstance(tree, dict) or not tree:
            break
    flow = chance.choice((True, False, None))
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    return text.encode("utf-8", "surrogatepass")


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All holders of values, with the key or index of the value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in list(inner):
        yield value, key
        if isinstance(below, dict | list):
            yield from _places(below)


def _made_up(chance: random.Random) -> bytes:
    root: Any = _value(chance, 6)
    if chance.random() < 0.8:
        children = [_child(chance, 4) for _ in range(chance.randrange(6))]
        root = {"version": 1, "name": "x", "children": children}
        for _ in range(chance.randrange(4)):
            root[chance.choice(_words())] = _value(chance, 3)
    return _written(chance, root).encode("utf-8", "surrogatepass")


def _child(chance: random.Random, depth: int) -> Any:
    if chance.random() < 0.05:
        return _value(chance, depth)
    kind = chance.choice(("actor", "component", "supervisor", "pool", "dynamic", "include"))
    child: dict[str, Any] = {"id": chance.choice(("a", "b", "c", f"n{chance.randrange(999)}"))}
    match kind:
        case "supervisor" if depth > 0:
            inner = [_child(chance, depth - 1) for _ in range(chance.randrange(4))]
            child[kind] = {"children": inner}
        case "pool" | "dynamic":
            child[kind] = {"actor": "shop:Plain", "size": chance.choice((1, 2, 0))}
        case "include":
            child[kind] = chance.choice(("b.yaml", "tree.yaml", "missing.yaml"))
        case _:
            child[kind] = chance.choice(_SCALARS)
    for _ in range(chance.randrange(4)):
        child[chance.choice(_words())] = _value(chance, 2)
    return child


def _value(chance: random.Random, depth: int) -> Any:
    roll = chance.random()
    if depth <= 0 or roll < 0.5:
        return chance.choice(_SCALARS)
    if roll < 0.6:
        return chance.choice(_words())
    if roll < 0.75:
        return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice(_words()): _value(chance, depth - 1) for _ in range(chance.randrange(5))}


def _written(chance: random.Random, value: Any) -> str:
    """The value in flow style, here and there with an anchor, an alias, a tag or no quotes."""
    mark = chance.random()
    prefix = "&a " if mark < 0.01 else "!!str " if mark > 0.995 else ""
    if 0.01 <= mark < 0.02:
        return "*a"
    if isinstance(value, dict):
        entries = (f"{_written(chance, k)}: {_written(chance, v)}" for k, v in value.items())
        return f"{prefix}{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"{prefix}[{', '.join(_written(chance, item) for item in value)}]"
    if isinstance(value, str) and chance.random() < 0.5 and value.isprintable():
        return prefix + value
    if isinstance(value, str):
        return prefix + "'" + value.replace("'", "''") + "'"
    return prefix + yaml.safe_dump(value).partition("\n")[0]


# -- bombs --------------------------------------------------------------------------------


def _bomb(chance: random.Random) -> bytes:
    bombs: tuple[Callable[[int], str], ...] = (
        lambda n: "[" * n,
        lambda n: "{a: " * n,
        lambda n: "- " * n,
        lambda n: "? " * n,
        lambda n: _children(n // 40, "restart: x"),
        lambda n: _children(n // 40, ""),
        lambda n: _children(n // 60, "include: b.yaml"),
        lambda n: _heavy_defaults(n),
        lambda n: "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 60)),
        lambda n: "".join(f"k{i}: {i}\n" for i in range(n // 10)),
        lambda n: f"version: 1\nname: {'x' * n}\n",
        lambda n: f'version: 1\nname: "{"${A:-" * (n // 5)}"\n',
        lambda n: "a: 'x\n" + "\n" * n,
        lambda n: "\t" * n,
        lambda n: "a:\n" + "".join(f"\tb{i}: 1\n" for i in range(n // 8)),
        lambda n: "x " * n,
        lambda n: f"version: {'9' * n}\n",
        lambda n: f"version: 1\nname: x\nchildren: [{'&a ' * (n // 3)}1]\n",
        lambda n: "version: 1\nname: x\nchildren: [" + "{" * 60 + "}" * 60 + "]\n",
    )
    size = chance.choice((1_000, 10_000, 100_000, 900_000))
    return chance.choice(bombs)(size).encode()


def _children(number: int, key: str) -> str:
    lines = (f"  - {{id: n{i}, actor: 'shop:Plain', {key}}}" for i in range(number))
    return "version: 1\nname: x\nchildren:\n" + "\n".join(lines)


def _heavy_defaults(size: int) -> str:
    keys = "".join(f"{word}: {{{', '.join(f'k{i}: 1' for i in range(40))}}}, " for word in _words())
    return f"defaults: {{{keys}}}\n{_children(size // 40, '')}"
