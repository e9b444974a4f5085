"""Faults on purpose in kernel, supervisor and broker: the corpus has to find each.

As a program, says how many seeds each strategy needs, and how short the schedule becomes:

    python -m tests.testing.bugs [NAME…]
"""

from __future__ import annotations

import sys

from airssys_wasm.testing.choices import StrategyName
from airssys_wasm.testing.searching import Found, run_seed, search
from tests.testing.corpus import SCENARIOS
from tests.testing.node_bugs import NODE_BUGS
from tests.testing.plant import Bug, planted

BUGS = (
    # --- the kernel: ends
    Bug(
        "name-freed-after-down",
        "kernel.keeping:Keeping.release_identity",
        "self._kernel.registry.unregister(extension.name)",
        "name = extension.name\n"
        "            free = self._kernel.registry.unregister\n"
        "            self._kernel.platform.call_soon(lambda: free(name))",
        "who hears of a death cannot take the name over",
    ),
    Bug(
        "down-sent-twice",
        "kernel.relations:Relations.down",
        "monitor.watcher._deliver(Down(ref, reason, monitor))",
        "monitor.watcher._deliver(Down(ref, reason, monitor))\n"
        "    if reason != 'normal':\n"
        "        monitor.watcher._deliver(Down(ref, reason, monitor))",
        "a watcher hears twice of a crash",
    ),
    Bug(
        "parent-not-told-of-a-kill",
        "kernel.lifecycle:Lifecycle._tell_parent",
        "if relation.children is not None:",
        "if ref._end.reason == 'killed':\n        return\n    if relation.children is not None:",
        "a supervisor does not hear of a killed child",
    ),
    Bug(
        "links-one-way",
        "kernel.relations:Relations.tie",
        "((ref, target), (target, ref))",
        "((ref, target),)",
        "the death of one side of a link is not told to the other",
    ),
    Bug(
        "unlink-one-way",
        "kernel.relations:Relations.untie",
        "((ref, target), (target, ref))",
        "((ref, target),)",
        "an unlinked actor still ends with the other",
    ),
    Bug(
        "link-signal-not-passed-on",
        "kernel.lifecycle:Lifecycle._tell_others",
        "self.signal(peer, reason, ref)",
        "if ref._parent is None and peer._traits & TRAP or reason == 'normal':\n"
        "            self.signal(peer, reason, ref)",
        "an exit signal ends at the first actor that does not trap it",
    ),
    Bug(
        "children-outlive-a-killed-supervisor",
        "kernel.lifecycle:Lifecycle._tell_others",
        "self.signal(child, reason, ref)",
        "pass",
        "a killed supervisor leaves its children behind",
    ),
    Bug(
        "demonitor-does-not-flush",
        "kernel.relations:Relations.demonitor",
        "if flush:",
        "if flush and monitor.tag:",
        "a Down that waits in the mailbox is not taken out",
    ),
    Bug(
        "dead-watch-others",
        "kernel.relations:Relations.demonitor",
        "monitor.active = False\n        self._forget_monitor(monitor)",
        "pass",
        "a monitor that was undone fires",
        seeds=20,
    ),
    Bug(
        "timers-outlive-their-owner",
        "kernel.lifecycle:Lifecycle._release_timers",
        "list(extension.timers or ())",
        "list(extension.timers or ())[1:]",
        "a timer of a dead actor stays",
    ),
    Bug(
        "queued-messages-lost-at-a-crash",
        "kernel.remains:Remains.bury",
        "for message in rest:",
        "for message in list(rest)[1:]:",
        "of what was queued when an actor ended, one message is no dead letter",
    ),
    Bug(
        "kept-mailbox-loses-the-first",
        "kernel.keeping:Keeping.adopt",
        "entries.extend(new._queue or ())",
        "del entries[:1]\n    entries.extend(new._queue or ())",
        "the next incarnation misses a message that was kept",
    ),
    Bug(
        "requests-of-the-killed-hang",
        "kernel.lifecycle:Lifecycle._fail_requests",
        "if extension.envelope is not None:",
        "if extension.envelope is not None and reason != 'killed':",
        "who asked an actor that is killed waits for its time-out",
    ),
    Bug(
        "deferred-replies-hang",
        "kernel.lifecycle:Lifecycle._fail_requests",
        "if reply._future is not None:",
        "if reply._future is None:",
        "who waits for a deferred reply of a dead actor waits on",
    ),
    # --- the kernel: messages
    Bug(
        "late-reply-delivered",
        "kernel.answers:give_reply",
        "elif not future.done():",
        "elif future.done():\n        ref.send(answer)\n    else:",
        "a reply that comes too late is a message",
    ),
    Bug(
        "wake-up-lost-after-a-suspended-handler",
        "kernel.scheduler:Scheduler.settle",
        "if not self.armed:",
        "if not self.armed and self.level:",
        "nobody runs an actor that got messages while its handler was suspended",
    ),
    Bug(
        "second-message-lost",
        "kernel.scheduler:Scheduler.settle",
        "if not ref._queue and ref._one is NOTHING:",
        "if len(ref._queue or ()) < 2 and ref._one is NOTHING:",
        "one message that came during a handler is forgotten",
    ),
    Bug(
        "room-not-passed-on",
        "kernel.bounded_ref:BoundedRef._taken",
        "while self._putters",
        "if len(self._putters) > 1",
        "the last who waits for room waits for ever",
    ),
    Bug(
        "one-too-many",
        "kernel.mailbox:verdict",
        "if load < capacity:",
        "if load <= capacity:",
        "a mailbox holds one message more than its capacity",
    ),
    Bug(
        "dropped-without-a-letter",
        "kernel.bounded_ref:BoundedRef._drop",
        'kernel.reporting.dead_letter(message, self, "full")',
        "pass",
        "what an overflow policy drops is nowhere",
    ),
    Bug(
        "putters-forgotten-at-the-end",
        "kernel.bounded_ref:BoundedRef._give_up_putters",
        "messages.append(message)",
        "pass",
        "what waited for room when the actor ended is nowhere",
    ),
    Bug(
        "stop-overtakes",
        "kernel.lifecycle:Lifecycle.stop",
        "ref._deliver_special(StopEntry(reason))",
        "self.end(ref, reason)",
        "a stop does not wait for what was sent before it",
    ),
    Bug(
        "request-times-out-early",
        "kernel.requests:Requests._await_reply",
        "kernel.platform.now() + timeout",
        "kernel.platform.now() + timeout / 2",
        "a request is given up after half of its time",
    ),
    Bug(
        "selective-receive-forgets",
        "kernel.inbox:Inbox._take",
        "self._seen = len(saved)",
        "self._seen = len(saved) + 1",
        "a process misses the message after those that it refused",
    ),
    Bug(
        "saved-messages-are-not-looked-at-again",
        "kernel.inbox:Inbox.receive",
        "self._seen = 0",
        "self._seen = min(1, len(self._saved))",
        "a process never takes the first message that it refused once",
    ),
    Bug(
        "given-up-message-still-queued",
        "kernel.bounded_ref:BoundedRef._give_up_waiting",
        "waiting.cancel()\n"
        "        self._putters = deque(p for p in self._putters if p[0] is not waiting)",
        "pass",
        "a request that timed out while it waited for room is handled all the same",
    ),
    Bug(
        "exit-does-not-interrupt",
        "kernel.lifecycle:Lifecycle.end",
        "extension.task.cancel()",
        "pass",
        "an exit signal does not end a handler that waits",
    ),
    Bug(
        "suspended-handler-of-the-killed-goes-on",
        "kernel.lifecycle:Lifecycle.kill",
        "if task is not None:",
        "if task is not None and ref._parent is not None:",
        "what is left of a killed actor is not cancelled",
    ),
    Bug(
        "end-is-not-told-to-those-who-wait",
        "kernel.lifecycle:Lifecycle._tell_others",
        "waiter.set_result(reason)",
        "pass",
        "who waits for the end of an actor is not told",
    ),
    # --- the kernel: timers, names, groups
    Bug(
        "cancelled-timer-fires",
        "kernel.timer_service:TimerService.cancel",
        "return self._wheel.cancel(timer, self._platform.now())",
        "if timer.home is not None:\n"
        "        return max(0.0, timer.due - self._platform.now())\n"
        "    return self._wheel.cancel(timer, self._platform.now())",
        "a timer that was cancelled still fires",
    ),
    Bug(
        "interval-doubled",
        "kernel.timer_service:TimerService.send_every",
        "timer.due + interval",
        "timer.due + 2 * interval",
        "a repeated timer skips every second time",
    ),
    Bug(
        "group-leave-told-once",
        "kernel.membership:Membership._gone",
        "successor is None",
        "successor is None and ref._end.reason != 'killed'",
        "a killed actor stays in its groups",
    ),
    # --- supervision
    Bug(
        "budget-off-by-one",
        "supervision.intensity:RestartBudget.spend",
        "if len(self._spent) >= self.intensity:",
        "if len(self._spent) > self.intensity:",
        "a supervisor restarts once too often",
    ),
    Bug(
        "budget-too-small",
        "supervision.intensity:RestartBudget.spend",
        "if len(self._spent) >= self.intensity:",
        "if len(self._spent) + 1 >= self.intensity:",
        "a supervisor gives up one restart too early",
    ),
    Bug(
        "budget-never-recovers",
        "supervision.intensity:RestartBudget._forget",
        "> self._period_ms",
        "> 10 * self._period_ms",
        "a restart counts for ten periods",
    ),
    Bug(
        "stop-out-of-order",
        "supervision.children:Children.ids_newest_first",
        "list(reversed(self._children))",
        "list(self._children)",
        "the oldest child is stopped first",
    ),
    Bug(
        "group-stopped-in-start-order",
        "supervision.strategy:plan",
        "for one in reversed(group) if",
        "for one in group if",
        "a group is stopped in the order in which it was started",
    ),
    Bug(
        "rest-is-all-but-the-rest",
        "supervision.strategy:plan",
        "for id in reversed(children):",
        "for id in children:",
        "rest_for_one restarts those before the failed child",
    ),
    Bug(
        "shutdown-time-not-kept",
        "supervision.jobs:Job.stop_child",
        "self._set_timer(how.limit)",
        "self._set_timer(None)",
        "a child that does not end is waited for beyond its shutdown time",
    ),
    Bug(
        "double-start-after-escalation",
        "supervision.tree_state:TreeState.finish",
        "self.pending.clear()",
        "self.pending.clear()\n    self.living.clear()",
        "a supervisor that gives up forgets children that are alive",
    ),
    Bug(
        "temporary-restarted",
        "supervision.strategy:wants_restart",
        'case "temporary":\n            return False',
        'case "temporary":\n            return not is_orderly(reason)',
        "a temporary child comes back after a crash",
    ),
    Bug(
        "transient-restarted-after-a-normal-end",
        "supervision.strategy:wants_restart",
        "return not is_orderly(reason)",
        "return reason != 'shutdown'",
        "a transient child that ended normally comes back",
    ),
    Bug(
        "failed-restart-is-forgotten",
        "supervision.arrivals:_start_failed",
        "tree.actions.append(steps.Again(child.id, child.attempt))",
        "pass",
        "a restart that failed is not tried again",
    ),
    Bug(
        "second-failure-forgotten",
        "supervision.arrivals:gone",
        "tree.pending.append(Death(child.id, incarnation))",
        "if tree.job is None:\n                tree.pending.append(Death(child.id, incarnation))",
        "a child that fails while another is restarted stays dead",
    ),
    Bug(
        "significant-end-ignored",
        "supervision.children:Children.has_significant",
        'child.state != "stopped"',
        "True",
        "all significant children have ended, and the supervisor goes on",
    ),
    # --- the broker
    Bug(
        "dead-subscriber-kept",
        "broker.broker:Broker._ended",
        "self._remove(pattern, ref, group)",
        "group or self._remove(pattern, ref, group)",
        "a dead member of a group still gets its turn",
    ),
    Bug(
        "route-not-forgotten",
        "broker.subscriptions:Subscriptions.remove",
        "self._forget_routes(pattern, tokens, group)",
        "pass",
        "who has unsubscribed still gets what is published",
    ),
    Bug(
        "rest-pattern-misses",
        "broker.subscriptions:Subscriptions._matching",
        "if REST in node:",
        "if REST in node and node is not self._root:",
        "a subscription to everything gets nothing",
    ),
    Bug(
        "lasting-subscription-lost",
        "broker.broker:Broker._ended",
        "if lasting and successor is not None:",
        "if lasting and successor is None:",
        "the next incarnation of a child is not subscribed",
    ),
    Bug(
        "turn-not-passed-on",
        "broker.delivery:Choice.next",
        "turn + 1 if turn + 1 < len(self.members) else 0",
        "turn",
        "one member of a group gets everything",
    ),
)


