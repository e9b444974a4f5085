"""The mailbox that a tree file asks for is the one that the child gets."""

from pathlib import Path

from airssys_wasm.application.building import supervisor_of
from airssys_wasm.config import ActorConfig, MailboxConfig, TreeConfig
from airssys_wasm.kernel import Mailbox


def mailbox_of(config: MailboxConfig) -> Mailbox | None:
    child = ActorConfig(id="child", actor="builtins:object", mailbox=config)
    (spec,) = supervisor_of(TreeConfig(version=1, name="tree", children=(child,)), Path()).children
    return spec.mailbox


def test_every_key_of_a_mailbox_reaches_the_child() -> None:
    config = MailboxConfig(capacity=10, overflow="drop_old", keep_on_restart=True, order="priority")
    assert mailbox_of(config) == Mailbox(10, "drop_old", keep_on_restart=True, order="priority")


def test_a_child_of_which_nothing_is_asked_is_an_ordinary_actor() -> None:
    assert mailbox_of(MailboxConfig()) is None
