"""Faults in links, monitors, exit signals and ends."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

AGENDA = "airssys_wasm/kernel/agenda.py"
KEEPING = "airssys_wasm/kernel/keeping.py"
KERNEL = "airssys_wasm/kernel/kernel.py"
LIFECYCLE = "airssys_wasm/kernel/lifecycle.py"
RELATIONS = "airssys_wasm/kernel/relations.py"
REMAINS = "airssys_wasm/kernel/remains.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
        "tests/supervision",
    ),
    faults=(
        Fault(
            "links-one-way",
            RELATIONS,
            """
            for one, other in ((ref, target), (target, ref)):
                extension = one._ext()
            """,
            """
            for one, other in ((ref, target),):
                extension = one._ext()
            """,
            why="the end of one side of a link is not told to the other",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-not-undone",
            RELATIONS,
            "tied |= one._extension.links.pop(other, NOTHING) is not NOTHING",
            "tied = True",
            why="unlinked actors end one another",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-to-the-dead-silent",
            RELATIONS,
            """
            raise ActorExited(address, "noproc")
            """,
            """
            return
            """,
            why="a link to a dead actor seems to be one",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-to-the-dead-untold",
            RELATIONS,
            'ref._deliver(Exit(target, "noproc"))',
            "pass",
            why="who traps exits does not hear that the actor it links to is dead",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-to-itself",
            RELATIONS,
            """
            if target is ref:
                return
            """,
            """
            if False:
                return
            """,
            why="a link to oneself is one",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "links-not-fired",
            LIFECYCLE,
            "self.signal(peer, reason, ref)",
            "pass",
            why="the end of an actor does not end those linked to it",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-from-nobody",
            LIFECYCLE,
            "self.signal(peer, reason, ref)",
            "self.signal(peer, reason, None)",
            why="an exit does not say whose it is",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "links-children-live-on",
            LIFECYCLE,
            "self.signal(child, reason, ref)",
            "pass",
            why="the children of a killed supervisor live on",
            first="tests/supervision",
        ),
        Fault(
            "links-children-oldest-first",
            LIFECYCLE,
            "for child in reversed(list(extension.children or ())):",
            "for child in list(extension.children or ()):",
            why="the oldest child of a killed supervisor ends first",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "links-held-stay",
            LIFECYCLE,
            """
            for child in list(extension.held or ()):
                self._kernel.keeping.release(child)
            """,
            """
            for child in list(extension.held or ())[:0]:
                self._kernel.keeping.release(child)
            """,
            why="the kept mailboxes of a dead supervisor are kept for ever",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "exit-normal-kills",
            LIFECYCLE,
            'ignored = says(reason, "normal") and source is not target',
            "ignored = False",
            why="the orderly end of one actor ends those linked to it",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "exit-normal-to-itself",
            LIFECYCLE,
            'ignored = says(reason, "normal") and source is not target',
            'ignored = says(reason, "normal")',
            why="an actor that sends itself a normal exit goes on",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "exit-trap-ignored",
            LIFECYCLE,
            "if traits & TRAP and not (from_parent and not traits & HANDLES_STOP):",
            "if False:",
            why="who traps exits is ended by them",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "exit-parent-trapped",
            LIFECYCLE,
            "if traits & TRAP and not (from_parent and not traits & HANDLES_STOP):",
            "if traits & TRAP:",
            why="who traps exits is not ended by its parent",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "exit-normal-of-the-parent",
            LIFECYCLE,
            "if ignored and not (from_parent and traits & (SUPERVISED | TRAP)):",
            "if ignored:",
            why="the orderly end of a parent leaves its children",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "exit-reason-compared",
            "airssys_wasm/kernel/reasons.py",
            "return isinstance(reason, str) and reason == word",
            "return bool(reason == word)",
            why="a reason that cannot be compared with a word ends nobody",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "exit-kill-is-a-reason",
            KERNEL,
            'if says(reason, "kill"):',
            "if False:",
            why="an exit with the reason kill can be trapped",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "exit-source-unknown",
            KERNEL,
            "self.lifecycle.signal(ref, reason, self.scheduler.current())",
            "self.lifecycle.signal(ref, reason, None)",
            why="an exit signal does not say who sent it",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "end-last-reason-wins",
            LIFECYCLE,
            """
            if ref._mode & (DEAD | ENDING):
                return
            idle = is_idle(ref)
            """,
            """
            if ref._mode & DEAD:
                return
            idle = is_idle(ref)
            """,
            why="the second reason to end counts",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-handler-goes-on",
            LIFECYCLE,
            """
            extension.task.cancel()
            """,
            """
            pass
            """,
            why="an exit does not cancel a handler that waits",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-idle-lives-on",
            LIFECYCLE,
            """
            elif idle or ref._mode & PROCESS:
                self.go_on(ref)
            """,
            """
            elif not idle or ref._mode & PROCESS:
                self.go_on(ref)
            """,
            why="an idle actor does not end",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-without-terminate",
            LIFECYCLE,
            "if ref._traits & TERMINATE and not ref._mode & NEW:",
            "if False:",
            why="terminate does not run",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-terminate-without-init",
            LIFECYCLE,
            "if ref._traits & TERMINATE and not ref._mode & NEW:",
            "if ref._traits & TERMINATE:",
            why="terminate runs though init had not succeeded",
            first="tests/kernel/test_own_task.py",
        ),
        Fault(
            "end-mailbox-open",
            REMAINS,
            """
            ref._queue = GONE
            if ref._traits & KEEP:
            """,
            """
            ref._queue = None
            if ref._traits & KEEP:
            """,
            why="the mailbox of an actor that is ending is open",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-queued-lost",
            REMAINS,
            """
            for message in rest:
                self._kernel.reporting.dead_letter(message, ref, reason)
            return
            """,
            """
            return
            """,
            why="what was queued at an end is lost without a trace",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "end-queued-backwards",
            REMAINS,
            "rest.appendleft(one)",
            "rest.append(one)",
            why="of what was queued at an end the first comes last",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "end-many-queued-lost",
            REMAINS,
            "for _ in range(count):",
            "for _ in range(1):",
            why="of many that were queued the first alone has the reason of the end",
            first="tests/kernel/test_remains.py",
        ),
        Fault(
            "end-many-queued-overtaken",
            REMAINS,
            "ref._queue = rest  # the mailbox, until it is empty",
            "pass",
            why="what is sent to the dead comes before what was queued",
            first="tests/kernel/test_remains.py",
        ),
        Fault(
            "end-many-queued-told-early",
            REMAINS,
            "if ref in self._signals:",
            "if False:",
            why="who watches learns of the end before the dead letters are written",
            first="tests/kernel/test_remains.py",
        ),
        Fault(
            "stop-overtakes",
            LIFECYCLE,
            "ref._deliver_special(StopEntry(reason))",
            "self.end(ref, reason)",
            why="a stop overtakes what was sent before it",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "stop-abnormal-unreported",
            LIFECYCLE,
            "self.end(ref, reason, inside=inside, report=not is_orderly(reason))",
            "self.end(ref, reason, inside=inside)",
            why="an actor that stops itself with an error is not reported",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "stop-self-cancels",
            LIFECYCLE,
            "inside = not is_idle(ref)",
            "inside = False",
            why="a handler that stops its actor is cancelled",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "stop-short-way-kept",
            LIFECYCLE,
            """
            and not ref._traits & KEEP
            and reason is NORMAL.reason
            """,
            """
            and reason is NORMAL.reason
            """,
            why="a child that keeps its mailbox and stops itself loses it",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "kill-waits",
            LIFECYCLE,
            """
            ref._end = Ended("killed")
            """,
            """
            ref._end = ref._end
            """,
            why="a killed actor has no reason",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "kill-leaves-its-code",
            LIFECYCLE,
            "self._kernel.scheduler.reaper.reap(task, ref)",
            "pass",
            why="the code of a killed actor goes on",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "kill-mailbox-open",
            LIFECYCLE,
            """
            self._close(ref, "killed")
            """,
            """
            pass
            """,
            why="what is queued of a killed actor is lost",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "death-waiters-wait-on",
            LIFECYCLE,
            """
            waiter.set_result(reason)
            """,
            """
            pass
            """,
            why="who waits for an end waits for ever",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "death-start-waits-on",
            LIFECYCLE,
            """
            if extension.started is not None and not extension.started.done():
                extension.started.set_result(None)
            """,
            """
            pass
            """,
            why="who starts an actor that ends in its init waits for ever",
            first="tests/kernel/test_spawn_and_start.py",
        ),
        Fault(
            "death-requests-wait-on",
            LIFECYCLE,
            "self._kernel.reporting.fail_request(extension.envelope.future, ref, reason)",
            "pass",
            why="the request in hand of a dead actor waits for its timeout",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "death-deferred-wait-on",
            LIFECYCLE,
            "self._kernel.reporting.fail_request(reply._future, ref, reason)",
            "pass",
            why="a deferred reply of a dead actor is waited for",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "death-timers-live-on",
            LIFECYCLE,
            """
            self._release_timers(extension)
            """,
            """
            pass
            """,
            why="the timers of a dead actor fire",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "death-monitors-live-on",
            LIFECYCLE,
            "self._kernel.relations.end_watching(extension)",
            "pass",
            why="the dead are still told",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "death-cause-lost",
            LIFECYCLE,
            "if extension.cause is not None:",
            "if False:",
            why="the cause of an end is lost",
            first="tests/supervision",
        ),
        Fault(
            "death-hooks-not-called",
            KEEPING,
            "hook(ref, successor)",
            "pass",
            why="who asked to be called at an end is not",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "death-hook-spreads",
            KEEPING,
            """
            except Exception:  # whoever asked must not hold up the death of another
            """,
            """
            except KeyError:
            """,
            why="a callback that raises holds up a death",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "death-parent-untold",
            LIFECYCLE,
            "parent._deliver(Ignored(ref) if ignored else Down(ref, ref._end.reason))",
            "pass",
            why="a supervisor does not hear that its child ended",
            first="tests/supervision",
        ),
        Fault(
            "death-ignored-is-down",
            LIFECYCLE,
            "parent._deliver(Ignored(ref) if ignored else Down(ref, ref._end.reason))",
            "parent._deliver(Down(ref, ref._end.reason))",
            why="a child that was not needed is taken for one that ended",
            first="tests/supervision",
        ),
        Fault(
            "death-held-of-the-dead",
            LIFECYCLE,
            """
            if held:
                self._kernel.keeping.release(ref)
            return
            """,
            """
            return
            """,
            why="a child that ends after its supervisor keeps its mailbox and its name",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "death-clock-ignored",
            AGENDA,
            "if not step % STEPS_A_LOOK and clock() >= end:",
            "if False:",
            why="a turn of news is bounded by steps alone",
            first="tests/kernel/test_scale.py",
        ),
        Fault(
            "death-news-forgotten",
            AGENDA,
            "self._platform.call_soon(self._go_on)",
            "pass",
            why="after 1,000 watchers nobody is told",
            first="tests/kernel/test_scale.py",
        ),
        Fault(
            "death-recursion",
            AGENDA,
            "if not self._running and not self._going_on:",
            "if not self._going_on:",
            why="a chain of links ends by recursion",
            first="tests/kernel/test_links.py",
        ),
        Fault(
            "death-short-way-told",
            LIFECYCLE,
            "not ref._traits and not kernel.telemetry.active:",
            "not ref._traits:",
            why="telemetry does not hear of some ends",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "monitors-dead-silent",
            RELATIONS,
            'ref._deliver(Down(gone, "noproc", monitor))',
            "pass",
            why="who watches a dead actor hears nothing",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-dead-active",
            RELATIONS,
            """
            monitor = MonitorRef(ref, gone, tag)
            monitor.active = False
            """,
            """
            monitor = MonitorRef(ref, gone, tag)
            """,
            why="a monitor of a dead actor seems active",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "monitors-untagged",
            RELATIONS,
            "monitor = MonitorRef(ref, target, tag)",
            "monitor = MonitorRef(ref, target)",
            why="the tag of a monitor is lost",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "monitors-undone-fire",
            RELATIONS,
            """
            monitor.active = False
            self._forget_monitor(monitor)
            return True
            """,
            """
            return True
            """,
            why="a monitor that was undone fires",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-undone-stay",
            RELATIONS,
            "self._forget_monitor(monitor)",
            "pass",
            why="a monitor that was undone is never forgotten",
            first="tests/kernel/test_faults_of_links.py",
        ),
        Fault(
            "monitors-answer",
            RELATIONS,
            """
                return True
            if flush:
            """,
            """
                return False
            if flush:
            """,
            why="demonitor does not say that the monitor was active",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-not-flushed",
            RELATIONS,
            """
            if flush:
            """,
            """
            if False:
            """,
            why="what was to be taken out of the mailbox stays",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-flush-too-much",
            RELATIONS,
            "lambda m: isinstance(m, Down) and m.monitor is monitor",
            "lambda m: isinstance(m, Down)",
            why="the news of other monitors is taken out, too",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-anybody-undoes",
            RELATIONS,
            "if monitor.watcher is not ref:",
            "if False:",
            why="an actor undoes another's monitor",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-newest-first",
            LIFECYCLE,
            "list(islice(watchers, WATCHERS_AT_ONCE))",
            "list(watchers)[::-1]",
            why="who watched last is told first",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-undone-while-firing",
            LIFECYCLE,
            """
            if monitor.active:
                self._kernel.relations.down(monitor, ref, reason)
            """,
            """
            self._kernel.relations.down(monitor, ref, reason)
            """,
            why="a monitor that was undone in time fires all the same",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-fire-twice",
            RELATIONS,
            "monitor.watcher._deliver(Down(ref, reason, monitor))",
            "[monitor.watcher._deliver(Down(ref, reason, monitor)) for _ in range(2)]",
            why="an end is told twice",
            first="tests/kernel/test_monitors.py",
        ),
        Fault(
            "monitors-known-after-death",
            RELATIONS,
            """
            watchers.pop(monitor, None)
            """,
            """
            pass
            """,
            why="an actor remembers who watched it, though they are dead",
            first="tests/kernel/test_monitors.py",
        ),
    ),
)
