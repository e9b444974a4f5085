"""For authors of components: what turns source code into a component of our world."""

from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.sdk.errors import BuildFailed, CompilerMissing, CoreModuleUnfit

__all__ = ["BuildFailed", "CompilerMissing", "CoreModuleUnfit", "componentize"]
