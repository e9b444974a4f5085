"""Acts: writes the WIT of the world 1.0 to a folder, for toolchains that read it."""

from importlib import resources
from pathlib import Path

NAME = "wit"


def wit_folder(parent: Path) -> Path:
    """The new folder `wit` in `parent`, with the package airssys:core@1.0.0."""
    folder = parent / NAME
    folder.mkdir()
    for file in resources.files("airssys_wasm.components.wit").iterdir():
        if file.name.endswith(".wit"):
            (folder / file.name).write_bytes(file.read_bytes())
    return folder
