"""The scenarios under which kernel, supervision and broker are looked at, seed by seed.

Each is a simulated test that holds for every order of events; the invariants of every system are
looked at beside what it asserts. `python -m tests.testing.corpus 1000 2000` runs fresh seeds.
"""

from tests.testing.corpus import brokerage, messages, nodes, processes, relations, supervision
from tests.testing.corpus.scenario import SCENARIOS, Scenario

__all__ = [
    "SCENARIOS",
    "Scenario",
    "brokerage",
    "messages",
    "nodes",
    "processes",
    "relations",
    "supervision",
]
