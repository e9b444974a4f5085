"""The component around a core module, as WebAssembly text with a hole for the module.

Pure. The text has, in this order: the hole; for each imported interface an
instance with the functions that are used; the wiring; the lifted exports in a
component of their own, because only an instance of a component can give names
to the types of what it exports.

    $Shim     functions through a table: stands in for the host while $Main is made
    $Main     the core module; its memory and cabi_realloc exist from now on
    $Fixup    puts the host's functions, which need that memory, into the table
    $Wasi     answers WASI preview 1, if $Main imports it, with functions of the host

Source: Component Model, "Explainer.md" (validation: types of imports and
exports are named) and "CanonicalABI.md"; the layout is that of wit-component.
"""

from collections.abc import Mapping

from airssys_wasm.components.engine.world import FuncType, Type, World, served_by
from airssys_wasm.sdk import preview1
from airssys_wasm.sdk.canonical_abi import CoreSignature, core_signature
from airssys_wasm.sdk.core_module import CoreModule
from airssys_wasm.sdk.type_text import definition, named_types, signature

Imports = Mapping[str, Mapping[str, FuncType]]

# Text of the module in the hole: never seen, since its section is replaced.
HOLE = "(core module $Main)"


def unfit(module: CoreModule, world: World) -> list[str]:
    """Everything that keeps `module` from being a component of `world`; each entry a sentence.

    >>> module = CoreModule({("env", "abort"): CoreSignature((), ())}, {}, ("memory",))
    >>> unfit(module, World("w", {}, {}))
    ['imports env#abort, which the world w does not have']
    """
    found = [] if "memory" in module.memories else ["does not export a memory named memory"]
    found += [f"imports {name}, which is no function" for name in module.other_imports]
    for (interface, name), there in module.imports.items():
        if interface == preview1.MODULE:
            found += _unfit_preview1(name, there)
            continue
        function = _imported(world, interface, name)
        if function is None:
            found.append(f"imports {interface}#{name}, which the world {world.name} does not have")
        elif there != (expected := core_signature(function, "import")):
            found.append(f"imports {interface}#{name} as {there}, it must be {expected}")
    for interface, functions in world.exports.items():
        for name, function in functions.items():
            export = f"{interface}#{name}"
            there_or_none = module.functions.get(export)
            expected = core_signature(function, "export")
            if there_or_none is None:
                found.append(f"does not export {export}, {expected}")
            elif there_or_none != expected:
                found.append(f"exports {export} as {there_or_none}, it must be {expected}")
    return found


def _unfit_preview1(name: str, there: CoreSignature) -> list[str]:
    expected = preview1.FUNCTIONS.get(name)
    if expected is None:
        return [f"imports {preview1.MODULE}#{name}, which is not answered"]
    if there != expected:
        return [f"imports {preview1.MODULE}#{name} as {there}, it must be {expected}"]
    return []


def component_text(module: CoreModule, world: World) -> str:
    """The text of the component for a `module` that `unfit` found nothing wrong with.

    The same arguments give the same text.
    """
    used: dict[str, dict[str, FuncType]] = {}
    for interface, name in _asked_of_the_host(module):
        function = _imported(world, interface, name)
        assert function is not None, "unfit() was not asked"
        used.setdefault(interface, {})[name] = function
    lines = ["(component", HOLE]
    lines += [_imported_instance(interface, used[interface]) for interface in used]
    lines += _wiring(module, used)
    for number, (interface, functions) in enumerate(world.exports.items()):
        lines += _exported_instance(module, interface, functions, number)
    return "\n".join([*lines, ")"])


def _asked_of_the_host(module: CoreModule) -> list[tuple[str, str]]:
    """What is imported, by $Main itself or by $Wasi for it; each once."""
    own = [key for key in module.imports if key[0] != preview1.MODULE]
    if _needs_preview1(module):
        own += [(preview1.SERVICES, name) for name in preview1.HOST]
    return list(dict.fromkeys(own))


def _needs_preview1(module: CoreModule) -> bool:
    return any(interface == preview1.MODULE for interface, _ in module.imports)


def _imported(world: World, interface: str, name: str) -> FuncType | None:
    home = served_by(world.imports, interface)
    return None if home is None else world.imports[home].get(name)


def _imported_instance(interface: str, functions: Mapping[str, FuncType]) -> str:
    names: dict[Type, str] = {}
    lines = [f'(import "{interface}" (instance ${interface}']
    for type_ in named_types(functions.values()):
        lines.append(f"(type ${type_.name}-shape {definition(type_, names)})")
        lines.append(f'(export "{type_.name}" (type ${type_.name} (eq ${type_.name}-shape)))')
        names[type_] = f"${type_.name}"
    for name, function in functions.items():
        lines.append(f'(export "{name}" (func {signature(function, names)}))')
    return "\n".join([*lines, "))"])


