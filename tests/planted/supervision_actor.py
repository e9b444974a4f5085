"""Faults in the actor of a supervisor, which carries out what was decided."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

TABLE = Table(
    tests=(
        "tests/supervision/test_supervisor.py",
        "tests/supervision/test_reconfiguration.py",
        "tests/supervision/test_backoff.py",
        "tests/supervision/test_health.py",
        "tests/supervision/test_while_restarting.py",
        "tests/supervision/test_kept_mailboxes.py",
        "tests/supervision",
    ),
    faults=(
        Fault(
            "actor-release-nothing",
            "supervision/supervisor_actor.py",
            "self.context.release(self._refs.pop(incarnation))",
            "self._refs.pop(incarnation)",
            why="what a dead child kept is never given up",
        ),
        Fault(
            "actor-adopts-nothing",
            "supervision/supervisor_actor.py",
            "adopt=None if action.adopt is None else self._refs[action.adopt],",
            "adopt=None,",
            why="a kept mailbox is not handed over",
        ),
        Fault(
            "actor-attaches-twice",
            "supervision/supervisor_actor.py",
            "elif spec.attach is not None:",
            "if spec.attach is not None:",
            why="an incarnation that took over the mailbox is attached once more",
        ),
        Fault(
            "actor-never-attaches",
            "supervision/supervisor_actor.py",
            "spec.attach(ref)",
            "pass",
            why="an incarnation is not attached",
        ),
        Fault(
            "actor-attached-lives",
            "supervision/supervisor_actor.py",
            "ref.kill()",
            "pass",
            why="a child that could not be attached runs all the same",
        ),
        Fault(
            "actor-queues-nothing",
            "supervision/supervisor_actor.py",
            'queue=spec.while_restarting == "queue",',
            "queue=False,",
            why="while_restarting does nothing",
        ),
        Fault(
            "actor-queues-always",
            "supervision/supervisor_actor.py",
            'queue=spec.while_restarting == "queue",',
            "queue=True,",
            why="messages queue unasked",
        ),
        Fault(
            "actor-terminate-unbounded",
            "supervision/supervisor_actor.py",
            "shutdown=terminate_time(spec.shutdown),",
            "shutdown=5.0,",
            why="shutdown does not bound terminate",
        ),
        Fault(
            "actor-adjusts-nothing",
            "supervision/supervisor_actor.py",
            "self.context.set_shutdown(self._refs[incarnation], terminate_time(spec.shutdown))",
            "pass",
            why="a new shutdown time does not hold for who lives",
        ),
        Fault(
            "actor-no-chance",
            "supervision/supervisor_actor.py",
            "self._machine.chance = self.context.random.random",
            "pass",
            why="waits have no jitter",
        ),
        Fault(
            "actor-stops-for-strangers",
            "supervision/supervisor_actor.py",
            "if ref is self.context.parent:",
            "if True:",
            why="the exit of any linked actor stops a supervisor",
        ),
        Fault(
            "actor-outlives-parent",
            "supervision/supervisor_actor.py",
            "if ref is self.context.parent:",
            "if False:",
            why="the exit of its parent does not stop a supervisor",
        ),
        Fault(
            "actor-old-description",
            "supervision/supervisor_actor.py",
            "self._description = token.description",
            "pass",
            why="a new observer and label do not hold",
        ),
        Fault(
            "actor-any-description",
            "supervision/supervisor_actor.py",
            "if not isinstance(description, type(self._description)):",
            "if False:",
            why="anything is taken for a description",
        ),
        Fault(
            "actor-no-causes",
            "supervision/supervisor_actor.py",
            "steps.Gone(self._gone(ref), reason, ref.cause)",
            "steps.Gone(self._gone(ref), reason, None)",
            why="the chain of causes ends at each supervisor",
        ),
        Fault(
            "actor-no-cause",
            "supervision/supervisor_actor.py",
            "self.context.set_cause(cause)",
            "pass",
            why="a supervisor that gives up does not say over what",
        ),
        Fault(
            "actor-timers-remain",
            "supervision/supervisor_actor.py",
            "self.context.cancel_timer(running)",
            "pass",
            why="timers that are no longer needed run on",
        ),
        Fault(
            "actor-stray-ends",
            "supervision/supervisor_actor.py",
            'return Failed(TypeError(f"a supervisor does not understand {message!r}"))',
            'raise TypeError(f"a supervisor does not understand {message!r}")',
            why="a stray message ends a tree",
        ),
        Fault(
            "actor-refs-remain",
            "supervision/supervisor_actor.py",
            "self._refs.pop(number, None)",
            "pass",
            why="a supervisor holds the refs of the dead",
        ),
        Fault(
            "actor-init-too-early",
            "supervision/supervisor_actor.py",
            """
            self._state = "deferred"
            return DEFERRED_INIT
            """,
            """
            self._state = "deferred"
            return None
            """,
            why="a supervisor has started before its children have",
        ),
        Fault(
            "actor-silent-suspended",
            "supervision/health_question.py",
            "if not run_in_turn(child, ask) and child.is_alive:",
            "if not run_in_turn(child, ask) and False:",
            why="a suspended actor is ended for its silence",
        ),
        Fault(
            "actor-exit-is-unhealthy",
            "supervision/health_question.py",
            """
            except ExitActor:
                raise
            """,
            "",
            why="an actor that ends in its health is taken for unhealthy",
        ),
        Fault(
            "actor-health-crashes",
            "supervision/health_question.py",
            """
            except Exception as error:  # a check that can't be made has failed, as one that says so
                return Health("unhealthy", Error.of(error))
            """,
            """
            except ZeroDivisionError as error:
                return Health("unhealthy", Error.of(error))
            """,
            why="an exception in health ends the actor at once",
        ),
        Fault(
            "actor-plain-health",
            "supervision/health_question.py",
            "if inspect.isawaitable(answer):",
            "if False:",
            why="an async health is never awaited",
        ),
    ),
)
