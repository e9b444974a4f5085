"""Faults in dynamic supervisors."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

TABLE = Table(
    tests=(
        "tests/supervision/test_dynamic_machine.py",
        "tests/supervision/test_odd_orders.py",
        "tests/supervision",
    ),
    faults=(
        Fault(
            "dynamic-one-too-many",
            "supervision/dynamic_tree.py",
            "if limit is not None and len(self._state.children) >= limit:",
            "if limit is not None and len(self._state.children) > limit:",
            why="one child more than max_children",
        ),
        Fault(
            "dynamic-stranger-ends",
            "supervision/dynamic_tree.py",
            "if child is None and event.is_alive:",
            "if False:",
            why="the ref of a stranger is answered like that of a dead child",
        ),
        Fault(
            "dynamic-ends-once",
            "supervision/dynamic_tree.py",
            "self._stop(child)",
            "pass",
            why="terminate_child stops nobody",
        ),
        Fault(
            "dynamic-stops-twice",
            "supervision/dynamic_tree.py",
            """
            if child.state != "stopping":
                self._stop(child)
            """,
            """
            self._stop(child)
            """,
            why="a child is told twice to end",
        ),
        Fault(
            "dynamic-ignored-stays",
            "supervision/dynamic_tree.py",
            """
            state.keep(child, incarnation)
            state.drop(child)
            """,
            """
            state.keep(child, incarnation)
            """,
            why="a child that declined its start stays known",
        ),
        Fault(
            "dynamic-failed-stays",
            "supervision/dynamic_tree.py",
            """
            state.drop(child)
            state.refuse(child.token, steps.DidNotStart(child.id, reason))
            """,
            """
            state.refuse(child.token, steps.DidNotStart(child.id, reason))
            """,
            why="a new child that did not start stays known",
        ),
        Fault(
            "dynamic-no-retry",
            "supervision/dynamic_tree.py",
            "state.actions.append(dynamic_steps.TryAgain(child.number, child.attempt))",
            "pass",
            why="a failed restart is not tried again",
        ),
        Fault(
            "dynamic-ends-unanswered",
            "supervision/dynamic_tree.py",
            """
            for token in child.ends or ():
                state.answer(token)
            """,
            """
            pass
            """,
            why="terminate_child is never answered",
        ),
        Fault(
            "dynamic-temporary-stays",
            "supervision/dynamic_tree.py",
            """
            state.drop(child)
            self._shut_down_after(child, reason, cause)
            """,
            """
            self._shut_down_after(child, reason, cause)
            """,
            why="a child that ended for good stays known",
        ),
        Fault(
            "dynamic-template-arguments",
            "supervision/dynamic_tree.py",
            "child.args, child.held",
            "(), child.held",
            why="a child is started without its own arguments",
        ),
        Fault(
            "dynamic-keeps-arguments",
            "supervision/dynamic_tree.py",
            "child.args = ()  # never needed again, and perhaps large",
            "pass",
            why="the arguments of temporary children are kept",
        ),
        Fault(
            "dynamic-free-restarts",
            "supervision/dynamic_tree.py",
            "if state.budget.spend(state.now):",
            "if True:",
            why="restarts cost nothing",
        ),
        Fault(
            "dynamic-significant-always",
            "supervision/dynamic_tree.py",
            'if not state.template.significant or state.flags.auto_shutdown == "never":',
            'if state.flags.auto_shutdown == "never":',
            why="the end of any child may end the supervisor",
        ),
        Fault(
            "dynamic-all-is-any",
            "supervision/dynamic_tree.py",
            'if state.flags.auto_shutdown == "all_significant" and state.children:',
            "if False:",
            why="all_significant is taken for any_significant",
        ),
        Fault(
            "dynamic-ends-twice",
            "supervision/dynamic_end.py",
            """
            if state.phase == "stopping":
                return
            """,
            "",
            why="a second stop begins the end again, with another reason",
        ),
        Fault(
            "dynamic-oldest-first",
            "supervision/dynamic_end.py",
            """
            self._left = deque(reversed(state.children.values()))
            if how.limit is not None and self._left:
            """,
            """
            self._left = deque(state.children.values())
            if how.limit is not None and self._left:
            """,
            why="children are told to end oldest first",
        ),
        Fault(
            "dynamic-no-limit",
            "supervision/dynamic_end.py",
            "if how.limit is not None and self._left:",
            "if False:",
            why="the time limit of the end is not kept",
        ),
        Fault(
            "dynamic-stops-some",
            "supervision/dynamic_end.py",
            """
            if self._left:
                self._state.actions.append(dynamic_steps.TakeTurns())
            """,
            """
            pass
            """,
            why="only some hundreds of children are told to end",
        ),
        Fault(
            "dynamic-early-end",
            "supervision/dynamic_end.py",
            'if state.phase != "stopping" or state.children:',
            'if state.phase != "stopping":',
            why="the end comes before that of the children",
        ),
        Fault(
            "dynamic-never-kills",
            "supervision/dynamic_end.py",
            """
            self._kills = True
            self._left = deque(reversed(self._state.children.values()))
            """,
            """
            self._left = deque(reversed(self._state.children.values()))
            """,
            why="children that overstay the limit are told once more instead of killed",
        ),
        Fault(
            "dynamic-count-drifts",
            "supervision/dynamic_state.py",
            "self.inactive -= child.state in INACTIVE",
            "pass",
            why="children that are gone count as inactive",
        ),
        Fault(
            "dynamic-release-nothing",
            "supervision/dynamic_state.py",
            "self.actions.append(steps.Release(child.held))",
            "pass",
            why="what a child kept is never released",
        ),
        Fault(
            "dynamic-former-stays",
            "supervision/dynamic_state.py",
            "del self.former[child.former]",
            "pass",
            why="a ref of long ago still speaks of a child",
        ),
    ),
)
