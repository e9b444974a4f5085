"""What the bytes of a file are, that should be a component, before anything compiles them.

Pure. wasmtime would take text for a component too, and words its refusal of a
core module for those who write compilers; here each gets a sentence that says
what it is and what would be right.

Source: Component Model, "Binary.md" (preamble: magic, version, layer).
"""

import struct

MAGIC = b"\0asm"
COMPONENT_VERSION = 0x0D
_CORE_LAYER, _COMPONENT_LAYER = 0, 1
_PREAMBLE = struct.Struct("<4sHH")

# A Python guest has 18 MB; what is far beyond that is another file.
MAX_BINARY = 512 * 1024 * 1024


def problem_of(data: bytes) -> str | None:
    r"""What is wrong with `data` at first sight and what would be right; None if nothing is.

    None says only that the first 8 bytes are those of a component.

    >>> problem_of(b"\0asm\x0d\0\x01\0")
    >>> problem_of(b"")
    'it is empty'
    >>> problem_of(b'<html>')
    "it is no WebAssembly: it begins with b'<html>', a component with b'\\x00asm'"
    """
    if not data:
        return "it is empty"
    if len(data) > MAX_BINARY:
        return f"it has {len(data)} bytes, more than the {MAX_BINARY} that a component may have"
    if not data.startswith(MAGIC):
        return _foreign(data)
    if len(data) < _PREAMBLE.size:
        return f"it is damaged: it ends after {len(data)} bytes"
    _, version, layer = _PREAMBLE.unpack_from(data)
    if layer == _CORE_LAYER:
        return (
            "it is a core module, not a component: "
            "`wasm-tools component new core.wasm -o component.wasm` makes one of it, "
            "if it was built for the world airssys:core/runtime-host; "
            "compilers with the target wasm32-wasip2 make one at once"
        )
    if layer != _COMPONENT_LAYER or version != COMPONENT_VERSION:
        return (
            f"it is in version {version} of the component format (layer {layer}), "
            f"and only version {COMPONENT_VERSION} (layer {_COMPONENT_LAYER}) is known here"
        )
    return None


def _foreign(data: bytes) -> str:
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"(module", b"(component", b";;", b"(;")):
        return (
            "it is WebAssembly text, and only the binary format is run: "
            "`wasm-tools parse text.wat -o component.wasm` translates it"
        )
    if head.startswith(b"\x7fELF"):
        return "it is native code, compiled before: name the component it was compiled from"
    if data[:4] == MAGIC[: len(data)]:
        return f"it is damaged: it ends after {len(data)} bytes"
    return f"it is no WebAssembly: it begins with {data[:8]!r}, a component with {MAGIC!r}"