ALL_BUGS = (*BUGS, *NODE_BUGS)


def found_by(bug: Bug, strategy: StrategyName, most: int) -> tuple[int, str, Found] | None:
    """How many seeds it takes, and the scenario that fails; None when none does within `most`.

    Each seed runs every scenario that the bug is for.
    """
    scenarios = [each for each in SCENARIOS if each.nodes == bug.nodes]
    with planted(bug):
        for seed in range(most):
            for each in scenarios:
                if run_seed(each.test, seed, strategy, each.settings).failure is not None:
                    found = search(each.test, (seed,), strategy, each.settings)
                    assert found is not None
                    return seed + 1, each.name, found
    return None


def main() -> int:
    """A line for each bug and strategy; 1 when one is not found."""
    missed = 0
    print(f"{'fault':42} {'uniform':>8} {'pct':>8}  schedule  scenario")
    for bug in ALL_BUGS:
        if sys.argv[1:] and bug.name not in sys.argv[1:]:
            continue
        by = {name: found_by(bug, name, bug.seeds) for name in ("uniform", "pct")}
        seeds = {name: str(found[0]) if found else "-" for name, found in by.items()}
        found = by["uniform"] or by["pct"]
        missed += found is None
        length = len(found[2].smallest.deviations) if found else "-"
        where = f"{found[1]}: {found[2].smallest.kind}" if found else "NOT FOUND"
        print(
            f"{bug.name:42} {seeds['uniform']:>8} {seeds['pct']:>8} {length:>9}  {where}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
