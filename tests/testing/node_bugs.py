"""Faults on purpose in what connects nodes: the scenarios of several nodes have to find each."""

from __future__ import annotations

from dataclasses import replace

from tests.testing.plant import Bug

NODE_BUGS = tuple(
    replace(bug, nodes=True)
    for bug in (
        # --- the connection of two nodes
        Bug(
            "gap-not-noticed",
            "broker.nodes.peer:Peer._data",
            "number > self._heard + 1",
            "number > self._heard + 1_000_000",
            "what was lost on the way is passed over in silence",
        ),
        Bug(
            "doubled-frame-handled-twice",
            "broker.nodes.peer:Peer._data",
            "number <= self._heard",
            "number < self._heard",
            "a frame that came twice is handed on twice",
        ),
        Bug(
            "loss-of-the-last-not-noticed",
            "broker.nodes.peer:Peer._beat_of",
            "said > self._heard",
            "said > self._heard + 1_000_000",
            "the last thing that was said may be lost in silence",
            seeds=60,
        ),
        Bug(
            "silence-not-noticed",
            "broker.nodes.peer:Peer.tick",
            "self._listened + self._patience",
            "self._listened + self._patience * 1_000",
            "a node that is cut off is never given up",
            seeds=60,
        ),
        # --- what follows from a loss
        Bug(
            "down-between-nodes-twice",
            "kernel.outside_ref:_told",
            "kernel.relations.down(monitor, ref, reason)",
            "from airssys_wasm.kernel.message import Down\n"
            "                kernel.relations.down(monitor, ref, reason)\n"
            "                monitor.watcher._deliver(Down(ref, reason, monitor))",
            "a lost connection is told twice",
        ),
        Bug(
            "links-survive-a-lost-node",
            "broker.nodes.remote_relations:RemoteRelations.lost",
            "for ref in list(side.watched.values()):",
            "for ref in list(side.watched.values())[1:]:",
            "of one actor elsewhere the loss is not told",
        ),
        # --- leases and names
        Bug(
            "lease-not-fenced",
            "broker.leases.lease:OwnLease._passed",
            'if self.phase != "held":',
            "if True:",
            "a node goes on with what its lease does not cover any more",
            seeds=60,
        ),
        Bug(
            "lease-counted-from-the-answer",
            "broker.leases.lease:OwnLease.granted",
            "until = asked + self.times.length",
            "until = now + self.times.length * 3",
            "the lease ends later here than others believe",
            seeds=60,
        ),
        Bug(
            "lease-of-others-too-short",
            "broker.leases.lease_watch:LeaseWatch._silent_at",
            "known.seen + known.lease.length + self._times.margin",
            "known.seen + known.lease.length / 4",
            "others take a node for lost while its lease lasts",
            seeds=60,
        ),
        Bug(
            "name-taken-from-its-holder",
            "broker.leases.claim:next_step",
            "own or is_free(holding)",
            "True",
            "a name is taken though its holder is there",
        ),
        Bug(
            "term-used-again",
            "broker.leases.lease:OwnLease._write",
            'if self.phase == "seeking":',
            'if self.phase == "seeking" and not self.term:',
            "a new lease counts as the one that ended, and names under that one count again",
            seeds=200,
        ),
    )
)
