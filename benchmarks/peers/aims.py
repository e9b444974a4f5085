"""How our cost is to compare with that of the peers."""

from __future__ import annotations

PYTHON = ("otpylib", "pykka", "thespian", "xoscar")
AHEAD = 0.1  # of every actor library for Python, by a factor of ten
ERLANG = {  # with a Python built with profile-guided optimisation
    "one-way": 1.8,
    "fan-in": 1.0,
    "ping-pong": 1.0,
    "spawn-message-stop": 1.0,
    "request": 1.0,
}


def aim(peer: str, benchmark: str) -> float | None:
    """The ratio to `peer` that is aimed at; None where nothing is.

    >>> aim("pykka", "request"), aim("erlang", "one-way"), aim("node", "request")
    (0.1, 1.8, None)
    """
    if peer in PYTHON:
        return AHEAD
    return ERLANG.get(benchmark) if peer == "erlang" else None
