"""Laws of the restart budget and of the strategies, against brute force."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.supervision import ChildSpec
from airssys_wasm.supervision.child_spec import Restart
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.supervision.strategy import Plan, Strategy, plan

INTENSITIES = st.integers(0, 5)
PERIODS_MS = st.integers(1, 2_000)
GAPS_MS = st.lists(st.integers(0, 900), max_size=60)


def granted(intensity: int, period_ms: int, gaps_ms: list[int]) -> list[tuple[int, bool]]:
    """When each restart was asked for, in milliseconds, and whether it was granted."""
    budget = RestartBudget(intensity, period_ms / 1000)
    now_ms, log = 0, []
    for gap in gaps_ms:
        now_ms += gap
        log.append((now_ms, budget.spend(now_ms / 1000)))
    return log


@given(INTENSITIES, PERIODS_MS, GAPS_MS)
def test_no_window_ever_holds_more_restarts_than_the_intensity(
    intensity: int, period_ms: int, gaps_ms: list[int]
) -> None:
    times = [at for at, yes in granted(intensity, period_ms, gaps_ms) if yes]
    for start in times:
        assert sum(start <= at <= start + period_ms for at in times) <= intensity


@given(INTENSITIES, PERIODS_MS, GAPS_MS)
def test_a_restart_is_still_granted_whenever_the_window_has_room(
    intensity: int, period_ms: int, gaps_ms: list[int]
) -> None:
    log = granted(intensity, period_ms, gaps_ms)
    for place, (now, yes) in enumerate(log):
        in_window = [at for at, granted in log[:place] if granted and now - at <= period_ms]
        assert yes is (len(in_window) < intensity)


@given(INTENSITIES, PERIODS_MS, GAPS_MS)
def test_what_is_left_is_what_can_still_be_spent_at_once(
    intensity: int, period_ms: int, gaps_ms: list[int]
) -> None:
    budget = RestartBudget(intensity, period_ms / 1000)
    now = 0.0
    for gap in gaps_ms:
        now += gap / 1000
        budget.spend(now)
    left = budget.left(now)
    assert [budget.spend(now) for _ in range(left + 1)] == [True] * left + [False]


IDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)
RESTARTS: st.SearchStrategy[Restart] = st.sampled_from(["permanent", "transient", "temporary"])


@given(st.data(), IDS, st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]))
def test_a_plan_is_what_the_manual_says(
    data: st.DataObject, ids: list[str], strategy: Strategy
) -> None:
    children = {id: ChildSpec(id, list, restart=data.draw(RESTARTS)) for id in ids}
    place = data.draw(st.integers(0, len(ids) - 1))
    group = {
        "one_for_one": ids[place : place + 1],
        "one_for_all": ids,
        "rest_for_one": ids[place:],
    }[strategy]
    assert plan(strategy, children, ids[place]) == Plan(
        stop=tuple(id for id in group if id != ids[place])[::-1],
        start=tuple(id for id in group if children[id].restart != "temporary"),
    )
