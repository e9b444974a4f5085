"""Faults in the kernel, the broker and supervision: at least one for each law of the stress."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

ACTIVATION = "airssys_wasm/kernel/activation.py"
ANSWERS = "airssys_wasm/kernel/answers.py"
BECOMING = "airssys_wasm/kernel/becoming.py"
BOUNDED_REF = "airssys_wasm/kernel/bounded_ref.py"
BROKER = "broker/broker.py"
KEEPING = "airssys_wasm/kernel/keeping.py"
LIFECYCLE = "airssys_wasm/kernel/lifecycle.py"
MEMBERSHIP = "airssys_wasm/kernel/membership.py"
MULTICALL = "airssys_wasm/kernel/multicall.py"
PRIORITIES = "airssys_wasm/kernel/priorities.py"
REF = "airssys_wasm/kernel/ref.py"
REGISTRY = "airssys_wasm/kernel/registry.py"
RELATIONS = "airssys_wasm/kernel/relations.py"
REMAINS = "airssys_wasm/kernel/remains.py"
REPORTING = "airssys_wasm/kernel/reporting.py"
REQUESTS = "airssys_wasm/kernel/requests.py"
SCHEDULER = "airssys_wasm/kernel/scheduler.py"
SUSPENSION = "airssys_wasm/kernel/suspension.py"
TIMER_SERVICE = "airssys_wasm/kernel/timer_service.py"
WORKER = "airssys_wasm/kernel/worker.py"

TABLE = Table(
    tests=("tests/stress",),
    faults=(
        Fault(
            "storm-handled-twice",
            ACTIVATION,
            """
            entry = queue.popleft()
            """,
            """
            entry = queue[0] if len(queue) == 3 else queue.popleft()
            """,
            why="a message is handled, and handled again",
        ),
        Fault(
            "storm-out-of-order",
            SUSPENSION,
            """
            ref._mode &= ~SUSPENDED
            """,
            """
            ref._mode &= ~SUSPENDED
            if isinstance(ref._queue, list):
                ref._queue.reverse()
            """,
            why="what had queued of a suspended actor is handled backwards",
        ),
        Fault(
            "storm-lost",
            REMAINS,
            """
            if one is not NOTHING:
                rest.appendleft(one)
            """,
            "",
            why="what had woken an actor that ends at once is lost",
        ),
        Fault(
            "storm-lost-on-adoption",
            KEEPING,
            """
            new._queue = new._queue_of(entries)
            """,
            """
            new._queue = new._queue_of(entries[1:] or entries)
            """,
            why="the first of the messages that were kept is lost in the restart",
        ),
        Fault(
            "storm-dead-letter-doubled",
            SCHEDULER,
            """
            elif message is not NOTHING:
                self.kernel.reporting.dead_letter(message, ref, ref._end.reason, crashed=True)
            """,
            """
            elif message is not NOTHING:
                self.kernel.reporting.dead_letter(message, ref, ref._end.reason, crashed=True)
                self.kernel.reporting.dead_letter(message, ref, ref._end.reason, crashed=True)
            """,
            why="a message whose handler was cancelled is two dead letters",
        ),
        Fault(
            "storm-dead-letter-unmarked",
            REPORTING,
            "letter = DeadLetter(message, to, reason, request, crashed)",
            "letter = DeadLetter(message, to, reason, request, False)",
            why="a dead letter does not say that its handler crashed",
        ),
        Fault(
            "storm-crashed-message-lost",
            SCHEDULER,
            """
            if ref._mode & DEAD:
                if message is not NOTHING:
            """,
            """
            if ref._mode & DEAD:
                if message is NOTHING:
            """,
            why="what a killed actor had in hand is lost",
        ),
        Fault(
            "storm-refused-and-handled",
            BOUNDED_REF,
            """
            case "refuse":
            """,
            """
            case "refuse":
                self._accept(message)
            """,
            why="a full mailbox refuses a message and takes it all the same",
        ),
        Fault(
            "storm-kept-given-up-and-taken",
            KEEPING,
            """
            # A group that it watched may have changed since its death.
            """,
            """
            for message in list(queue)[:1]:
                self._kernel.reporting.dead_letter(message, old, old.exit_reason)
            """,
            why="a message that a child keeps over its restart is a dead letter, too",
        ),
        Fault(
            "storm-answer-to-another",
            ANSWERS,
            "            future.set_result(answer)",
            "            future.set_result(ref)",
            why="a request gets something else than its answer",
        ),
        Fault(
            "storm-post-doubled",
            BROKER,
            """
            self._copies += len(receivers)
            """,
            """
            self._copies += len(receivers)
            if len(receivers) == 3:
                receivers[0].send(published)
            """,
            why="one subscriber gets a publication twice",
        ),
        Fault(
            "storm-post-missing",
            BROKER,
            """
            receivers = route.receivers
            if len(receivers) > 1:
            """,
            """
            receivers = route.receivers[:3]
            if len(receivers) > 1:
            """,
            why="the fourth subscriber gets nothing",
        ),
        Fault(
            "storm-post-not-lasting",
            BROKER,
            """
            if lasting and successor is not None:
            """,
            """
            if lasting and successor is None:
            """,
            why="a lasting subscription does not go to the next incarnation",
        ),
        Fault(
            "storm-subscription-left",
            BROKER,
            """
            self._kernel.on_exit(ref, self._ended)
            """,
            """
            pass
            """,
            why="the subscriptions of the dead stay",
        ),
        Fault(
            "storm-down-twice",
            RELATIONS,
            """
            monitor.watcher._deliver(Down(ref, reason, monitor))
            """,
            """
            monitor.watcher._deliver(Down(ref, reason, monitor))
            monitor.watcher._deliver(Down(ref, reason, monitor))
            """,
            why="each end is told twice",
        ),
        Fault(
            "storm-down-never",
            RELATIONS,
            """
            watched.watchers[monitor] = None
            """,
            """
            if len(watched.watchers) < 2:
                watched.watchers[monitor] = None
            """,
            why="the third who watches an actor hears nothing",
        ),
        Fault(
            "storm-down-with-another-reason",
            RELATIONS,
            """
            monitor.watcher._deliver(Down(ref, reason, monitor))
            """,
            """
            monitor.watcher._deliver(Down(ref, "normal", monitor))
            """,
            why="every end is told as a normal one",
        ),
        Fault(
            "storm-down-after-demonitor",
            RELATIONS,
            """
            monitor.active = False
            self._forget_monitor(monitor)
            return True
            """,
            """
            return True
            """,
            why="a monitor that was undone tells all the same",
        ),
        Fault(
            "storm-down-not-flushed",
            RELATIONS,
            """
            if flush:
            """,
            """
            if not flush:
            """,
            why="what was to be taken out of the mailbox stays there",
        ),
        Fault(
            "storm-named-when-told",
            KEEPING,
            """
            self._kernel.registry.unregister(extension.name)
            """,
            """
            free, name = self._kernel.registry.unregister, extension.name
            self._kernel.platform.call_soon(lambda: free(name))
            """,
            why="a name is free only after the death was told",
        ),
        Fault(
            "storm-ended-by-nobody",
            SCHEDULER,
            """
            reason = reason_of(exception)
            """,
            """
            reason = reason_of(KeyError())
            """,
            why="a handler's error is told as another",
        ),
        Fault(
            "storm-killed-by-nobody",
            REQUESTS,
            """
                task.cancel()
            return Pending(future)
            """,
            """
                task.cancel()
            task.cancel()
            return Pending(future)
            """,
            why="a handler that suspends is cancelled without reason",
        ),
        Fault(
            "storm-news-before-messages",
            PRIORITIES,
            """
            level = max(0, levels.keys()[-1]) if levels else 0
            """,
            """
            level = levels.keys()[0] if levels else 0
            """,
            why="the news of a death overtakes what the dead had sent",
        ),
        Fault(
            "storm-link-forgotten",
            LIFECYCLE,
            "self.signal(peer, reason, ref)",
            "len(links) % 2 or self.signal(peer, reason, ref)",
            why="one of two linked actors goes on",
        ),
        Fault(
            "storm-group-not-told",
            MEMBERSHIP,
            "_tell(self.groups.watchers(name), left=ref)",
            "pass",
            why="the watchers of a group are not told that a member died",
        ),
        Fault(
            "storm-group-told-twice",
            MEMBERSHIP,
            """
            _tell(self.groups.leave(name, ref), left=ref)
            self._carry(name, ref)
            """,
            """
            _tell(self.groups.leave(name, ref), left=ref)
            _tell(self.groups.watchers(name), left=ref)
            """,
            why="the watchers of a group are told twice that a member left",
        ),
        Fault(
            "storm-orphan",
            LIFECYCLE,
            """
            for child in reversed(list(extension.children or ())):
                self.signal(child, reason, ref)
            """,
            """
            for child in reversed(list(extension.children or ())[1:]):
                self.signal(child, reason, ref)
            """,
            why="the first child of a killed supervisor lives on",
        ),
        Fault(
            "storm-child-forgotten",
            LIFECYCLE,
            """
            relation.children.pop(ref, None)
            """,
            """
            relation.children.popitem()
            """,
            why="the parent lets go of another child than the one that died",
        ),
        Fault(
            "storm-name-stolen",
            REGISTRY,
            """
            if holder is not None:
            """,
            """
            if holder is None and False:
            """,
            why="two actors have one name",
        ),
        Fault(
            "storm-name-unknown-to-its-holder",
            KEEPING,
            """
            successor._ext().name = extension.name
            """,
            "",
            why="the next incarnation has a name and does not know",
        ),
        Fault(
            "storm-dead-with-extension",
            LIFECYCLE,
            """
            if not isinstance(ref._queue, HeldQueue):
                ref._extension = None
            """,
            "",
            why="the dead keep their relations in memory",
        ),
        Fault(
            "storm-link-on-one-side",
            RELATIONS,
            """
            tied |= one._extension.links.pop(other, NOTHING) is not NOTHING
            """,
            """
            tied |= one._extension.links.pop(other, NOTHING) is not NOTHING
            break
            """,
            why="an unlinked actor is still linked on the other side",
        ),
        Fault(
            "storm-monitor-on-one-side",
            RELATIONS,
            """
            (monitor.watcher._extension, "watching"),
            """,
            """
            (None, "watching"),
            """,
            why="who no longer watches still knows the monitor",
        ),
        Fault(
            "storm-fired-timer-owned",
            TIMER_SERVICE,
            """
            def fire(timer: TimerRef) -> None:
                timers.pop(timer, None)
                _send_quietly(to, message)
            """,
            """
            def fire(timer: TimerRef) -> None:
                _send_quietly(to, message)
            """,
            why="a timer that has fired is kept by its owner",
        ),
        Fault(
            "storm-group-of-the-dead",
            MEMBERSHIP,
            """
            self._hooked.discard(ref)
            """,
            "",
            why="membership remembers the dead",
        ),
        Fault(
            "storm-length-wrong",
            REF,
            """
            return running + waiting + saved + (self._one is not NOTHING)
            """,
            """
            return running + saved + (self._one is not NOTHING)
            """,
            why="what is queued is not counted",
        ),
        Fault(
            "storm-suspended-at-work",
            SUSPENSION,
            """
            self._kernel.scheduler.end_batch(ref)
            ref._mode |= SUSPENDED
            """,
            """
            self._kernel.scheduler.end_batch(ref)
            ref._mode |= SUSPENDED if ref._queue is None else 0
            """,
            why="an actor that is at work is not suspended",
        ),
        Fault(
            "storm-timer-cancelled-and-fired",
            TIMER_SERVICE,
            "return self._wheel.cancel(timer, self._platform.now())",
            "return timer.due - self._platform.now()",
            why="a cancelled timer fires",
        ),
        Fault(
            "storm-timer-early",
            TIMER_SERVICE,
            "due = self._platform.now() + delay",
            "due = self._platform.now() + delay / 2",
            why="a timer fires in half its time",
        ),
        Fault(
            "storm-timer-of-the-dead",
            LIFECYCLE,
            """
            for timer in list(extension.timers or ()):
            """,
            """
            for timer in list(extension.timers or ())[1:]:
            """,
            why="the first timer of a dead actor fires",
        ),
        Fault(
            "storm-tick-too-often",
            TIMER_SERVICE,
            """
            self._wheel.add_again(timer, timer.due + interval, fire)
            """,
            """
            self._wheel.add_again(timer, timer.due + interval / 2, fire)
            """,
            why="a repeated timer fires twice an interval",
        ),
        Fault(
            "storm-context-shared",
            WORKER,
            """
            if not unchanged(scratch, clean):
                scheduler.give_context(ref, scratch)
                scratch = clean.copy()
                run = scratch.run
            """,
            """
            if not unchanged(scratch, clean):
                scheduler.give_context(ref, scratch)
            """,
            why="context variables that one actor set are seen by others",
        ),
        Fault(
            "storm-not-become",
            BECOMING,
            """
            ref._scheduler.end_batch(ref)
            """,
            "",
            why="a batch goes on with the handler as it was before",
        ),
        Fault(
            "storm-continued-later",
            ANSWERS,
            "        ref._one = Next(answer.value)",
            "        ref._deliver(Next(answer.value))",
            why="what a handler continues with comes after other messages",
        ),
        Fault(
            "storm-looked-in-the-middle",
            SUSPENSION,
            """
            if ref._mode & SUSPENDED and ref._ext().at_rest:
            """,
            """
            if ref._mode & SUSPENDED:
            """,
            why="the state of a suspended actor is read while its handler is at work",
        ),
        Fault(
            "storm-state-not-replaced",
            SUSPENSION,
            """
            actor.set_live_state(state)
            """,
            """
            actor.set_live_state(actor.live_state())
            """,
            why="a state is not replaced",
        ),
        Fault(
            "storm-roll-call",
            MULTICALL,
            """
            asked = list(dict.fromkeys(addresses))
            """,
            """
            asked = list(dict.fromkeys(addresses))[:4]
            """,
            why="the fifth address of a multicall is not asked",
        ),
        Fault(
            "storm-miscounted",
            LIFECYCLE,
            """
                telemetry.emit("actor.ended", *ended)
            self.signals.go()
            """,
            """
                pass
            self.signals.go()
            """,
            why="telemetry does not hear of the end of some actors",
        ),
        Fault(
            "storm-timer-left",
            REQUESTS,
            """
                return await future
            finally:
                kernel.timers.cancel(timer)
            """,
            """
                return await future
            finally:
                pass
            """,
            why="the timers of answered requests stay",
        ),
        Fault(
            "storm-task-left",
            SCHEDULER,
            """
            for task in tasks:
                task.cancel()
            """,
            """
            for task in tasks[1:]:
                task.cancel()
            """,
            why="a worker goes on after the end of the system",
        ),
        Fault(
            "storm-refs-held",
            REPORTING,
            """
            self.crashes += 1
            """,
            """
            self.crashes += 1
            log.__dict__.setdefault("kept", []).append(ref)
            """,
            why="crashed actors are never forgotten",
        ),
        Fault(
            "storm-accident-in-the-loop",
            TIMER_SERVICE,
            """
            self._wakeup = None
            now = self._platform.now()
            """,
            """
            self._platform.call_soon(lambda: 1 // 0)
            self._wakeup = None
            now = self._platform.now()
            """,
            why="a callback of the loop raises",
        ),
        Fault(
            "storm-accident-in-the-log",
            MEMBERSHIP,
            """
            self._hooked.discard(ref)
            """,
            """
            self._hooked.remove(ref.name)
            """,
            why="a callback at the end of an actor raises, which is logged",
        ),
        Fault(
            "storm-put-lost",
            BOUNDED_REF,
            """
            while self._putters and self._load < self._room:
                future, message = self._putters.popleft()
                if not future.done():
                    self._accept(message)
                    future.set_result(None)
            """,
            """
            while self._putters and self._load < self._room:
                future, message = self._putters.popleft()
                if not future.done():
                    future.set_result(None)
            """,
            why="who waited for room goes on, and its message is not queued",
        ),
        Fault(
            "storm-actor-left",
            LIFECYCLE,
            """
            held = bool(ref._traits & KEEP)
            self._kernel.forget(ref)
            """,
            """
            held = bool(ref._traits & KEEP)
            if ref._serial % 50:
                self._kernel.forget(ref)
            """,
            why="some of the dead are still among the actors",
        ),
    ),
)
