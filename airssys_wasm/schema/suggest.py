"""Which known word somebody may have meant.

Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

_MOST_WORDS = 500
_LONGEST_WORD = 64  # longer words are no slips of the pen, and comparing them is slow


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is probably a slip of, if there is one.

    >>> nearest("permanant", ["permanent", "transient", "temporary"])
    'permanent'
    >>> nearest("xyz", ["permanent"]) is None
    True
    """
    if len(word) > _LONGEST_WORD:
        return None
    words = list(islice(known, _MOST_WORDS))
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in reversed(words)}
    key = word.casefold().replace("-", "_")
    if key in folded:
        return folded[key]
    found = difflib.get_close_matches(key, folded, n=1, cutoff=0.6)
    if found:
        return folded[found[0]]
    longer = [known_word for known_word in words if len(key) >= 3 and known_word.startswith(key)]
    return longer[0] if len(longer) == 1 else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or an empty one.

    >>> did_you_mean("sotre", ["store"])
    "did you mean 'store'?"
    """
    found = nearest(word, known)
    return f"did you mean '{found}'?" if found is not None else ""


def one_of(words: Iterable[str]) -> str:
    """The words as a choice.

    >>> one_of(["a", "b", "c"])
    'a, b or c'
    """
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last
