"""Erlang-style actors for asyncio, in which a WebAssembly component is one kind of actor."""
