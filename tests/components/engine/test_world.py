"""Which components fit the world runtime-host, and what is said of those that don't."""

from collections.abc import Mapping

import pytest

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host, world_1_0
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FuncType,
    Item,
    OptionType,
    OtherItem,
    Primitive,
    RecordType,
    ResultType,
    VariantType,
    differences,
    exported_interface,
    served_by,
    signature,
)

WORLD = world_1_0()
STORAGE = "airssys:core/storage@1.0.0"
SERVICES = "airssys:core/host-services@1.0.0"
STRING = Primitive("string")


def with_import(interface: str, function: str, item: Item) -> dict[str, dict[str, Item]]:
    return {interface: {function: item}}


def found(
    imports: Mapping[str, Mapping[str, Item]] | None = None,
    exports: Mapping[str, Mapping[str, Item]] | None = None,
) -> list[str]:
    return differences(WORLD, imports or {}, WORLD.exports if exports is None else exports)


def test_the_world_has_the_functions_that_the_specification_lists() -> None:
    functions = {
        name.partition("/")[2]: sorted(interface)
        for interfaces in (WORLD.imports, WORLD.exports)
        for name, interface in interfaces.items()
    }
    assert functions == {
        "host-messaging@1.0.0": ["broadcast", "cancel-request", "request", "self-id", "send"],
        "host-services@1.0.0": [
            "current-time",
            "current-time-millis",
            "get-component-metadata",
            "list-components",
            "log",
            "sleep-millis",
        ],
        "storage@1.0.0": ["delete", "exists", "get", "list-keys", "set", "usage"],
        "component-lifecycle@1.0.0": [
            "handle-callback",
            "handle-message",
            "health",
            "initialize",
            "metadata",
            "shutdown",
        ],
    }


def test_a_signature_reads_like_wit() -> None:
    get = WORLD.imports[STORAGE]["get"]
    assert signature(get) == (
        "func(key: string) -> result<option<list<u8>>, storage-error{not-found(string), "
        "already-exists(string), quota-exceeded, invalid-key(string), io-error(string)}>"
    )


def test_a_component_with_all_imports_and_exports_of_the_world_fits() -> None:
    assert found(WORLD.imports) == []


def test_a_component_that_imports_nothing_fits() -> None:
    assert found({}) == []


def test_parameters_may_have_other_names() -> None:
    changed = FuncType((STRING,), WORLD.imports[STORAGE]["get"].result, ("name",))
    assert found(with_import(STORAGE, "get", changed)) == []


def test_records_may_have_other_names() -> None:
    usage = WORLD.imports[STORAGE]["usage"].result
    assert isinstance(usage, ResultType)
    assert isinstance(usage.ok, RecordType)
    renamed = FuncType((), ResultType(RecordType(usage.ok.fields, "anything"), usage.err))
    assert found(with_import(STORAGE, "usage", renamed)) == []


def test_interfaces_without_functions_do_not_count() -> None:
    assert found({"airssys:core/types@1.0.0": {}, "anyone:at-all/types@9.0.0": {}}) == []


def test_exports_beyond_the_world_do_not_count() -> None:
    extra: dict[str, Mapping[str, Item]] = {**WORLD.exports, "a:b/c": {"f": FuncType(())}}
    extra[LIFECYCLE] = {**WORLD.exports[LIFECYCLE], "more": FuncType(())}
    assert found(exports=extra) == []


def test_a_changed_import_is_named_with_both_signatures() -> None:
    assert found(with_import(SERVICES, "sleep-millis", FuncType((STRING,), None, ("t",)))) == [
        f"import {SERVICES}#sleep-millis differs: the world has func(duration-ms: u64), "
        "the component has func(t: string)"
    ]


def test_what_is_nested_is_compared_and_what_is_the_same_in_it_is_not_spelled_out() -> None:
    services = WORLD.imports[SERVICES]["log"]
    shuffled = EnumType(("debug", "trace", "info", "warn", "error"))
    (said,) = found(
        with_import(SERVICES, "log", FuncType((shuffled, *services.params[1:]), None, ("l",) * 3))
    )
    assert "the world has func(level: log-level{trace, debug, info, warn, error}" in said
    assert "the component has func(l: enum{debug, trace, info, warn, error}" in said

    metadata = WORLD.imports[SERVICES]["get-component-metadata"]
    (said,) = found(
        with_import(SERVICES, "get-component-metadata", FuncType(metadata.params, STRING))
    )
    assert "func(_: component-id{…}) -> string" in said


@pytest.mark.parametrize(
    "other",
    [
        FuncType((), WORLD.imports[STORAGE]["get"].result),
        FuncType((STRING, STRING), WORLD.imports[STORAGE]["get"].result),
        FuncType((STRING,)),
        FuncType((STRING,), BYTES),
        FuncType((STRING,), ResultType(BYTES, None)),
        FuncType((STRING,), ResultType(OptionType(STRING), VariantType((("io-error", STRING),)))),
        FuncType((STRING,), WORLD.imports[STORAGE]["get"].result, is_async=True),
        OtherItem("resource"),
    ],
)
def test_every_kind_of_difference_is_found(other: Item) -> None:
    assert len(found(with_import(STORAGE, "get", other))) == 1


def test_an_unknown_function_is_named() -> None:
    assert found(with_import(STORAGE, "scan", FuncType(()))) == [
        f"imports {STORAGE}#scan, which the world runtime-host does not have"
    ]


def test_an_unknown_interface_is_named() -> None:
    assert found(with_import("wasi:random/random@0.2.0", "get-random-u64", FuncType(()))) == [
        "imports wasi:random/random@0.2.0, which the world runtime-host does not have"
    ]


