"""What users import: `airssys_wasm` has every public name, and each is what its home has."""

import subprocess
import sys

import pytest

import airssys_wasm


@pytest.mark.parametrize("name", airssys_wasm.__all__)
def test_a_public_name_leads_to_what_it_names(name: str) -> None:
    assert getattr(airssys_wasm, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Aktor"):
        getattr(airssys_wasm, "Aktor")  # noqa: B009  # a checker would see it


def test_actors_are_there_without_webassembly() -> None:
    program = (
        "import sys; from airssys_wasm import Actor, ActorSystem; print('wasmtime' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
