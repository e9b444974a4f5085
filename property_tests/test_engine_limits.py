"""No sequence of events gets a guest past its limits, and no text gets past its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.limits import CallTime, Limits, MemoryAccount
from airssys_wasm.components.engine.traps import HOST_ERROR, KINDS, is_host_error, kind_of, trap_of

SIZES = st.integers(0, 1000)
SPANS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20)

# What a guest would put into a name to be taken for something else.
HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [
                "\n",
                "\n\nCaused by:\n",
                "    0: ",
                "wasm trap: ",
                "error while executing at wasm backtrace:\n",
                HOST_ERROR,
                *KINDS,
            ]
        ),
    ),
    max_size=8,
).map("".join)


@given(st.integers(1, 1000), st.lists(st.tuples(st.booleans(), SIZES), max_size=50))
def test_memory_never_passes_its_limit_and_what_fits_is_granted(
    limit: int, changes: list[tuple[bool, int]]
) -> None:
    account = MemoryAccount(Limits(memory=limit))
    held: list[int] = []
    peak = 0
    for grows, size in changes:
        if grows:
            fits = sum(held) + size <= limit
            assert account.grow(size) == fits
            if fits:
                held.append(size)
            else:
                assert account.refused == sum(held) + size
        elif held:
            account.release(held.pop())
        peak = max(peak, sum(held))
        assert (account.used, account.peak) == (sum(held), peak)
        assert account.used <= limit


@given(SPANS, st.integers(1, 300), st.integers(1, 600))
def test_a_call_is_over_exactly_when_its_polls_or_its_whole_time_add_up_to_more(
    spans: list[tuple[int, int]], call: int, total: int
) -> None:
    time = CallTime(Limits(call=call, call_total=total), 0.0)
    now = polls = 0
    for run, wait in spans:
        time.enter(now)
        now += run
        polls += run
        time.leave(now)
        now += wait
        passed = time.passed(now)
        assert (passed is not None) == (polls > call or now > total)
        if passed is not None:
            assert passed.kind == ("call" if polls > call else "call_total")
            assert passed.used is not None
            assert passed.used > passed.limit


@given(st.text(), st.integers(0, 50))
def test_shown_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    result = shown(text, limit)
    assert result.isprintable()
    assert len(result.encode()) <= limit


@given(st.text())
def test_printable_text_is_shown_as_it_is(text: str) -> None:
    if text.isprintable():
        assert shown(text) == text


@given(st.lists(HOSTILE, max_size=4), st.sampled_from(sorted(KINDS)))
def test_no_name_in_the_backtrace_changes_the_kind(names: list[str], cause: str) -> None:
    frames = "".join(f"    {at}:     0x47 - m!{name}\n" for at, name in enumerate(names))
    text = (
        f"error while executing at wasm backtrace:\n{frames}\nCaused by:\n    wasm trap: {cause}\n"
    )
    assert kind_of(text) == KINDS[cause]
    assert not is_host_error(text)
    trap = trap_of(text)
    assert trap.message == cause
    assert all(frame.isprintable() for frame in trap.wasm_backtrace)


@given(HOSTILE)
def test_any_text_of_an_error_gives_a_trap_that_can_be_shown(text: str) -> None:
    trap = trap_of(text)
    assert str(trap).isprintable()
