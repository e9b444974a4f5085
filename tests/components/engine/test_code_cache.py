"""The files of compiled code stay within their bound, and what is in use stays."""

import os
from pathlib import Path

import pytest

from airssys_wasm.components.engine.code_cache import CodeCache

DIGEST = 32
CODE = bytes(1000)


class Loaded:
    """What an engine makes of a file."""

    def __init__(self, path: str) -> None:
        self.bytes = Path(path).read_bytes()


def fresh(directory: Path, files: int = 3) -> CodeCache:
    """A cache with room for so many files."""
    return CodeCache(directory, size=files * (len(CODE) + DIGEST))


def keys(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.iterdir())


def last_used(directory: Path, **times: int) -> None:
    for key, when in times.items():
        os.utime(directory / f"{key}.cwasm", (when, when))


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    cache = fresh(tmp_path / "c")
    for key in "abc":
        cache.store(key, CODE)
    last_used(cache.directory, a=1, b=3, c=2)
    cache.store("d", CODE)
    assert keys(cache.directory) == ["b", "c", "d"]
    cache.store("e", CODE)
    assert keys(cache.directory) == ["b", "d", "e"]
    cache.close()


def test_what_was_loaded_counts_as_used(tmp_path: Path) -> None:
    cache = fresh(tmp_path / "c")
    for key in "abc":
        cache.store(key, CODE)
    last_used(cache.directory, a=1, b=2, c=3)
    assert cache.load("a", Loaded)
    cache.store("d", CODE)
    assert keys(cache.directory) == ["a", "c", "d"]
    cache.close()


def test_what_is_in_use_stays_whoever_uses_it(tmp_path: Path) -> None:
    mine, another = fresh(tmp_path / "c", 1), fresh(tmp_path / "c", 1)
    mine.store("a", CODE)
    used = another.load("a", Loaded)
    mine.store("b", CODE)
    assert keys(mine.directory) == ["a", "b"]  # more than it may have, until nobody uses it
    del used
    mine.store("c", CODE)
    assert keys(mine.directory) == ["c"]
    for cache in (mine, another):
        cache.close()


def test_the_end_of_a_cache_lets_go_of_what_it_has_loaded(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    cache = fresh(tmp_path / "c", 1)
    cache.store("a", CODE)
    used = cache.load("a", Loaded)
    cache.close()
    assert used is not None
    assert len(os.listdir("/proc/self/fd")) == before
    other = fresh(tmp_path / "c", 1)
    other.store("b", CODE)
    assert keys(other.directory) == ["b"]
    other.close()


def test_a_file_larger_than_the_bound_is_not_kept_and_takes_nobody_s_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = fresh(tmp_path / "c", 1)
    cache.store("a", CODE)
    cache.store("b", CODE + b"x")
    assert keys(cache.directory) == ["a"]
    assert "it has 1001 bytes" in caplog.text
    cache.close()


def test_a_file_that_vanishes_is_compiled_again_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = fresh(tmp_path / "c")
    assert cache.load("a", Loaded) is None
    cache.store("a", CODE)
    (cache.directory / "a.cwasm").unlink()
    assert cache.load("a", Loaded) is None
    assert caplog.text == ""
    cache.close()
