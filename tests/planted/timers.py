"""Faults in timers: the wheel, the service, idle times, the alarm of state machines."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

ALARM = "airssys_wasm/kernel/alarm.py"
IDLE = "airssys_wasm/kernel/idle.py"
TIMERS = "airssys_wasm/kernel/timers.py"
TIMER_SERVICE = "airssys_wasm/kernel/timer_service.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
        "property_tests/test_timers_wheel.py",
        "property_tests/test_state_machine.py",
    ),
    faults=(
        Fault(
            "timers-early",
            TIMERS,
            "if timer.due > now:",
            "if timer.due > now + TICK:",
            why="a timer fires up to a tick early",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-tick-too-soon",
            TIMERS,
            "timer.tick = tick = ceil(due / TICK)",
            "timer.tick = tick = int(due / TICK)",
            why="a timer that is not due holds up earlier ones of its tick",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-tick-too-late",
            TIMERS,
            "timer.tick = tick = ceil(due / TICK)",
            "timer.tick = tick = ceil(due / TICK) + 1",
            why="a timer fires a tick late",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-out-of-order",
            TIMERS,
            "yield from sorted(slot, key=_deadline)",
            "yield from slot",
            why="the timers of one tick fire in the order of their making",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-equal-backwards",
            TIMERS,
            "return timer.due, timer.serial",
            "return timer.due, -timer.serial",
            why="of two timers for one time the later made fires first",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-pieces-mixed",
            TIMERS,
            "if runs and _deadline(piece[0]) < _deadline(runs[-1][-1][-1]):",
            "if runs:",
            why="many timers of one tick fire out of order",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-merged-unsorted",
            TIMERS,
            "yield from heapq.merge(*map(_emptied, runs), key=_deadline)",
            "yield from (timer for run in runs for timer in _emptied(run))",
            why="many timers of one tick fire piece by piece",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-piece-lost",
            TIMERS,
            """
            while piece:
                yield piece.pop()
            """,
            """
            while len(piece) > 1:
                yield piece.pop()
            """,
            why="the last timer of a piece is lost",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-cancelled-fires",
            TIMERS,
            """
            timer.callback = None
            if timer.taken:
                return 0.0  # cancelled between `due` and its turn to fire
            """,
            """
            if timer.taken:
                return 0.0
            """,
            why="a timer that is cancelled in the turn in which it is due fires",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-cancelled-is-pending",
            TIMERS,
            """
            self.pending -= 1
            slot = self._ticks.get(timer.tick)
            """,
            """
            slot = self._ticks.get(timer.tick)
            """,
            why="cancelled timers are counted",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-cancelled-stays",
            TIMERS,
            """
            del slot[timer]
            """,
            """
            pass
            """,
            why="a cancelled timer is kept until its time",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-left-negative",
            TIMERS,
            """
            del slot[timer]
            if not slot:
                self._spent += 1
                if self._spent >= SPENT and 2 * self._spent > len(self._order):
                    self._sweep()
            return max(0.0, timer.due - now)
            """,
            """
            del slot[timer]
            if not slot:
                self._spent += 1
                if self._spent >= SPENT and 2 * self._spent > len(self._order):
                    self._sweep()
            return timer.due - now
            """,
            why="what is left of a timer that is overdue is below 0",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-sweep-all",
            TIMERS,
            "for tick, slot in self._ticks.items() if slot}",
            "for tick, slot in self._ticks.items() if tick % 7}",
            why="a sweep takes timers that are pending",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-sweep-unordered",
            TIMERS,
            "heapq.heapify(self._order)",
            "self._order.reverse()",
            why="after a sweep the next tick is not the first",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-never-swept",
            TIMERS,
            "if self._spent >= SPENT and 2 * self._spent > len(self._order):",
            "if False:",
            why="what cancelled timers have left is kept until its time",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-fired-twice",
            TIMERS,
            """
            timer.taken = True
            self.pending -= 1
            """,
            """
            timer.taken = True
            """,
            why="timers that have fired are counted",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-rest-forgotten",
            TIMERS,
            """
            if self._ripe is not None:
                return -inf  # at once
            """,
            """
            if False:
                return -inf
            """,
            why="of many timers of one tick some fire with the next tick only",
            first="tests/kernel/test_scale.py",
        ),
        Fault(
            "timers-first-forgotten",
            TIMERS,
            "return self._first.due",
            "return inf",
            why="a timer that came out of its tick too early never fires",
            first="tests/kernel/test_timer_wheel.py",
        ),
        Fault(
            "timers-ripe-without-bound",
            TIMERS,
            """
            most -= PIECE // 8
            """,
            """
            most -= 0
            """,
            why="sorting a million timers holds the loop",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-wake-up-late",
            TIMER_SERVICE,
            "if self._wakeup is None or when < self._wakeup_at:",
            "if self._wakeup is None:",
            why="a timer that is due before all others waits for them",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-no-next-wake-up",
            TIMER_SERVICE,
            """
            self._plan_wakeup()
            if timers and self._telemetry.active:
            """,
            """
            if timers and self._telemetry.active:
            """,
            why="only the first timer fires",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-hold-the-loop",
            TIMER_SERVICE,
            "timers = self._wheel.due(now, FIRED_A_TURN)",
            "timers = self._wheel.due(now)",
            why="a million timers that are due at once hold the loop",
            first="tests/kernel/test_scale.py",
        ),
        Fault(
            "timers-not-counted",
            TIMER_SERVICE,
            "self.fired += len(timers)",
            "pass",
            why="statistics do not know how many timers have fired",
            first="tests/kernel/test_scale.py",
        ),
        Fault(
            "timers-fire-though-cancelled",
            TIMER_SERVICE,
            """
            if callback is not None:
                callback(timer)
            """,
            """
            callback(timer)
            """,
            why="a timer that one of the same turn has cancelled breaks that turn",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-without-owner",
            TIMER_SERVICE,
            """
            timer = self.wake_at(self._platform.now() + interval, fire)
            timer.interval = interval
            timer.home = timers
            timers[timer] = None
            """,
            """
            timer = self.wake_at(self._platform.now() + interval, fire)
            timer.interval = interval
            """,
            why="a repeated timer goes on after the death of its owner",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-owned-though-cancelled",
            TIMER_SERVICE,
            "home.pop(timer, None)",
            "pass",
            why="an actor keeps the timers that it has cancelled",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-drift",
            TIMER_SERVICE,
            "self._wheel.add_again(timer, timer.due + interval, fire)",
            "self._wheel.add_again(timer, self._platform.now() + interval, fire)",
            why="each lateness of a repeated timer adds up",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "timers-to-the-dead",
            TIMER_SERVICE,
            "if target is not None and target is to and target._mode & DEAD:",
            "if False:",
            why="a repeated timer goes on to send to a dead actor",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-to-a-dead-name",
            TIMER_SERVICE,
            "if target is not None and target is to and target._mode & DEAD:",
            "if target is None or target._mode & DEAD:",
            why="a repeated timer to a name ends while nobody has it",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-full-mailbox",
            TIMER_SERVICE,
            """
            except MailboxFull as full:
            """,
            """
            except KeyError as full:
            """,
            why="a timer to a full mailbox breaks the turn of timers",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-full-unreported",
            TIMER_SERVICE,
            'target._scheduler.kernel.reporting.dead_letter(message, target, "full")',
            "pass",
            why="what a timer could not deliver is lost without a trace",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-negative-delay",
            TIMER_SERVICE,
            "if not 0 <= seconds < inf:",
            "if not seconds < inf:",
            why="a delay below 0 is taken for one",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-no-interval",
            TIMER_SERVICE,
            "if duration(interval) <= 0:",
            "if duration(interval) < 0:",
            why="an interval of 0 is taken for one",
            first="tests/kernel/test_timers.py",
        ),
        Fault(
            "timers-target-unchecked",
            TIMER_SERVICE,
            """
            if to.__class__ is not ActorRef:
                resolve(to)
            """,
            """
            if False:
                resolve(to)
            """,
            why="a timer to what is no address is set",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "idle-message-ignored",
            IDLE,
            """
            timer, extension.idle = extension.idle, None
            ref._scheduler.kernel.timers.cancel(timer)
            """,
            """
            timer = extension.idle
            """,
            why="an idle time goes on though a message came",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "idle-though-mail",
            IDLE,
            "if not ref.mailbox_length:  # else what waits was first",
            "if True:",
            why="an actor with messages is told that it is idle",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "idle-twice",
            IDLE,
            """
            cancel_idle(ref)
            if seconds is not None:
            """,
            """
            if seconds is not None:
            """,
            why="a second idle time does not replace the first",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "idle-still-watched",
            IDLE,
            """
            extension.idle = None
            watch_no_more(ref)
            """,
            """
            extension.idle = None
            """,
            why="an actor whose idle time has passed is looked at for ever",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "alarm-not-moved",
            ALARM,
            """
            timers.cancel(self._timer)
            self._timer = None
            """,
            """
            self._timer = None
            """,
            why="a state machine is woken for a timeout that was replaced",
            first="tests/kernel/test_faults_of_timers.py",
        ),
        Fault(
            "alarm-outlives",
            ALARM,
            """
            timer.home = timers._timers_of(self._ref)  # it ends with the actor
            timer.home[timer] = None
            """,
            """
            pass
            """,
            why="the alarm of a state machine rings after its end",
            first="tests/kernel/test_state_machine.py",
        ),
        Fault(
            "alarm-rings-once",
            ALARM,
            "self._timer, self._due = None, inf",
            "self._timer = None",
            why="the same due time is not set twice",
            first="tests/kernel/test_faults_of_timers.py",
        ),
    ),
)
