"""Links, monitors and exit signals between actors of two nodes: as inside of one."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm import Down, Error, Exit
from tests.nodes.actors import Keeper, Server, elsewhere, got_all
from tests.nodes.cluster import Cluster, Run, run_local, until


async def settled(a: Any, b: Any) -> None:
    """All that was said between the two has come: an answered question behind it says so."""
    for one, other in ((a, b), (b, a), (a, b)):
        await one.node.whereis("nobody", other.node.name)


# --- links


@pytest.mark.rule("LINK-02", "LINK-06", "LINK-11", "DIST-03")
@pytest.mark.parametrize("reason", ["normal", "boom", ("bad", {"order": 7}), Error("E", "text")])
def test_a_link_tells_each_side_of_the_end_of_the_other_once(run: Run, reason: object) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        mine: list[Any] = []
        theirs: list[Any] = []
        near, far = a.spawn(Keeper, mine), b.spawn(Keeper, theirs)
        near_there, far_here = elsewhere(b, a, near), elsewhere(a, b, far)
        near.send(("link", far_here))
        near.send(("link", far_here))  # one link all the same
        await until(lambda: b.info(far).links == (near_there,))
        far.stop(reason)
        await until(lambda: len(mine) == 3)
        await settled(a, b)
        assert mine[2:] == [Exit(far_here, reason)]
        assert theirs == []
        other = b.spawn(Keeper, theirs)
        near.send(("link", elsewhere(a, b, other)))
        await until(lambda: b.info(other).links == (near_there,))
        near.stop(reason)
        assert await got_all(theirs, 1) == [Exit(near_there, reason)]
        await settled(a, b)
        assert len(theirs) == 1

    run(test)


@pytest.mark.rule("LINK-06")
def test_an_abnormal_end_goes_through_links_between_nodes_unchanged_and_normal_does_not(
    run: Run,
) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        first = a.spawn(Keeper, [], False)
        second = b.spawn(Keeper, [], False)
        third = c.spawn(Keeper, [], False)
        first.send(("link", elsewhere(a, b, second)))
        second.send(("link", elsewhere(b, c, third)))
        await until(lambda: bool(b.info(second).links and c.info(third).links))
        await until(lambda: len(b.info(second).links) == 2)
        helper = b.spawn(Keeper, [], False)
        second.send(("link", helper))
        helper.stop()
        await helper.wait()
        await settled(a, b)
        assert first.is_alive
        assert second.is_alive
        third.exit(("bad", "disk"))
        assert await first.wait() == ("bad", "disk")
        assert second.exit_reason == ("bad", "disk")

    run(test)


@pytest.mark.rule("LINK-08")
def test_a_link_to_the_dead_on_another_node_is_noproc(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        dead = b.spawn(Server)
        there = elsewhere(a, b, dead)
        dead.kill()
        got: list[Any] = []
        a.spawn(Keeper, got).send(("link", there))
        assert (await got_all(got, 2))[1] == Exit(there, "noproc")
        dead = b.spawn(Server)
        there = elsewhere(a, b, dead)
        dead.kill()
        plain = a.spawn(Keeper, [], False)
        plain.send(("link", there))
        assert await plain.wait() == "noproc"

    run(test)


@pytest.mark.rule("LINK-09")
def test_after_an_unlink_no_exit_comes_from_the_other_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        mine: list[Any] = []
        theirs: list[Any] = []
        near, far = a.spawn(Keeper, mine), b.spawn(Keeper, theirs)
        there = elsewhere(a, b, far)
        near.send(("link", there))
        await until(lambda: bool(b.info(far).links))
        near.send(("unlink", there))
        await until(lambda: not b.info(far).links)
        far.exit("kill")
        await far.wait()
        await settled(a, b)
        assert mine == [("link", there), ("unlink", there)]
        assert near.is_alive
        assert theirs == []

    run(test)


@pytest.mark.rule("LINK-10")
@pytest.mark.parametrize("first", ["link", "unlink"])
def test_links_and_unlinks_that_cross_leave_both_nodes_with_one_view(run: Run, first: str) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        near, far = a.spawn(Keeper, []), b.spawn(Keeper, [])
        far_here, near_there = elsewhere(a, b, far), elsewhere(b, a, near)
        if first == "unlink":
            near.send(("link", far_here))
            await until(lambda: bool(b.info(far).links))
        second = "unlink" if first == "link" else "link"
        for what in (first, second, first):
            near.send((what, far_here))
            far.send((what, near_there))
        await until(lambda: a.info(near).mailbox_length + b.info(far).mailbox_length == 0)
        await settled(a, b)
        await settled(a, b)
        assert bool(a.info(near).links) == bool(b.info(far).links)

    run(test)


@pytest.mark.rule("LINK-03", "LINK-04")
def test_a_kill_from_another_node_is_not_trapped_and_others_see_killed(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        far, near = b.spawn(Keeper, []), a.spawn(Keeper, got)
        there = elsewhere(a, b, far)
        near.send(("link", there))
        near.send(("exit", there, "kill"))
        assert (await got_all(got, 3))[2] == Exit(there, "killed")
        other = b.spawn(Server)
        linked = elsewhere(a, b, other)
        near.send(("link", linked))
        await until(lambda: bool(b.info(other).links))
        other.stop("kill")  # it ends with that reason by itself: an ordinary one
        assert (await got_all(got, 5))[4] == Exit(linked, "kill")

    run(test)


@pytest.mark.rule("LINK-01", "LINK-02", "LINK-07", "ORD-03")
def test_an_exit_signal_from_another_node_says_who_sent_it_and_keeps_its_place(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        trapping = b.spawn(Keeper, got)
        there = elsewhere(a, b, trapping)
        near = a.spawn(Keeper, [])
        for number in range(100):
            near.send(("send", there, number))
            near.send(("exit", there, ("no", number)))
        await until(lambda: len(got) == 200)
        by = elsewhere(b, a, near)
        pairs = [(number, Exit(by, ("no", number))) for number in range(100)]
        assert got == [item for pair in pairs for item in pair]
        plain = b.spawn(Server)
        far = elsewhere(a, b, plain)
        near.send(("exit", far, "normal"))
        near.send(("exit", far, "first"))
        near.send(("exit", far, "second"))
        assert await far.wait() == "first"

    run(test)


# --- monitors


@pytest.mark.rule("MON-01", "MON-02", "MON-10", "DIST-03")
def test_each_monitor_of_an_actor_elsewhere_gets_one_down_with_the_reason_as_it_was(
    run: Run,
) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        reason = ("bad", {"orders": [1, (2, None)], "why": Error("KeyError", "'x'")})
        far = b.spawn(Server)
        there = elsewhere(a, b, far)
        got: list[Any] = []
        near = a.spawn(Keeper, got, False)
        first, second = [await near.request(("monitor", there)) for _ in range(2)]
        await settled(a, b)
        del got[:]
        far.exit(reason)
        assert await got_all(got, 2) == [Down(there, reason, first), Down(there, reason, second)]
        third = await near.request(("monitor", there))
        await got_all(got, 4)
        assert got[2:] == [("monitor", there), Down(there, "noproc", third)]
        assert near.is_alive
        nobody = a.node.named("nobody", "b")
        await near.request(("monitor", nobody))
        await until(lambda: len(got) == 6)
        assert (got[5].reason, got[5].ref._label) == ("noproc", "nobody@b")

    run(test)


@pytest.mark.rule("MON-03", "MON-05")
def test_a_monitor_that_was_undone_gives_no_down(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        far = b.spawn(Server)
        there = elsewhere(a, b, far)
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        undone = await near.request(("monitor", there))
        kept = await near.request(("monitor", there))
        assert await near.request(("demonitor", undone)) is True
        await settled(a, b)
        del got[:]
        far.kill()
        assert await got_all(got, 1) == [Down(there, "killed", kept)]
        assert await near.request(("demonitor", kept)) is False

    run(test)


@pytest.mark.rule("MON-07")
def test_an_actor_whose_watcher_elsewhere_is_gone_ends_as_any_other(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        far = b.spawn(Server)
        near = a.spawn(Keeper, [])
        await near.request(("monitor", elsewhere(a, b, far)))
        await settled(a, b)
        near.kill()
        far.kill()
        await settled(a, b)
        assert a.nodes() == ["b"]

    run(test)


@pytest.mark.rule("MON-09")
def test_a_monitor_by_a_name_elsewhere_binds_to_who_has_it_then(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        old, new = b.spawn(Server, name="server"), b.spawn(Server)
        named = a.node.named("server", "b")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        await near.request(("monitor", named))
        await settled(a, b)
        b.unregister("server")
        b.register("server", new)
        assert await named.request("self") == elsewhere(a, b, new)
        del got[:]
        new.kill()
        await settled(a, b)
        assert got == []
        old.exit("late")
        (down,) = await got_all(got, 1)
        assert (down.reason, a.node.text(down.ref)) == ("late", b.node.text(old))

    run(test)


def test_a_name_elsewhere_is_linked_and_unlinked(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        theirs: list[Any] = []
        far = b.spawn(Keeper, theirs, name="server")
        named = a.node.named("server", "b")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        near.send(("link", named))
        await until(lambda: bool(b.info(far).links))
        near.send(("unlink", named))
        await until(lambda: not b.info(far).links)
        near.send(("link", named))
        await until(lambda: bool(b.info(far).links))
        far.send(("unlink", elsewhere(b, a, near)))
        await until(lambda: not a.info(near).links)
        near.send(("link", named))
        await until(lambda: bool(b.info(far).links))
        del got[:]
        far.exit("kill")
        await until(lambda: len(got) == 1)
        assert got[0].reason == "killed"

    run(test)


@pytest.mark.rule("MON-08")
def test_the_name_is_free_when_the_down_comes_to_another_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        for _ in range(20):
            far = b.spawn(Server, name="server")
            await near.request(("monitor", elsewhere(a, b, far)))
            await settled(a, b)
            del got[:]
            far.kill()
            await until(lambda: len(got) == 1)
            assert await a.node.whereis("server", "b") is None

    run(test)


@pytest.mark.rule("MON-13")
def test_a_large_reason_comes_from_another_node_intact_and_one_too_large_is_told_as_such(
    run: Run,
) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        large = {"data": ["x" * 1_000] * 500}
        far = b.spawn(Server)
        there = elsewhere(a, b, far)
        waiting = a.spawn(Keeper, [])
        await waiting.request(("monitor", there))
        await settled(a, b)
        far.exit(large)
        assert await there.wait() == large
        far = b.spawn(Server)
        there = elsewhere(a, b, far)
        await waiting.request(("monitor", there))
        await settled(a, b)
        far.exit(["x" * b.node.engine.max_payload])
        reason = await there.wait()
        assert isinstance(reason, Error)
        assert reason.type == "list"
        far = b.spawn(Server)
        there = elsewhere(a, b, far)
        await waiting.request(("monitor", there))
        await settled(a, b)
        far.exit(object())  # nothing that could be encoded
        reason = await there.wait()
        assert isinstance(reason, Error)
        assert reason.type == "object"

    run(test)


@pytest.mark.rule("ORD-02")
def test_what_an_actor_sent_before_it_died_comes_before_its_down(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        for number in range(100):
            far = b.spawn(Keeper, [])
            there = elsewhere(a, b, far)
            monitor = await near.request(("monitor", there))
            await settled(a, b)
            del got[:]
            far.send(("send", elsewhere(b, a, near), number))
            far.stop("enough")
            assert await got_all(got, 2) == [number, Down(there, "enough", monitor)]

    run(test)


def test_a_kept_mailbox_takes_what_comes_from_elsewhere_during_the_restart() -> None:
    """A kept mailbox is open for those of other nodes, too; who watches is told at once."""
    from airssys_wasm import Backoff, ChildSpec, Mailbox, Supervisor

    async def test(cluster: Cluster) -> None:
        got: list[Any] = []
        child = ChildSpec(
            "server",
            Server,
            args=(got,),
            name="server",
            mailbox=Mailbox(keep_on_restart=True),
            backoff=Backoff(initial=0.2, jitter=0.0),
        )
        b = await cluster.node("b", root=Supervisor(children=[child]))
        a = await cluster.node("a")
        await cluster.connected(a, b)
        first = b.whereis("server")
        assert first is not None
        there = elsewhere(a, b, first)
        downs: list[Any] = []
        near = a.spawn(Keeper, downs)
        await near.request(("monitor", there))
        await settled(a, b)
        first.exit("boom")
        await until(lambda: len(downs) == 2)
        assert downs[1].reason == "boom"
        assert got == []
        a.node.named("server", "b").send("meanwhile")
        await a.node.whereis("server", "b")
        await until(lambda: got == ["meanwhile"])

    run_local(test)
