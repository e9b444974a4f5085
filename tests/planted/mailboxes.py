"""Faults in mailboxes: bounds, policies, priorities, times to live, and the inbox of a process."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

ACTIVATION = "airssys_wasm/kernel/activation.py"
BACKLOG = "airssys_wasm/kernel/backlog.py"
BOUNDED_REF = "airssys_wasm/kernel/bounded_ref.py"
INBOX = "airssys_wasm/kernel/inbox.py"
KEEPING = "airssys_wasm/kernel/keeping.py"
MAILBOX = "airssys_wasm/kernel/mailbox.py"
PRIORITIES = "airssys_wasm/kernel/priorities.py"
PRIORITY_REF = "airssys_wasm/kernel/priority_ref.py"
REF = "airssys_wasm/kernel/ref.py"
REMAINS = "airssys_wasm/kernel/remains.py"
REPORTING = "airssys_wasm/kernel/reporting.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
        "property_tests/test_mailbox_policies.py",
        "property_tests/test_priority_mailboxes.py",
    ),
    faults=(
        Fault(
            "mailbox-one-too-many",
            MAILBOX,
            "if load < capacity:",
            "if load <= capacity:",
            why="one message more than the capacity gets in",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-block-refuses",
            MAILBOX,
            'return "wait" if can_wait else "refuse"',
            'return "refuse"',
            why="a put to a full mailbox is refused instead of waiting",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-reject-drops",
            MAILBOX,
            """
            case "reject":
                return "refuse"
            """,
            """
            case "reject":
                return "drop_new"
            """,
            why="a full mailbox drops what it should refuse",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-room-not-counted",
            BOUNDED_REF,
            """
            self._load += 1
            self._deliver(message)
            """,
            """
            self._deliver(message)
            """,
            why="a bounded mailbox takes any number of messages",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-room-never-given-back",
            BOUNDED_REF,
            """
            self._load -= 1
            while self._putters and self._load < self._room:
            """,
            """
            while self._putters and self._load < self._room:
            """,
            why="a bounded mailbox is full for ever",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-putters-one-too-many",
            BOUNDED_REF,
            "while self._putters and self._load < self._room:",
            "while self._putters and self._load <= self._room:",
            why="who waits for room gets it when there is none",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-putters-last-first",
            BOUNDED_REF,
            "future, message = self._putters.popleft()",
            "future, message = self._putters.pop()",
            why="who came last for room gets it first",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-cancelled-putter-stays",
            BOUNDED_REF,
            "self._putters = deque(p for p in self._putters if p[0] is not waiting)",
            "pass",
            why="a put that was cancelled is kept in line",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-dropped-not-counted",
            BOUNDED_REF,
            "self.dropped += 1",
            "pass",
            why="messages that were dropped are not counted",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-drop-old-drops-signals",
            BOUNDED_REF,
            "place = next(i for i, m in enumerate(self._queue) if m.__class__ not in SIGNALS)",
            "place = 0",
            why="a policy drops a signal",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-drop-old-drops-newest",
            BOUNDED_REF,
            "place = next(i for i, m in enumerate(self._queue) if m.__class__ not in SIGNALS)",
            "place = len(self._queue) - 1",
            why="not the oldest message is dropped",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-drop-old-takes-no-room",
            BOUNDED_REF,
            """
            self._load -= 1
            self._drop(oldest)
            """,
            """
            self._drop(oldest)
            """,
            why="the place of a dropped message is never free again",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-drop-old-woken-by",
            BOUNDED_REF,
            "elif self._one is not NOTHING and self._one.__class__ not in SIGNALS:",
            "elif False:",
            why="the message that woke the actor is not the oldest",
            first="tests/kernel/test_telemetry.py",
        ),
        Fault(
            "mailbox-putters-at-death-hang",
            BOUNDED_REF,
            """
            future.set_result(None)
            messages.append(message)
            """,
            """
            messages.append(message)
            """,
            why="who waits for room of an actor that dies waits for ever",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-putters-at-death-lost",
            BOUNDED_REF,
            """
            future.set_result(None)
            messages.append(message)
            """,
            """
            future.set_result(None)
            """,
            why="what waited for room of an actor that dies is lost",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-ending-is-full",
            BOUNDED_REF,
            "if self._mode & (DEAD | ENDING) and not isinstance(self._queue, HeldQueue):",
            "if self._mode & DEAD and not isinstance(self._queue, HeldQueue):",
            why="an actor that is ending refuses messages, or lets them wait",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-held-is-dead",
            BOUNDED_REF,
            "if self._mode & (DEAD | ENDING) and not isinstance(self._queue, HeldQueue):",
            "if self._mode & (DEAD | ENDING):",
            why="a kept mailbox has no bound while its child is restarted",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "mailbox-signals-take-room",
            ACTIVATION,
            "if bounded and entry.__class__ not in SIGNALS:",
            "if bounded:",
            why="a signal that was handled makes room",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "mailbox-refused-undelivered",
            BOUNDED_REF,
            "raise MailboxFull(self, self._room, payload_of(message))",
            "raise MailboxFull(self, self._room, message)",
            why="the error does not carry the message that was sent",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "mailbox-adopted-load",
            KEEPING,
            "new._load, old._load = old._load, 0",
            "pass",
            why="a mailbox that was handed over forgets how full it is",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "mailbox-adopted-putters",
            KEEPING,
            "new._putters, old._putters = old._putters, new._putters",
            "pass",
            why="who waits for room in a kept mailbox is not handed over",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "mailbox-adopted-backwards",
            KEEPING,
            "entries.extend(new._queue or ())",
            "entries[:0] = new._queue or ()",
            why="what is there before the handing over comes first",
            equivalent="a new incarnation takes over before anything can be sent to it",
        ),
        Fault(
            "mailbox-kept-signals",
            KEEPING,
            """
            if entry.__class__ in SIGNALS:
                self._kernel.reporting.dead_letter(entry, ref, reason)
            """,
            """
            if False:
                self._kernel.reporting.dead_letter(entry, ref, reason)
            """,
            why="the next incarnation gets the signals of the one before",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "mailbox-collected-lost",
            REMAINS,
            "rest = deque((*extension.inbox._saved, *rest))",
            "pass",
            why="what a process had refused so far is lost when it ends",
            first="tests/kernel/test_processes.py",
        ),
        Fault(
            "mailbox-collected-last",
            REMAINS,
            "rest = deque((*extension.inbox._saved, *rest))",
            "rest = deque((*rest, *extension.inbox._saved))",
            why="what a process had refused so far comes after what came later",
            first="tests/kernel/test_faults_of_ends.py",
        ),
        Fault(
            "mailbox-dead-takes",
            REF,
            'self._scheduler.kernel.reporting.dead_letter(message, self, "noproc")',
            "pass",
            why="what is sent to the dead is no dead letter",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "mailbox-dead-without-name",
            REF,
            'self._scheduler.kernel.reporting.dead_letter(message, self, "noproc")',
            'self._scheduler.kernel.reporting.dead_letter(message, self._label, "noproc")',
            why="a dead letter does not say to whom it was sent",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "mailbox-warned-again",
            BACKLOG,
            """
            ref._traits |= WARNED
            """,
            """
            ref._traits |= 0
            """,
            why="a mailbox that is too long is reported again and again",
            first="tests/kernel/test_long_mailboxes.py",
        ),
        Fault(
            "priority-unstable",
            PRIORITIES,
            "entries.append(entry)",
            "entries.appendleft(entry)",
            why="of two messages of one priority the later comes first",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-lowest-first",
            PRIORITIES,
            "level = -priority_of(entry)",
            "level = priority_of(entry)",
            why="the lowest priority comes first",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-signal-overtakes",
            PRIORITIES,
            "level = max(0, levels.keys()[-1]) if levels else 0",
            "level = 0",
            why="a signal overtakes what was there before it",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-level-stays",
            PRIORITIES,
            """
            entry = entries.popleft()
            self._count -= 1
            if not entries:
                del self._levels[level]
            """,
            """
            entry = entries.popleft()
            self._count -= 1
            """,
            why="an empty priority is looked at again",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-count",
            PRIORITIES,
            """
            del entries[index]
            self._count -= 1
            """,
            """
            del entries[index]
            """,
            why="the length of a mailbox counts what was dropped",
            first="property_tests/test_priority_mailboxes.py",
        ),
        Fault(
            "priority-drops-the-newest",
            PRIORITIES,
            "for index, entry in enumerate(self._levels[level]):",
            "for index, entry in reversed(list(enumerate(self._levels[level]))):",
            why="of the lowest priority the newest is dropped",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-drops-a-signal",
            PRIORITIES,
            """
            if entry.__class__ not in SIGNALS:
                return level, index
            """,
            """
            if True:
                return level, index
            """,
            why="a policy drops a signal",
            first="property_tests/test_priority_mailboxes.py",
        ),
        Fault(
            "priority-line-by-arrival",
            PRIORITY_REF,
            "while place and priority_of(putters[place - 1][1]) < priority:",
            "while False:",
            why="who waits for room waits regardless of the priority",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-line-last-first",
            PRIORITY_REF,
            "while place and priority_of(putters[place - 1][1]) < priority:",
            "while place and priority_of(putters[place - 1][1]) <= priority:",
            why="of those with one priority who came last gets room first",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-makes-room-for-less",
            PRIORITY_REF,
            "if least is not None and (least < lowest or (least == lowest and chosen is None)):",
            "if least is not None:",
            why="a message is dropped for one of lower priority",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "priority-keeps-the-old",
            PRIORITY_REF,
            "if least is not None and (least < lowest or (least == lowest and chosen is None)):",
            "if least is not None and least < lowest:",
            why="of equal priorities the newest is dropped",
            first="tests/kernel/test_priorities.py",
        ),
        Fault(
            "ttl-ignored",
            REPORTING,
            "if ref._scheduler.kernel.platform.now() < entry.deadline:",
            "if True:",
            why="what has expired is handled",
            first="tests/kernel/test_deadlines.py",
        ),
        Fault(
            "ttl-request-hangs",
            REPORTING,
            "message.future.set_exception(RequestTimeout(ref, entry.ttl or 0.0))",
            "pass",
            why="a request that has expired is told so only at its own timeout",
            first="tests/kernel/test_deadlines.py",
        ),
        Fault(
            "ttl-no-dead-letter",
            REPORTING,
            'self.dead_letter(message, ref, "expired")',
            "pass",
            why="what has expired is lost without a trace",
            first="tests/kernel/test_deadlines.py",
        ),
        Fault(
            "ttl-in-a-process",
            INBOX,
            """
            del saved[place]
            self._made_room()
            continue
            """,
            """
            del saved[place]
            continue
            """,
            why="what has expired takes up room for ever",
            first="tests/kernel/test_deadlines.py",
        ),
        Fault(
            "inbox-unwanted-lost",
            INBOX,
            "place += 1",
            "del saved[place]",
            why="what a process does not want now is lost",
            first="tests/kernel/test_processes.py",
        ),
        Fault(
            "inbox-refused-asked-again",
            INBOX,
            "self._seen = len(saved)",
            "self._seen = 0",
            why="each arrival costs a look at all that was refused",
            first="tests/kernel/test_processes.py",
        ),
        Fault(
            "inbox-wanted-not-asked",
            INBOX,
            """
            self._completed()
            await self._give_way()
            self._seen = 0
            """,
            """
            self._completed()
            await self._give_way()
            """,
            why="what one receive has refused the next does not see",
            first="tests/kernel/test_faults_of_processes.py",
        ),
        Fault(
            "inbox-last-stop-wins",
            INBOX,
            "self._stop = self._stop or entry",
            "self._stop = entry",
            why="the second of two stops gives the reason",
            first="tests/kernel/test_faults_of_processes.py",
        ),
        Fault(
            "inbox-after-stop-lost",
            INBOX,
            "ref._scheduler.kernel.reporting.dead_letter(entry, ref, self._stop.reason)",
            "pass",
            why="what came after the stop is lost without a trace",
            first="tests/kernel/test_faults_of_processes.py",
        ),
        Fault(
            "inbox-after-stop-handled",
            INBOX,
            "elif self._stop is None:",
            "elif True:",
            why="what came after the stop is handled",
            first="tests/kernel/test_ends.py",
        ),
        Fault(
            "inbox-no-room-made",
            INBOX,
            """
            if entry.__class__ not in SIGNALS:
                self._made_room()
            """,
            """
            if False:
                self._made_room()
            """,
            why="what a process takes makes no room",
            first="tests/kernel/test_mailboxes.py",
        ),
        Fault(
            "inbox-signal-makes-room",
            INBOX,
            """
            if entry.__class__ not in SIGNALS:
                self._made_room()
            """,
            """
            self._made_room()
            """,
            why="a signal that a process takes makes room",
            first="tests/kernel/test_faults_of_mailboxes.py",
        ),
        Fault(
            "inbox-suspended-receives",
            INBOX,
            "if self._ref._mode & (SUSPENDED | ENDING) == SUSPENDED:",
            "if False:",
            why="a suspended process is given messages",
            first="tests/kernel/test_live.py",
        ),
        Fault(
            "inbox-in-hand-lost",
            INBOX,
            "reporting.dead_letter(entry, self._ref, reason, crashed=True)",
            "pass",
            why="what a process had in hand when it crashed is lost",
            first="tests/kernel/test_crashes.py",
        ),
        Fault(
            "inbox-answered-is-dead-letter",
            INBOX,
            "if entry is not NOTHING and not (self._reply is not None and self._reply.given):",
            "if entry is not NOTHING:",
            why="a request that was answered becomes a dead letter",
            first="tests/kernel/test_processes.py",
        ),
        Fault(
            "inbox-no-breath",
            INBOX,
            "if self._taken >= YIELD_EVERY:",
            "if False:",
            why="a process with a long mailbox lets nobody else run",
            first="tests/kernel/test_fairness.py",
        ),
        Fault(
            "inbox-two-receivers",
            INBOX,
            """
            if self._waiter is not None:
                raise RuntimeError(f"{self._ref} is received from by two tasks at once")
            """,
            """
            if False:
                raise RuntimeError(f"{self._ref} is received from by two tasks at once")
            """,
            why="two tasks receive at once, and one is never woken",
            first="tests/kernel/test_processes.py",
        ),
        Fault(
            "inbox-timer-left",
            INBOX,
            """
            if timer is not None:
                kernel.timers.cancel(timer)
            """,
            """
            if False:
                kernel.timers.cancel(timer)
            """,
            why="the timer of a receive that is over stays",
            first="tests/kernel/test_faults_of_processes.py",
        ),
        Fault(
            "inbox-order-of-priority",
            INBOX,
            "if arrived and ref._by_priority:",
            "if False:",
            why="an urgent message that came later is not seen",
            first="tests/kernel/test_priorities.py",
        ),
    ),
)
