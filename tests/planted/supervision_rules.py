"""Faults in the rules that a supervisor follows."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

TABLE = Table(
    tests=(
        "tests/supervision/test_odd_orders.py",
        "tests/supervision/test_start.py",
        "tests/supervision/test_strategies.py",
        "tests/supervision/test_restart_types.py",
        "tests/supervision/test_intensity.py",
        "tests/supervision/test_shutdown.py",
        "tests/supervision/test_administration.py",
        "tests/supervision/test_significant.py",
        "tests/supervision/test_reconfiguration.py",
        "tests/supervision/test_backoff.py",
        "tests/supervision/test_health.py",
        "tests/supervision/test_kept_mailboxes.py",
        "property_tests/test_supervision_budget.py",
        "property_tests/test_supervision_model.py",
        "property_tests/test_supervision_races.py",
        "tests/supervision",
    ),
    faults=(
        Fault(
            "rule-permanent-orderly",
            "supervision/strategy.py",
            """
            case "permanent":
                return True
            """,
            """
            case "permanent":
                return not is_orderly(reason)
            """,
            why="a permanent child that ends in order is not restarted",
        ),
        Fault(
            "rule-transient-always",
            "supervision/strategy.py",
            "return not is_orderly(reason)",
            "return True",
            why="a transient child that ends in order is restarted",
        ),
        Fault(
            "rule-temporary-restarts",
            "supervision/strategy.py",
            """
            case "temporary":
                return False
            """,
            """
            case "temporary":
                return not is_orderly(reason)
            """,
            why="a temporary child that crashes is restarted",
        ),
        Fault(
            "rule-rest-is-one",
            "supervision/strategy.py",
            """
            if id == failed:
                break
            """,
            """
            break
            """,
            why="rest_for_one restarts the youngest child instead",
        ),
        Fault(
            "rule-rest-is-all",
            "supervision/strategy.py",
            """
            if id == failed:
                break
            """,
            """
            pass
            """,
            why="rest_for_one restarts all",
        ),
        Fault(
            "rule-rest-unordered",
            "supervision/strategy.py",
            "group.reverse()",
            "pass",
            why="rest_for_one starts the youngest first",
        ),
        Fault(
            "rule-all-is-one",
            "supervision/strategy.py",
            "group = list(children.values())",
            "group = [spec]",
            why="one_for_all restarts one",
        ),
        Fault(
            "rule-stops-the-dead",
            "supervision/strategy.py",
            "for one in reversed(group) if one.id != failed)",
            "for one in reversed(group))",
            why="the child that failed is stopped as well",
        ),
        Fault(
            "rule-stops-oldest-first",
            "supervision/strategy.py",
            "for one in reversed(group) if one.id != failed)",
            "for one in group if one.id != failed)",
            why="a group is stopped oldest first",
        ),
        Fault(
            "rule-starts-temporary",
            "supervision/strategy.py",
            'for one in group if one.restart != "temporary")',
            "for one in group)",
            why="a temporary sibling is started again",
        ),
        Fault(
            "rule-one-more",
            "supervision/intensity.py",
            "if len(self._spent) >= self.intensity:",
            "if len(self._spent) > self.intensity:",
            why="one restart more than the intensity",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-one-less",
            "supervision/intensity.py",
            "if len(self._spent) >= self.intensity:",
            "if len(self._spent) + 1 >= self.intensity:",
            why="one restart less than the intensity",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-edge-outside",
            "supervision/intensity.py",
            "now_ms - self._spent[0] > self._period_ms",
            "now_ms - self._spent[0] >= self._period_ms",
            why="the edge of the window does not count",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-never-forgets",
            "supervision/intensity.py",
            "self._spent.popleft()",
            "break",
            why="a restart counts for ever",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-seconds",
            "supervision/intensity.py",
            "self._spent.append(now_ms)",
            "self._spent.append(now_ms // 1000 * 1000)",
            why="restarts count by whole seconds",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-left-edge",
            "supervision/intensity.py",
            "now_ms - at <= self._period_ms for at",
            "now_ms - at < self._period_ms for at",
            why="what is left is told wrongly at the edge",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-left-negative",
            "supervision/intensity.py",
            "return max(0, self.intensity - in_window)",
            "return self.intensity - in_window",
            why="less than nothing is left after a change",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-change-forgets",
            "supervision/intensity.py",
            """
                self.intensity = intensity
                self.period = period
                self._period_ms = round(period * 1000)

            def _forget(self, now: float) -> int:
            """,
            """
                self.intensity = intensity
                self.period = period
                self._period_ms = round(period * 1000)
                self._spent.clear()

            def _forget(self, now: float) -> int:
            """,
            why="a new budget forgets what was spent",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-change-keeps-period",
            "supervision/intensity.py",
            """
                self.intensity = intensity
                self.period = period
                self._period_ms = round(period * 1000)

            def _forget(self, now: float) -> int:
            """,
            """
                self.intensity = intensity
                self.period = period

            def _forget(self, now: float) -> int:
            """,
            why="a new period does not hold",
            first="property_tests/test_supervision_budget.py",
        ),
        Fault(
            "rule-kill-asks",
            "supervision/shutdown.py",
            'return StopSignal("kill")',
            'return StopSignal("exit")',
            why="brutal_kill asks first, and waits",
            first="tests/supervision/test_shutdown.py",
        ),
        Fault(
            "rule-infinity-ends",
            "supervision/shutdown.py",
            """
                return StopSignal("exit")
            case limit:
            """,
            """
                return StopSignal("exit", WORKER_SHUTDOWN)
            case limit:
            """,
            why="infinity ends after five seconds",
            first="tests/supervision/test_shutdown.py",
        ),
        Fault(
            "rule-limit-ignored",
            "supervision/shutdown.py",
            'return StopSignal("exit", limit)',
            'return StopSignal("exit")',
            why="a time limit is not kept",
            first="tests/supervision/test_shutdown.py",
        ),
        Fault(
            "rule-terminate-unbounded",
            "supervision/shutdown.py",
            """
            return limit
            """,
            """
            return math.inf
            """,
            why="terminate may take longer than the shutdown time",
            first="tests/supervision/test_shutdown.py",
        ),
        Fault(
            "rule-significant-anyway",
            "supervision/administration.py",
            "return Unfit(spec.id) if misfit else None",
            "return None",
            why="a significant child is added where auto_shutdown is never",
        ),
        Fault(
            "rule-present-is-up",
            "supervision/administration.py",
            'if child.state in ("stopped", "restarting"):',
            'if child.state == "stopped":',
            why="a child that is being restarted is told to run",
        ),
        Fault(
            "rule-terminates-nobody",
            "supervision/administration.py",
            "return NotFound(id) if child is None else None",
            "return None",
            why="an unknown child is terminated with success",
        ),
        Fault(
            "rule-restarting-is-running",
            "supervision/administration.py",
            """
            case "restarting":
                return Restarting(id)
            """,
            "",
            why="a child that is being restarted is told to run",
        ),
        Fault(
            "rule-restarts-the-restarting",
            "supervision/administration.py",
            "return Restarting(id)",
            "return None",
            why="a child that is being restarted may be deleted",
        ),
        Fault(
            "rule-deletes-the-running",
            "supervision/administration.py",
            "return Running(id, child.incarnation)",
            "return None",
            why="a running child may be deleted",
        ),
        Fault(
            "rule-unchecked",
            "supervision/reconfiguration.py",
            """
            tree.refuse(change.token, steps.Invalid(error.field, error.value, error.problem))
            return
            """,
            """
            del error
            """,
            why="a wrong description is taken",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-budget-unchanged",
            "supervision/reconfiguration.py",
            "tree.budget.change(change.flags.intensity, change.flags.period)",
            "pass",
            why="a new intensity does not hold",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-flags-unchanged",
            "supervision/reconfiguration.py",
            "tree.flags = change.flags",
            "pass",
            why="a new strategy does not hold",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-forgets-removed",
            "supervision/reconfiguration.py",
            "tree.children.arrange([*(spec.id for spec in change.children), *removed])",
            "tree.children.arrange([*(spec.id for spec in change.children)])",
            why="a child that is gone from the description is forgotten",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-removed-first",
            "supervision/reconfiguration.py",
            "tree.children.arrange([*(spec.id for spec in change.children), *removed])",
            "tree.children.arrange([*removed, *(spec.id for spec in change.children)])",
            why="children that are gone from the description become the oldest",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-spec-unchanged",
            "supervision/reconfiguration.py",
            "tree.children.respecify(child, spec)",
            "pass",
            why="a changed child keeps its old spec",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-time-unchanged",
            "supervision/reconfiguration.py",
            "tree.actions.append(steps.Adjust(child.incarnation, spec))",
            "pass",
            why="a child that lives on has its old time to clean up",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-checks-unchanged",
            "supervision/reconfiguration.py",
            'if child.state == "running" and other_checks:',
            "if False:",
            why="a new health check holds from the next start only",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-checks-restart",
            "supervision/reconfiguration.py",
            "other_checks = child.spec.health != spec.health and not is_ending",
            "other_checks = not is_ending",
            why="any change of a child puts off its next check",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-saves-the-unhealthy",
            "supervision/reconfiguration.py",
            "child.spec.health != spec.health and not is_ending",
            "child.spec.health != spec.health",
            why="a new description lets an unhealthy child live",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-compares-with-force",
            "supervision/reconfiguration.py",
            """
            except Exception:  # arguments are the user's, and so is their comparison
                return False
            """,
            """
            except ZeroDivisionError:
                return False
            """,
            why="arguments that cannot be compared end the supervisor",
            first="tests/supervision/test_reconfiguration.py",
        ),
        Fault(
            "rule-no-growth",
            "supervision/backoff.py",
            "self.initial * self.factor ** (failures - 1)",
            "self.initial",
            why="each wait is as long as the first",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-grows-early",
            "supervision/backoff.py",
            "self.factor ** (failures - 1)",
            "self.factor ** failures",
            why="the first wait is already longer",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-no-longest",
            "supervision/backoff.py",
            "grown = min(self.max, self.initial * self.factor ** (failures - 1))",
            "grown = self.initial * self.factor ** (failures - 1)",
            why="the spread is taken of a wait beyond the longest",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-jitter-over-longest",
            "supervision/backoff.py",
            "return min(self.max, grown * (1 + self.jitter * (2 * chance - 1)))",
            "return grown * (1 + self.jitter * (2 * chance - 1))",
            why="chance makes a wait longer than the longest",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-one-sided",
            "supervision/backoff.py",
            "(2 * chance - 1)",
            "chance",
            why="chance makes waits only longer",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-overflow",
            "supervision/backoff.py",
            "grown = self.max if self.initial else 0.0",
            "grown = self.initial",
            why="after very many failures a wait is short again",
            first="tests/supervision/test_backoff.py",
        ),
        Fault(
            "rule-row-goes-on",
            "supervision/health.py",
            'self.failures + 1 if health.status == "unhealthy" else 0',
            'self.failures + (health.status == "unhealthy")',
            why="failures count although they are not in a row",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-degraded-fails",
            "supervision/health.py",
            'self.failures + 1 if health.status == "unhealthy" else 0',
            'self.failures + 1 if health.status != "healthy" else 0',
            why="a degraded child has failed",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-threshold-over",
            "supervision/health.py",
            "if self.failures >= self.check.threshold:",
            "if self.failures > self.check.threshold:",
            why="one failure more than the threshold is allowed",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-every-from-answer",
            "supervision/health.py",
            "return max(0.0, self.asked_at + self.check.every - now)",
            "return self.check.every",
            why="the time that an answer takes delays the next check",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-asks-in-the-past",
            "supervision/health.py",
            "return max(0.0, self.asked_at + self.check.every - now)",
            "return self.asked_at + self.check.every - now",
            why="the next check is due before now",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-old-answer",
            "supervision/health.py",
            "self.asked = None",
            "pass",
            why="after an answer the next timer counts as a missing one",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-late-answer",
            "supervision/checkups.py",
            "checkup.asked != number",
            "False",
            why="an answer that came too late counts",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-asks-while-ending",
            "supervision/checkups.py",
            """
            if tree.phase == "stopping":
                return
            if checkup.over:
            """,
            """
            if checkup.over:
            """,
            why="children are asked while the supervisor stops",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-never-killed",
            "supervision/checkups.py",
            """
                tree.actions.append(steps.Kill(child.incarnation))
            elif checkup.asked is None:
            """,
            """
                pass
            elif checkup.asked is None:
            """,
            why="an unhealthy child that does not end is never killed",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-unbounded",
            "supervision/checkups.py",
            """
            if how.limit is not None:
                _wait(tree, child, checkup, how.limit)
            """,
            """
            pass
            """,
            why="an unhealthy child may take for ever to end",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-brutal-asks",
            "supervision/checkups.py",
            """
            if how.signal == "kill":
                tree.actions.append(steps.Kill(child.incarnation))
                return
            """,
            "",
            why="an unhealthy child with brutal_kill is asked to end",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-shuts-down",
            "supervision/checkups.py",
            "tree.actions.append(steps.SendExit(child.incarnation, reason))",
            "tree.actions.append(steps.SendExit(child.incarnation))",
            why="an unhealthy child ends with shutdown",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-silent",
            "supervision/checkups.py",
            "if health.status != before:",
            "if False:",
            why="nobody is told that the health of a child changed",
            first="tests/supervision/test_health.py",
        ),
        Fault(
            "rule-unanswered-timer",
            "supervision/checkups.py",
            "tree.cancel(checkup.timer)",
            "pass",
            why="the timer for an answer runs on after it",
            first="tests/supervision/test_health.py",
        ),
    ),
)
