"""What building a component can fail with."""

from airssys_wasm.kernel.errors import AirssysError


class CoreModuleUnfit(AirssysError):
    """A core module can't become a component of the world: every reason, one to a line."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class CompilerMissing(AirssysError):
    """No compiler was found that can build for WebAssembly. The text says how to get one."""

    def __init__(self, language: str, ways: tuple[str, ...]) -> None:
        listed = "\n".join(f"  {way}" for way in ways)
        super().__init__(
            f"no {language} compiler for WebAssembly was found; one of these gets one:\n{listed}"
        )
        self.language = language
        self.ways = ways


class BuildFailed(AirssysError):
    """The compiler refused the sources. The text is what it printed."""

    def __init__(self, compiler: str, output: str) -> None:
        super().__init__(f"{compiler} failed:\n{output.rstrip()}")
        self.compiler = compiler
        self.output = output
