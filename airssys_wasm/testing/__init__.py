"""Runs systems of actors in virtual time and in any order, to find what breaks them."""

from airssys_wasm.testing.choices import Deviation, StrategyName
from airssys_wasm.testing.errors import (
    Deadlock,
    FaultNeverCame,
    InvariantBroken,
    Livelock,
    NotDeterministic,
    Refused,
    SimulationError,
)
from airssys_wasm.testing.faults import Fault, FaultKind, InjectedCrash
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.invariants import ALL
from airssys_wasm.testing.runs import Run
from airssys_wasm.testing.searching import Found, explore, replay, run_seed, search
from airssys_wasm.testing.simulate import simulate
from airssys_wasm.testing.simulation import Simulation

__all__ = [
    "ALL",
    "Deadlock",
    "Deviation",
    "Fault",
    "FaultKind",
    "FaultNeverCame",
    "Found",
    "InjectedCrash",
    "Invariant",
    "InvariantBroken",
    "Livelock",
    "NotDeterministic",
    "Refused",
    "Run",
    "Simulation",
    "SimulationError",
    "StrategyName",
    "explore",
    "replay",
    "run_seed",
    "search",
    "simulate",
]
