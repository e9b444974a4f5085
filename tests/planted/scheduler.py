"""Faults in the scheduler: who runs, how long, in which task; requests; the killed."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

ACTIVATION = "airssys_wasm/kernel/activation.py"
ANSWERS = "airssys_wasm/kernel/answers.py"
BECOMING = "airssys_wasm/kernel/becoming.py"
PARKING = "airssys_wasm/kernel/parking.py"
PLAIN = "airssys_wasm/kernel/plain.py"
REAPER = "airssys_wasm/kernel/reaper.py"
REF = "airssys_wasm/kernel/ref.py"
REQUESTS = "airssys_wasm/kernel/requests.py"
SCHEDULER = "airssys_wasm/kernel/scheduler.py"
SUSPENSION = "airssys_wasm/kernel/suspension.py"
WORKER = "airssys_wasm/kernel/worker.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
    ),
    faults=(
        Fault(
            "scheduler-never-idle",
            SCHEDULER,
            """
            if not ref._queue and ref._one is NOTHING:
                ref._queue = None
            """,
            """
            if not ref._queue and ref._one is NOTHING:
                pass
            """,
            why="an actor that has settled looks busy and is never woken",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-lost-wake-up",
            SCHEDULER,
            """
            self.push(ref)
            if not self.armed:
                self.arm()
            """,
            """
            if not self.armed:
                self.arm()
            """,
            why="what came while a handler was suspended is never handled",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-not-armed",
            SCHEDULER,
            """
            self.push(ref)
            if not self.armed:
                self.arm()
            """,
            """
            self.push(ref)
            """,
            why="an actor is put on the run queue, and no turn comes",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-rest-forgotten",
            SCHEDULER,
            "self.kernel.suspension.rest(ref)",
            "pass",
            why="an actor that was suspended at work is never resumed",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "scheduler-no-next-turn",
            SCHEDULER,
            """
            self._breath = BREATHS
            self.loop.call_soon(self._turn)
            """,
            """
            self._breath = BREATHS
            """,
            why="what a slice has left is never handled",
            first="tests/kernel/test_fairness.py",
        ),
        Fault(
            "scheduler-no-breath",
            SCHEDULER,
            "self._breath = BREATHS",
            "pass",
            why="between two slices of a flood the loop's own callbacks get one turn only",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-no-slices",
            SCHEDULER,
            "if self.clock() >= self.slice_end:",
            "if False:",
            why="a flood that workers share is never interrupted",
            first="tests/kernel/test_fairness.py",
        ),
        Fault(
            "scheduler-suspended-not-known",
            SCHEDULER,
            """
            extension.task = task
            """,
            """
            extension.task = None
            """,
            why="a handler that waits can't be cancelled by an exit",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-cancel-forgotten",
            SCHEDULER,
            """
            extension.cancel_due = False
            task.cancel()
            """,
            """
            extension.cancel_due = False
            """,
            why="an exit that came while a handler was on the stack lets it go on",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-leftover-not-reaped",
            SCHEDULER,
            """
            if ref._mode & DEAD:
                self.reaper.reap(task, ref)
                return
            """,
            """
            if ref._mode & DEAD:
                return
            """,
            why="an actor that kills itself and waits is never cancelled",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "scheduler-batch-lost",
            SCHEDULER,
            "rest.extend(ref._queue or ())",
            "pass",
            why="what came during a batch that ends early is lost",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "scheduler-batch-doubled",
            SCHEDULER,
            "rest = deque(batch)  # exhausts an iterator",
            "rest = deque(list(batch) * 2)",
            why="what is left of a batch that ends early comes twice",
            first="tests/kernel/test_become.py",
        ),
        Fault(
            "scheduler-miscounts-a-batch",
            SCHEDULER,
            "self.handled -= len(rest)  # the batch counts itself as a whole",
            "pass",
            why="messages that wait are counted as handled",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-hook-not-known",
            SCHEDULER,
            """
            previous, self.cur = self.cur, ref
            self.frames[level] = previous
            """,
            """
            previous = self.cur
            self.frames[level] = previous
            """,
            why="a plain handler after one that had waited does not know who it is",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-hook-shares-context",
            SCHEDULER,
            """
            self.give_context(ref, scratch)
            self.scratches[level] = self.clean.copy()
            """,
            """
            self.give_context(ref, scratch)
            """,
            why="what a plain hook sets, others see",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-request-shares-context",
            REQUESTS,
            """
            scheduler.give_context(ref, scratch)
            scheduler.scratches[level] = scheduler.clean.copy()
            """,
            """
            scheduler.give_context(ref, scratch)
            """,
            why="what a request sets in its target, the next target sees",
            first="tests/kernel/test_context_variables.py",
        ),
        Fault(
            "scheduler-worker-shares-context",
            WORKER,
            """
            scheduler.give_context(ref, scratch)
            scratch = clean.copy()
            run = scratch.run
            """,
            """
            scheduler.give_context(ref, scratch)
            """,
            why="what a plain handler sets, others see",
            first="tests/kernel/test_context_variables.py",
        ),
        Fault(
            "scheduler-worker-not-retired",
            WORKER,
            "retired = changed or me.cancelling() or (ref._mode & DEAD and not mine)",
            "retired = changed or (ref._mode & DEAD and not mine)",
            why="a cancellation that was for one actor hits another",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-killed-worker-not-retired",
            WORKER,
            "retired = changed or me.cancelling() or (ref._mode & DEAD and not mine)",
            "retired = changed or me.cancelling()",
            why="what is meant for a killed actor's leftover may hit another",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-identity-not-entered",
            SCHEDULER,
            """
            CURRENT.set(ref)
            parking.last = ref
            """,
            """
            parking.last = ref
            """,
            why="child tasks of a handler do not know whose they are",
            first="tests/kernel/test_context_variables.py",
        ),
        Fault(
            "scheduler-miscounts-failures",
            WORKER,
            """
            scheduler.completed = 0
            scheduler.handled -= 1
            """,
            """
            scheduler.completed = 0
            """,
            why="a message whose handler failed is counted as handled",
            first="tests/kernel/test_conservation.py",
        ),
        Fault(
            "scheduler-batch-not-ended",
            WORKER,
            "ref._batch = rest = iter(queue)",
            "rest = iter(queue)",
            why="a batch goes on after the end of its actor",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "scheduler-batch-without-end",
            WORKER,
            "if count <= quantum or count < LEAST:",
            "if True:",
            why="a long backlog is handled in one go",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-woken-by-is-lost",
            WORKER,
            """
                    queue.appendleft(message)
                ref._queue = ref._batch = queue
            """,
            """
                    pass
                ref._queue = ref._batch = queue
            """,
            why="the message before a long backlog is lost",
            first="tests/kernel/test_fairness.py",
        ),
        Fault(
            "scheduler-woken-by-comes-last",
            WORKER,
            """
                    queue.appendleft(message)
                ref._queue = ref._batch = queue
            """,
            """
                    queue.append(message)
                ref._queue = ref._batch = queue
            """,
            why="the message before a long backlog comes after it",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-alone-for-ever",
            WORKER,
            "if count >= look:",
            "if False:",
            why="an async handler with a backlog is never interrupted",
            first="tests/kernel/test_fairness.py",
        ),
        Fault(
            "scheduler-async-slices-too-long",
            WORKER,
            "at_most = limit if scheduler.stepping is parking else ALONE",
            "at_most = 1000 * limit",
            why="an async handler that does not suspend handles its whole backlog in one slice",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-async-second-backlog",
            WORKER,
            """
                queue = ref._queue  # another one, where something came after the last
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = ref._queue = deque(queue)
                take = queue.popleft
            """,
            """
                queue = ref._queue  # another one, where something came after the last
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = deque(queue)
                take = queue.popleft
            """,
            why="what an async actor sends itself is handled twice",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-async-woken-by-comes-last",
            WORKER,
            """
                queue.appendleft(message)
            ref._queue = queue
            """,
            """
                queue.append(message)
            ref._queue = queue
            """,
            why="the message that woke an async actor comes after those behind it",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "scheduler-failure-unreported",
            SCHEDULER,
            "report = not (isinstance(exception, ExitActor) and is_orderly(reason))",
            "report = False",
            why="a crash is not reported",
            first="tests/kernel/test_crashes.py",
        ),
        Fault(
            "scheduler-last-message-unknown",
            SCHEDULER,
            """
            ref._ext().last_message = message
            """,
            """
            ref._ext()
            """,
            why="a crash report does not say at which message",
            first="tests/kernel/test_crashes.py",
        ),
        Fault(
            "scheduler-crashed-message-lost",
            SCHEDULER,
            """
            self.kernel.reporting.dead_letter(message, ref, reason, crashed=True)
            """,
            """
            pass
            """,
            why="the message at which an actor crashed is lost",
            first="tests/kernel/test_crashes.py",
        ),
        Fault(
            "scheduler-close-takes-no-time",
            SCHEDULER,
            """
            await asyncio.wait(tasks, timeout=REAP_EVERY)
            """,
            """
            pass
            """,
            why="the end of a system leaves its tasks behind",
            first="tests/kernel/test_closing.py",
        ),
        Fault(
            "send-not-armed",
            REF,
            """
            if not scheduler.armed:
                scheduler.arm()
            """,
            """
            pass
            """,
            why="the first message of all is never handled",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "send-second-lost",
            REF,
            "self._queue = [message]",
            "self._queue = []",
            why="a message to a busy actor is lost",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "send-to-each-of-another",
            SCHEDULER,
            "ref.__class__ is ActorRef and ref._queue is None and ref._scheduler is self:",
            "ref.__class__ is ActorRef and ref._queue is None:",
            why="an actor of another system is run by this one",
            first="tests/kernel/test_send_to_each.py",
        ),
        Fault(
            "send-to-each-not-armed",
            SCHEDULER,
            """
            if self.ready and not self.armed:
                self.arm()
            """,
            """
            pass
            """,
            why="what is published to idle actors alone is not handled",
            first="tests/kernel/test_send_to_each.py",
        ),
        Fault(
            "request-reenters",
            REQUESTS,
            """
            scheduler.streak -= 1
            ref._queue = BUSY
            if ref._extension is not None:
            """,
            """
            scheduler.streak -= 1
            if ref._extension is not None:
            """,
            why="an actor that handles a request handles another message meanwhile",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-without-end",
            REQUESTS,
            "return self._scheduler.level < DEPTH and self._scheduler.streak > 0",
            "return self._scheduler.level < DEPTH",
            why="requests that follow one another let nobody else run",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-without-bottom",
            REQUESTS,
            "return self._scheduler.level < DEPTH and self._scheduler.streak > 0",
            "return self._scheduler.streak > 0",
            why="requests inside requests have no limit",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-wake-up-lost",
            REQUESTS,
            """
                    scheduler.push(ref)
                    if not scheduler.armed:
                        scheduler.arm()
                return answer

            def inline_async(self, ref: ActorRef[Any], message: Any) -> Any:
            """,
            """
                    pass
                return answer

            def inline_async(self, ref: ActorRef[Any], message: Any) -> Any:
            """,
            why="what came during an inline request is never handled",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-current-actor",
            REQUESTS,
            "previous, scheduler.cur = scheduler.cur, ref",
            "previous = scheduler.cur",
            why="inside a request the caller is taken for the one who runs",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-old-deferral",
            REQUESTS,
            """
            if ref._extension is not None:
                ref._extension.deferred = None
            try:
                answer = scratch.run(ref._receive, message)
            """,
            """
            try:
                answer = scratch.run(ref._receive, message)
            """,
            why="a deferral of an earlier handler is taken for this one's",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-to-itself",
            REQUESTS,
            "if source is ref:",
            "if False:",
            why="a request to oneself waits for its timeout",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-to-the-ending",
            REQUESTS,
            "if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):",
            "if ref._mode & DEAD and not isinstance(ref._queue, HeldQueue):",
            why="a request to an actor that is ending fails with its reason, as a dead letter",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-never-late",
            REQUESTS,
            """
            future.set_exception(self.timed_out(ref, timeout))
            """,
            """
            pass
            """,
            why="a request has no timeout",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-timer-left",
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
            why="the timer of an answered request stays",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-late-takes-room",
            REQUESTS,
            """
            ref._give_up_waiting(waiting)  # unless there was room in time
            """,
            """
            pass
            """,
            why="a request that gave up waiting for room is delivered later",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-async-not-cancelled",
            REQUESTS,
            """
            extension.cancel_due = False
            task.cancel()
            """,
            """
            extension.cancel_due = False
            """,
            why="an exit during an inline request lets the handler go on",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-async-killed",
            REQUESTS,
            """
            scheduler.reaper.reap(task, ref)
            """,
            """
            scheduler.current()
            """,
            why="what is left of an actor killed in an inline request is never cancelled",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "request-breath-not-taken",
            REQUESTS,
            """
            await scheduler.give_way()
            return ref._queue is None and ref._mode <= ASYNC and self.may_inline()
            """,
            """
            return ref._queue is None and ref._mode <= ASYNC and self.may_inline()
            """,
            why="requests that follow one another let nobody else run",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-after-a-breath-unseen",
            REQUESTS,
            "return ref._queue is None and ref._mode <= ASYNC and self.may_inline()",
            "return self.may_inline()",
            why="an actor that became busy during a breath is run by a request all the same",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-streak-not-counted",
            REQUESTS,
            """
            self._scheduler.handled += STREAK - self._scheduler.streak
            self._scheduler.streak = STREAK
            """,
            """
            self._scheduler.streak = STREAK
            """,
            why="requests run inline are not counted as handled",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-lent-worker-lost",
            REQUESTS,
            """
            self._scheduler.parked.append(parking)
            """,
            """
            pass
            """,
            why="each inline request to an async actor costs a worker",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-context-shared",
            REQUESTS,
            """
                self._scheduler.give_context(ref, parking.context)
                parking.cancel()
            elif parking.cancelled:
            """,
            """
                self._scheduler.give_context(ref, parking.context)
                self._scheduler.parked.append(parking)
            elif parking.cancelled:
            """,
            why="what an async handler sets in an inline request, others see",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-context-lost",
            REQUESTS,
            """
            self._scheduler.give_context(ref, parking.context)
            """,
            """
            pass
            """,
            why="what an async handler sets in an inline request is lost",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-and-cancelled",
            REQUESTS,
            """
            elif parking.cancelled:
                parking.cancel()
            """,
            """
            elif parking.cancelled:
                self._scheduler.parked.append(parking)
            """,
            why="a task that cancelled itself goes on serving others",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-cancel-ends-the-worker",
            PARKING,
            """
            if self.lent:
            """,
            """
            if False:
            """,
            why="a handler that cancels its task in an inline request has it woken twice",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-cancel-forgotten",
            REQUESTS,
            """
            task.cancel(parking.cancel_message)
            task.uncancel()  # it was counted already
            """,
            """
            pass
            """,
            why="a handler that cancels its task in an inline request is not cancelled",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-cancel-says-nothing",
            PARKING,
            "self.cancel_message = msg",
            "pass",
            why="a handler that cancels its task in an inline request loses what it said with it",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-lent-cancel-counted-twice",
            REQUESTS,
            """
            task.uncancel()  # it was counted already
            """,
            """
            pass
            """,
            why="a handler that cancels its task once has to take it back twice",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-first-wait-lost",
            PARKING,
            """
            if self._waits is not NOTHING:
            """,
            """
            if False:
            """,
            why="a handler of an inline request does not wait the first time",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-first-step-of-nobody",
            REQUESTS,
            """
            if parking.last is not ref:
                self._scheduler.enter(parking, ref)
            coroutine = ref._receive(message)
            """,
            """
            coroutine = ref._receive(message)
            """,
            why="what an inline request makes an async actor do is the doing of another",
            first="tests/kernel/test_inline_async.py",
        ),
        Fault(
            "request-compared-with-care",
            REQUESTS,
            "except Exception:  # the comparison of somebody's values",
            "except ZeroDivisionError:",
            why="a value that cannot be compared leaves the target of a request busy for ever",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-answered-twice",
            ANSWERS,
            "elif not future.done():",
            "else:",
            why="the answer to a request that was given up raises in the target",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "request-failure-is-an-answer",
            ANSWERS,
            """
            if answer.__class__ is Failed:
                future.set_exception(answer.error)
            """,
            """
            if False:
                future.set_exception(answer.error)
            """,
            why="a failure that a handler answers with is returned, not raised",
            first="tests/kernel/test_requests.py",
        ),
        Fault(
            "plain-takes-an-envelope",
            PLAIN,
            """
            if not ref._queue and ref._one is NOTHING:
                ref._mode &= ~SPECIAL
            """,
            """
            ref._mode &= ~SPECIAL
            """,
            why="a request in a backlog is handed over with its envelope",
            first="tests/kernel/test_faults_of_requests.py",
        ),
        Fault(
            "plain-miscounts-stops",
            PLAIN,
            "scheduler.handled -= 1  # no message",
            "pass",
            why="a stop is counted as a message",
            first="tests/kernel/test_conservation.py",
        ),
        Fault(
            "activation-init-again",
            ACTIVATION,
            """
            ref._mode &= ~NEW
            self._scheduler.kernel.spawner.started(ref)
            """,
            """
            self._scheduler.kernel.spawner.started(ref)
            """,
            why="init runs at each activation",
            first="tests/kernel/test_spawn_and_start.py",
        ),
        Fault(
            "activation-ending-init",
            ACTIVATION,
            """
            if ref._mode & (ENDING | DEAD):
                return
            if answer is Answer.IGNORE:
            """,
            """
            if answer is Answer.IGNORE:
            """,
            why="an actor that was ended during its init starts all the same",
            first="tests/kernel/test_spawn_and_start.py",
        ),
        Fault(
            "activation-terminate-unbounded",
            ACTIVATION,
            "timer = kernel.timers.wake_at(due, lambda _: ref.kill())",
            "pass",
            why="a terminate that hangs is never ended",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "activation-terminate-cancelled",
            ACTIVATION,
            "extension.cancel_due = False  # that was for the handler, which has returned",
            "pass",
            why="an exit during a plain handler cancels terminate",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "activation-never-ran",
            ACTIVATION,
            "task.add_done_callback(lambda _: self._never_ran(ref, task))",
            "pass",
            why="a process that is cancelled before its first line lives for ever",
            first="tests/kernel/test_faults_of_processes.py",
        ),
        Fault(
            "activation-task-stays",
            ACTIVATION,
            """
            finally:
                if ref._extension is not None:
                    ref._extension.task = None
            """,
            """
            finally:
            """,
            why="an idle actor seems to wait in a task that has ended",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "activation-alone-for-ever",
            ACTIVATION,
            "count = await self._one_by_one(ref, ALONE_AT_MOST)",
            "count = await self._one_by_one(ref, 10**9)",
            why="an actor with a context of its own lets nobody else run",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "activation-suspended-goes-on",
            ACTIVATION,
            "over = ENDING | DEAD | SUSPENDED | (OWN & ~ref._mode)",
            "over = ENDING | DEAD | (OWN & ~ref._mode)",
            why="a suspended actor goes on with its batch",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "activation-own-in-the-worker",
            ACTIVATION,
            "over = ENDING | DEAD | SUSPENDED | (OWN & ~ref._mode)",
            "over = ENDING | DEAD | SUSPENDED",
            why="an actor that got a context of its own goes on in its worker's",
            first="tests/kernel/test_context_variables.py",
        ),
        Fault(
            "suspension-loses-calls",
            SUSPENSION,
            "self._kernel.take_out(ref, is_call)",
            "pass",
            why="who asks for the state of an actor that was suspended at work waits for ever",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "suspension-goes-on",
            SUSPENSION,
            """
            self._kernel.scheduler.end_batch(ref)
            ref._mode |= SUSPENDED
            """,
            """
            ref._mode |= SUSPENDED
            """,
            why="a batch goes on though its actor is suspended",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "suspension-not-resumed",
            SUSPENSION,
            """
            elif at_rest:
                self._kernel.scheduler.settle(ref)
            """,
            """
            elif not at_rest:
                self._kernel.scheduler.settle(ref)
            """,
            why="a resumed actor does not handle what has queued",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "become-keeps-its-batch",
            BECOMING,
            """
            ref._scheduler.end_batch(ref)
            ref._receive = handler
            """,
            """
            ref._receive = handler
            """,
            why="the rest of a batch goes to the handler as it was before",
            first="tests/kernel/test_become.py",
        ),
        Fault(
            "continue-after-the-batch",
            ANSWERS,
            """
            ref._scheduler.end_batch(ref)
            """,
            """
            pass
            """,
            why="the rest of a batch comes before what a handler continues with",
            first="tests/kernel/test_continue.py",
        ),
        Fault(
            "reaper-gives-up-at-once",
            REAPER,
            "kernel.platform.now() + REAP_EVERY, lambda _: self.reap(task, ref, tries + 1)",
            "kernel.platform.now() + REAP_EVERY, lambda _: None",
            why="code that swallows its first cancellation goes on",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "reaper-never-cancels",
            REAPER,
            """
            task.cancel()
            kernel = ref._scheduler.kernel
            """,
            """
            kernel = ref._scheduler.kernel
            """,
            why="the code of a killed actor goes on",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "reaper-silent",
            REAPER,
            'log.error("%s was killed, but its code goes on:%s", ref, where)',
            "pass",
            why="code that will not end is not reported",
            first="tests/kernel/test_kill.py",
        ),
        Fault(
            "reaper-timer-left",
            REAPER,
            "task.add_done_callback(lambda _: kernel.timers.cancel(timer))",
            "pass",
            why="a timer watches over code that has ended",
            first="tests/kernel/test_faults_of_turns.py",
        ),
        Fault(
            "parking-stepped-after-cancel",
            PARKING,
            """
            self.pool.remove(self)  # a cancelled worker is never stepped again
            """,
            """
            pass
            """,
            why="a worker that was cancelled is stepped again",
            first="tests/kernel/test_faults_of_turns.py",
        ),
    ),
)
