"""The airssys-wasm command: each command is a thin call into the library."""