def _wiring(module: CoreModule, used: Imports) -> list[str]:
    options = "(memory $memory)"
    realloc = []
    if "cabi_realloc" in module.functions:
        options += " (realloc $realloc)"
        realloc = ['(alias core export $main "cabi_realloc" (core func $realloc))']
    slots = list(module.imports)
    size = len(slots)
    table = f"{size} {size} funcref"

    lowered = [
        f'(core func ${interface}#{name} (canon lower (func ${interface} "{name}") {options}))'
        for interface, functions in used.items()
        for name in functions
    ]
    shim, fixup, fixed = [], [], []
    given: dict[str, list[str]] = {}
    for slot, (interface, name) in enumerate(slots):
        core_type = _core_type(module.imports[interface, name])
        arguments = " ".join(
            f"(local.get {n})" for n in range(len(module.imports[interface, name].params))
        )
        shim.append(
            f'(type $t{slot} (func {core_type})) (func (export "{slot}") (type $t{slot}) '
            f"(call_indirect (type $t{slot}) {arguments} (i32.const {slot})))"
        )
        fixup.append(f'(import "" "{slot}" (func $f{slot} {core_type}))')
        source = (
            f'(func $wasi "{name}")'
            if interface == preview1.MODULE
            else f"(func ${interface}#{name})"
        )
        fixed.append(f'(export "{slot}" {source})')
        given.setdefault(interface, []).append(f'(export "{name}" (func $shim "{slot}"))')

    arguments = " ".join(
        f'(with "{interface}" (instance {" ".join(exports)}))'
        for interface, exports in given.items()
    )
    elements = " ".join(f"$f{slot}" for slot in range(size))
    lines = [
        f'(core module $Shim (table (export "table") {table}) {" ".join(shim)})',
        f'(core module $Fixup {" ".join(fixup)} (import "shim" "table" (table {table}))'
        f" (elem (i32.const 0) func {elements}))",
        "(core instance $shim (instantiate $Shim))",
        f"(core instance $main (instantiate $Main {arguments}))",
        '(alias core export $main "memory" (core memory $memory))',
        *realloc,
        *lowered,
        *(_preview1() if _needs_preview1(module) else ()),
        f'(core instance (instantiate $Fixup (with "" (instance {" ".join(fixed)}))'
        ' (with "shim" (instance $shim))))',
    ]
    if "_initialize" in module.functions:
        lines.append('(core module $Start (import "" "f" (func $f)) (start $f))')
        lines.append(
            '(core instance (instantiate $Start (with "" (instance'
            ' (export "f" (func $main "_initialize"))))))'
        )
    return lines


def _preview1() -> list[str]:
    host = " ".join(
        f'(export "{name}" (func ${preview1.SERVICES}#{name}))' for name in preview1.HOST
    )
    return [
        preview1.module_text("$Wasi"),
        '(core instance $wasi (instantiate $Wasi (with "env" (instance'
        f' (export "memory" (memory $memory)))) (with "host" (instance {host}))))',
    ]


def _exported_instance(
    module: CoreModule, interface: str, functions: Mapping[str, FuncType], number: int
) -> list[str]:
    named = list(named_types(functions.values()))
    # Several exported interfaces may use one type, and each defines it for itself.
    outside: dict[Type, str] = {type_: f"${type_.name}-{number}" for type_ in named}
    inside: dict[Type, str] = {type_: f"${type_.name}-in" for type_ in named}
    exported: dict[Type, str] = {type_: f"${type_.name}-out" for type_ in named}
    lines = [f"(type {outside[t]} {definition(t, outside)})" for t in named]
    for name, function in functions.items():
        options = "(memory $memory)"
        if "cabi_realloc" in module.functions:
            options += " (realloc $realloc)"
        if (post := f"cabi_post_{interface}#{name}") in module.functions:
            options += f' (post-return (core func $main "{post}"))'
        lines.append(
            f"(func ${name}-{number} {signature(function, outside)} "
            f'(canon lift (core func $main "{interface}#{name}") {options}))'
        )

    lines.append(f"(component $Exports{number}")
    for type_ in named:
        lines.append(f"(type ${type_.name}-shape {definition(type_, inside)})")
        lines.append(
            f'(import "import-type-{type_.name}" (type {inside[type_]} (eq ${type_.name}-shape)))'
        )
    for name, function in functions.items():
        lines.append(f'(import "import-func-{name}" (func ${name} {signature(function, inside)}))')
    for type_ in named:
        lines.append(f"(type ${type_.name}-again {definition(type_, exported)})")
        lines.append(f'(export {exported[type_]} "{type_.name}" (type ${type_.name}-again))')
    for name, function in functions.items():
        lines.append(f'(export "{name}" (func ${name}) (func {signature(function, exported)}))')
    lines.append(")")

    arguments = [f'(with "import-type-{t.name}" (type {outside[t]}))' for t in named]
    arguments += [f'(with "import-func-{name}" (func ${name}-{number}))' for name in functions]
    lines.append(f"(instance $exports{number} (instantiate $Exports{number}")
    lines += [*arguments, "))"]
    lines.append(f'(export "{interface}" (instance $exports{number}))')
    return lines


def _core_type(signature: CoreSignature) -> str:
    params = f"(param {' '.join(signature.params)})" if signature.params else ""
    results = f"(result {' '.join(signature.results)})" if signature.results else ""
    return f"{params} {results}".strip()
