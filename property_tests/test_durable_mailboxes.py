"""Laws of durable mailboxes: a node's inbox and outbox against a server that delivers what it has.

The server here is a model of a JetStream work queue: it keeps what is stored until it is
acknowledged, delivers up to `max_in_flight` at once, and again what was returned, what was not
acknowledged in time, and what it had delivered to a process that crashed. Acknowledgements and
publications may be lost, as a connection loses them.
"""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airssys_wasm.broker.nats.durable_inbox import (
    Acknowledge,
    Ask,
    Bury,
    Delivered,
    Extend,
    Hand,
    Inbox,
    Note,
    Output,
    Pull,
    Return,
)
from airssys_wasm.broker.nats.durable_outbox import Outbox

ACK_WAIT = 30.0
WINDOW = 120.0
MAX_DELIVER = 3


class Server:
    """A work queue: numbers from 1, in the order of storing."""

    def __init__(self, max_in_flight: int) -> None:
        self.max_in_flight = max_in_flight
        self.stored: dict[int, tuple[str, bytes]] = {}
        self.counts: dict[int, int] = {}
        self.out: dict[int, float] = {}  # delivered and not acknowledged: when it is due again
        self.ids: dict[str, int] = {}
        self.last = 0
        self.pulled = False
        self.noted: tuple[int, int] = (0, 0)

    def store(self, id: str, body: bytes) -> None:
        if id not in self.ids:
            self.last += 1
            self.ids[id] = self.last
            self.stored[self.last] = id, body

    def deliver(self, now: float) -> Delivered | None:
        """The next one: what is due again comes first."""
        if not self.pulled:
            return None
        due = [number for number, when in self.out.items() if when <= now]
        if due:
            number = min(due, key=lambda n: (self.out[n], n))
        else:
            fresh = [number for number in self.stored if number not in self.counts]
            if not fresh or len(self.out) >= self.max_in_flight:
                return None
            number = min(fresh)
        again = number in self.counts
        self.counts[number] = count = self.counts.get(number, 0) + 1
        self.out[number] = now + ACK_WAIT
        id, body = self.stored[number]
        return Delivered(number, id, again, f"{number}.{count}", body)

    def acknowledge(self, number: int) -> None:
        self.stored.pop(number, None)
        self.out.pop(number, None)

    def again(self, number: int, when: float) -> None:
        if number in self.stored and number in self.out:
            self.out[number] = when

    def first(self) -> int:
        return min(self.stored, default=self.last + 1)


