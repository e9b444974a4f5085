"""Child specs and supervisors as values: defaults, and what is refused (rules SPEC-*)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from airssys_wasm.kernel import Mailbox
from airssys_wasm.supervision import ChildSpec, InvalidSpec, Supervisor


@pytest.mark.rule("SPEC-01")
def test_a_spec_of_id_and_start_alone_has_the_defaults_of_otp() -> None:
    spec = ChildSpec("store", list)
    assert (spec.restart, spec.type, spec.shutdown, spec.significant) == (
        "permanent",
        "worker",
        5.0,
        False,
    )
    assert (spec.args, spec.name, spec.mailbox, spec.start_timeout) == ((), None, None, "infinity")


@pytest.mark.rule("SPEC-01")
def test_a_supervisor_gets_as_long_as_it_takes_to_stop() -> None:
    assert ChildSpec("jobs", list, type="supervisor").shutdown == "infinity"
    assert ChildSpec("jobs", Supervisor()).type == "supervisor"
    assert ChildSpec("jobs", Supervisor()).shutdown == "infinity"
    assert ChildSpec("jobs", Supervisor(), shutdown=2.0).shutdown == 2.0


@pytest.mark.rule("SPEC-01")
def test_a_supervisor_has_the_defaults_of_otp() -> None:
    root = Supervisor()
    assert (root.strategy, root.intensity, root.period) == ("one_for_one", 1, 5.0)
    assert (root.auto_shutdown, root.children) == ("never", ())


@pytest.mark.rule("SPEC-02")
def test_a_spec_without_id_or_start_is_refused() -> None:
    make: Any = ChildSpec
    with pytest.raises(TypeError, match="id"):
        make(start=list)
    with pytest.raises(TypeError, match="start"):
        make("store")
    with pytest.raises(InvalidSpec, match="start: None is not a behaviour"):
        make("store", None)
    with pytest.raises(InvalidSpec, match="id: '' is empty"):
        make("", list)


@pytest.mark.rule("SPEC-03")
def test_an_unknown_field_is_refused_where_otp_ignores_it() -> None:
    make: Any = ChildSpec
    with pytest.raises(TypeError, match="restrat"):
        make("store", list, restrat="permanent")
    supervisor: Any = Supervisor
    with pytest.raises(TypeError, match="intensty"):
        supervisor(intensty=3)


@pytest.mark.rule("SPEC-04")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("name", ""),
        ("name", 7),
        ("args", "orders.db"),
        ("args", 7),
        ("restart", "prmanent"),
        ("restart", None),
        ("shutdown", -10),
        ("shutdown", float("inf")),
        ("shutdown", float("nan")),
        ("shutdown", True),
        ("shutdown", "5s"),
        ("shutdown", "brutal"),
        ("type", "wrker"),
        ("significant", "maybe"),
        ("mailbox", 1000),
        ("start_timeout", 0),
        ("start_timeout", "never"),
        ("attach", "orders"),
        ("backoff", 0.1),
        ("health", True),
        ("while_restarting", "wait"),
    ],
)
def test_a_wrong_value_is_refused_and_the_error_names_field_and_value(
    field: str, value: object
) -> None:
    make: Any = ChildSpec
    fields = {"id": "store", "start": list, field: value}
    with pytest.raises(InvalidSpec) as refused:
        make(**fields)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: {value!r} ")


@pytest.mark.rule("SPEC-05")
def test_two_specs_with_one_id_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="children: 'a' is a duplicate id"):
        Supervisor(children=[ChildSpec("a", list), ChildSpec("a", dict)])


@pytest.mark.rule("SPEC-06")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy", "none_for_one"),
        ("intensity", -1),
        ("intensity", float("inf")),
        ("intensity", True),
        ("period", 0),
        ("period", float("inf")),
        ("period", -1.0),
        ("auto_shutdown", "sometimes"),
        ("children", "a"),
    ],
)
def test_each_wrong_flag_is_refused_with_its_own_error(field: str, value: object) -> None:
    supervisor: Any = Supervisor
    with pytest.raises(InvalidSpec) as refused:
        supervisor(**{field: value})
    assert (refused.value.field, refused.value.value) == (field, value)


@pytest.mark.rule("SPEC-08")
def test_a_worker_may_have_no_time_to_stop_or_any() -> None:
    assert ChildSpec("a", list, shutdown=0).shutdown == 0
    assert ChildSpec("a", list, shutdown="infinity").shutdown == "infinity"


@pytest.mark.rule("SPEC-09")
def test_a_permanent_child_can_not_be_significant() -> None:
    with pytest.raises(InvalidSpec, match="significant: True does not go with restart='permanent'"):
        ChildSpec("reader", list, significant=True)


@pytest.mark.rule("SPEC-09")
def test_a_significant_child_needs_a_supervisor_that_heeds_it() -> None:
    reader = ChildSpec("reader", list, restart="transient", significant=True)
    with pytest.raises(InvalidSpec, match=r"auto_shutdown: 'never' does .* 'reader'"):
        Supervisor(children=[reader])


@pytest.mark.rule("SPEC-10")
def test_every_legal_combination_is_accepted() -> None:
    restarts: list[Any] = ["permanent", "transient", "temporary"]
    shutdowns: list[Any] = [0, 0.5, 5, "infinity", "brutal_kill"]
    types: list[Any] = ["worker", "supervisor"]
    modes: list[Any] = ["never", "any_significant", "all_significant"]
    for restart, shutdown, type, significant, mode in product(
        restarts, shutdowns, types, [False, True], modes
    ):
        if significant and (restart == "permanent" or mode == "never"):
            continue
        spec = ChildSpec(
            "a", list, restart=restart, shutdown=shutdown, type=type, significant=significant
        )
        assert Supervisor(auto_shutdown=mode, children=[spec]).children == (spec,)


def test_a_description_does_not_change_with_the_list_that_it_was_made_from() -> None:
    children = [ChildSpec("a", list)]
    root = Supervisor(children=children)
    children.append(ChildSpec("b", list))
    assert [child.id for child in root.children] == ["a"]


def test_whether_a_child_keeps_its_mailbox_is_said_by_the_mailbox() -> None:
    assert not ChildSpec("a", list).keeps_mailbox
    assert not ChildSpec("a", list, mailbox=Mailbox(10)).keeps_mailbox
    assert ChildSpec("a", list, mailbox=Mailbox(keep_on_restart=True)).keeps_mailbox


def test_a_child_whose_messages_queue_meanwhile_has_something_to_hand_over() -> None:
    assert ChildSpec("a", list, while_restarting="queue").keeps_mailbox
    assert ChildSpec("a", list, mailbox=Mailbox(10), while_restarting="queue").keeps_mailbox
    assert not ChildSpec("a", list, while_restarting="fail").keeps_mailbox


def test_what_goes_beyond_otp_is_off_unless_asked_for() -> None:
    spec = ChildSpec("a", list)
    assert (spec.backoff, spec.health, spec.while_restarting) == (None, None, "fail")