def test_an_import_outside_any_interface_is_named() -> None:
    assert found(with_import("", "now", FuncType(()))) == [
        "imports now, which the world runtime-host does not have"
    ]


def test_an_interface_of_a_later_minor_version_is_named_with_the_one_there_is() -> None:
    assert found(with_import("airssys:core/storage@1.1.0", "get", FuncType(()))) == [
        f"imports airssys:core/storage@1.1.0, but the world runtime-host has {STORAGE}"
    ]


def test_a_missing_export_is_named_with_its_signature() -> None:
    functions = {k: v for k, v in WORLD.exports[LIFECYCLE].items() if k != "shutdown"}
    (said,) = found(exports={LIFECYCLE: functions})
    assert said.startswith(f"does not export {LIFECYCLE}#shutdown: func() -> result<_, ")


def test_a_missing_lifecycle_is_one_difference() -> None:
    assert found(exports={}) == [f"does not export {LIFECYCLE}"]


def test_all_differences_are_found_in_one_go() -> None:
    imports = {STORAGE: {"get": FuncType(()), "set": FuncType(())}, "a:b/c": {"d": FuncType(())}}
    assert len(found(imports, {LIFECYCLE: {}})) == 3 + len(WORLD.exports[LIFECYCLE])


def test_a_huge_signature_is_cut_short() -> None:
    huge = FuncType((RecordType(tuple((f"field-{n}", STRING) for n in range(9999))),))
    (said,) = found(with_import(STORAGE, "get", huge))
    assert len(said) < 2_000


@pytest.mark.parametrize(
    ("offered", "wanted", "serves"),
    [
        ("1.0.0", "1.0.0", True),
        ("1.0.0", "1.0.7", True),
        ("1.1.0", "1.0.0", True),
        ("1.0.0", "1.1.0", False),
        ("2.0.0", "1.0.0", False),
        ("0.2.1", "0.2.0", True),
        ("0.2.1", "0.2.9", True),  # what is new in it is looked for by name
        ("0.3.0", "0.2.0", False),
        ("1.2.0", "0.2.0", False),
        ("1.0.0", "1.0.0-draft", False),
        ("1.0.0", "1.0", False),
        ("1.0.0", "", False),
    ],
)
def test_which_version_serves_which(offered: str, wanted: str, serves: bool) -> None:
    asked = f"a:b/c@{wanted}" if wanted else "a:b/c"
    assert served_by([f"a:b/c@{offered}"], asked) == (f"a:b/c@{offered}" if serves else None)


def test_the_lifecycle_is_looked_up_by_its_own_name_first() -> None:
    later = LIFECYCLE.replace("1.0.0", "1.0.5")
    assert exported_interface([later, LIFECYCLE], LIFECYCLE) == LIFECYCLE
    assert exported_interface([later], LIFECYCLE) == later
    assert exported_interface(["airssys:core/component-lifecycle@2.0.0"], LIFECYCLE) is None


# --- 1.1


def test_the_world_1_1_has_all_of_1_0_as_it_was_and_more() -> None:
    latest = runtime_host()
    for interface, functions in WORLD.imports.items():
        there = latest.imports[interface.replace("@1.0.0", "@1.1.0")]
        assert {name: there[name] for name in functions} == functions
    assert latest.exports == WORLD.exports
    more = {
        interface.partition("/")[2]: sorted(functions)
        for interface, functions in {**latest.imports, **latest.optional}.items()
        if interface.replace("@1.1.0", "@1.0.0") not in WORLD.imports
    }
    assert more == {
        "pubsub@1.1.0": ["publish", "subscribe", "unsubscribe"],
        "calls@1.1.0": ["call"],
        "actors@1.1.0": ["demonitor", "monitor", "spawn"],
        "batch@1.1.0": ["handle-batch"],
        "text@1.1.0": ["handle-text"],
        "text-batch@1.1.0": ["handle-text-batch"],
    }
    storage = set(latest.imports["airssys:core/storage@1.1.0"]) - set(WORLD.imports[STORAGE])
    assert storage == {"list-page", "batch"}


def test_what_was_built_for_1_0_and_for_1_1_fits_the_latest_world() -> None:
    latest = runtime_host()
    assert differences(latest, WORLD.imports, WORLD.exports) == []
    renamed = {LIFECYCLE.replace("1.0.0", "1.1.0"): WORLD.exports[LIFECYCLE]}
    assert differences(latest, latest.imports, {**renamed, **latest.optional}) == []


@pytest.mark.parametrize("version", ["1.2.0", "2.0.0"])
def test_a_component_that_wants_a_later_world_is_told_which_there_is(version: str) -> None:
    later = LIFECYCLE.replace("1.0.0", version)
    imports = {f"airssys:core/storage@{version}": WORLD.imports[STORAGE]}
    assert differences(runtime_host(), imports, {later: WORLD.exports[LIFECYCLE]}) == [
        f"imports airssys:core/storage@{version}, but the world runtime-host has "
        "airssys:core/storage@1.1.0",
        f"exports {later}, but the world runtime-host has {LIFECYCLE} to "
        "airssys:core/component-lifecycle@1.1",
    ]


def test_an_optional_export_of_another_type_is_refused() -> None:
    exports = {**WORLD.exports, "airssys:core/batch@1.1.0": {"handle-batch": FuncType(())}}
    (said,) = differences(runtime_host(), {}, exports)
    assert said.startswith("export airssys:core/batch@1.1.0#handle-batch differs: the world has ")