class DurableMailbox(RuleBasedStateMachine):
    """One sender, one server, and a receiver whose process may crash and begin anew."""

    @initialize(max_in_flight=st.integers(1, 5))
    def begin(self, max_in_flight: int) -> None:
        self.now = 0.0
        self.server = Server(max_in_flight)
        self.outbox = Outbox("s")
        self.published: deque[tuple[int, str, bytes]] = deque()
        self.sent = 0
        self.handled: list[int] = []  # numbers, over all processes
        self.done_here: set[str] = set()
        self.tries: dict[int, int] = {}
        self.false_starts: dict[int, int] = {}  # noted, and the process crashed before the handler
        self.noting: tuple[int, int] | None = None
        self.buried: list[int] = []
        self.unattached()

    def unattached(self) -> None:
        """A new process, which knows nothing."""
        self.inbox = Inbox(max_deliver=MAX_DELIVER, ack_wait=ACK_WAIT, window=WINDOW)
        self.busy: Delivered | None = None
        if self.noting is not None:
            number = self.noting[0]
            self.false_starts[number] = self.false_starts.get(number, 0) + 1
        self.noting = None
        self.burying: Delivered | None = None
        self.asked = False
        self.server.pulled = False
        self.done_here = set()
        self.highest = 0

    def act(self, outputs: list[Output], *, lose: bool = False) -> None:
        for output in outputs:
            match output:
                case Hand(message, tries):
                    assert self.busy is None, "one at a time"
                    self.tries[message.number] = self.tries.get(message.number, 0) + 1
                    assert self.tries[message.number] <= tries <= MAX_DELIVER
                    assert message.id not in self.done_here, "handled before"
                    assert message.number >= self.highest, "in order"
                    assert message.number == self.server.first(), "none before it is left"
                    self.highest = message.number
                    self.busy = message
                case Acknowledge(message):
                    done = message.id in self.done_here or message.number not in self.server.stored
                    assert done, "only what was handled or buried"
                    if not lose:
                        self.server.acknowledge(message.number)
                case Return(message, delay):
                    self.server.again(message.number, self.now + delay)
                case Extend(message):
                    self.server.again(message.number, self.now + ACK_WAIT)
                case Note(message, tries):
                    self.noting = message.number, tries
                case Bury(message, _, tries):
                    assert tries == MAX_DELIVER
                    least = MAX_DELIVER - 1 - self.false_starts.get(message.number, 0)
                    assert self.tries.get(message.number, 0) >= least, "it had its chances"
                    self.burying = message
                case Ask():
                    self.asked = True
                case Pull():
                    self.server.pulled = True

    # --- the sender

    @rule()
    def send(self) -> None:
        self.sent += 1
        self.outbox.add(b"%d" % self.sent)
        self.publish()

    @rule(arrives=st.booleans(), answered=st.booleans())
    def server_stores(self, arrives: bool, answered: bool) -> None:
        if not self.published:
            return
        number, id, body = self.published.popleft()
        if arrives:
            self.server.store(id, body)
            if answered:
                self.outbox.stored(number)
        self.publish()

    def publish(self) -> None:
        if (out := self.outbox.due(self.now)) is not None:
            self.published.append((out.number, out.id, out.body))

    # --- the receiver

    @rule()
    def attach(self) -> None:
        self.act(self.inbox.attach(self.now))

    @rule()
    def detach(self) -> None:
        self.act(self.inbox.detach())
        self.server.pulled = False
        self.highest = 0

    @rule()
    def pause(self) -> None:
        """The actor ends, and its supervisor is about to start another incarnation."""
        self.act(self.inbox.pause())

    @precondition(lambda self: self.busy is not None)
    @rule()
    def actor_ends_before_it_came_to_the_message(self) -> None:
        assert self.busy is not None
        self.tries[self.busy.number] -= 1
        self.busy = None
        self.act(self.inbox.pause())
        self.act(self.inbox.untaken(self.now))

    @rule()
    def crash(self) -> None:
        self.unattached()

    @rule()
    def server_delivers(self) -> None:
        if (message := self.server.deliver(self.now)) is not None:
            self.act(self.inbox.arrived(message, self.now))

    @precondition(lambda self: self.asked)
    @rule()
    def server_answers(self) -> None:
        self.asked = False
        first, last, noted = self.server.first(), self.server.last, self.server.noted
        self.act(self.inbox.bounds(first, last, noted, self.now))

    @precondition(lambda self: self.noting is not None)
    @rule(lost=st.booleans())
    def server_notes(self, lost: bool) -> None:
        assert self.noting is not None
        self.server.noted = self.noting
        if not lost:
            self.noting = None
            self.act(self.inbox.noted(self.now))

    @rule(told=st.booleans())
    def server_forgets_what_it_was_asked(self, told: bool) -> None:
        self.server.pulled = False
        if told:
            self.act(self.inbox.pull_refused(self.now))

    @rule()
    def server_counts_a_delivery_that_nobody_took(self) -> None:
        for number in self.server.out:
            self.server.counts[number] += 1

    @precondition(lambda self: self.busy is not None)
    @rule(lose=st.booleans())
    def handler_returns(self, lose: bool) -> None:
        assert self.busy is not None
        message, self.busy = self.busy, None
        self.handled.append(message.number)
        self.done_here.add(message.id)
        self.act(self.inbox.handled(self.now), lose=lose)

    @precondition(lambda self: self.busy is not None)
    @rule()
    def handler_fails(self) -> None:
        self.busy = None
        self.act(self.inbox.failed("crash", self.now))

    @precondition(lambda self: self.burying is not None)
    @rule()
    def server_buries(self) -> None:
        assert self.burying is not None
        message, self.burying = self.burying, None
        self.buried.append(message.number)
        self.done_here.add(message.id)
        self.act(self.inbox.buried(self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.act(self.inbox.tick(self.now))
        self.publish()

    # --- the laws

    @invariant()
    def what_is_stored_is_what_was_sent_in_its_order(self) -> None:
        if hasattr(self, "server"):
            assert list(self.server.ids) == [f"s:{n + 1}" for n in range(self.server.last)]

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "server"):
            done = {*self.handled, *self.buried}
            gone = set(range(1, self.server.last + 1)) - self.server.stored.keys()
            assert gone <= done

    def teardown(self) -> None:
        """Whatever happened: once nothing fails any more, all is handled or buried."""
        if not hasattr(self, "server"):
            return
        self.act(self.inbox.attach(self.now))
        for _ in range(40 * (self.sent + 5)):
            if not (len(self.outbox) or self.published or self.server.stored):
                break
            self.now += 1.0
            self.publish()
            while self.published:
                self.server_stores(arrives=True, answered=True)
            self.act(self.inbox.tick(self.now))
            while (message := self.server.deliver(self.now)) is not None:
                self.act(self.inbox.arrived(message, self.now))
            if self.asked:
                self.server_answers()
            if self.noting is not None:
                self.server_notes(lost=False)
            if self.busy is not None:
                self.handler_returns(lose=False)
            if self.burying is not None:
                self.server_buries()
        assert not self.server.stored, "all is handled or buried in the end"
        assert self.server.last == self.sent, "all that was sent was stored"
        self.what_is_stored_is_what_was_sent_in_its_order()


TestDurableMailbox = DurableMailbox.TestCase
TestDurableMailbox.settings = settings(stateful_step_count=60, deadline=None)
