"""Faults in the state machine of a supervisor."""

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
            "tree-begin-twice",
            "supervision/tree.py",
            'if tree.phase == "new":',
            "if True:",
            why="a second Begin starts all children again",
        ),
        Fault(
            "tree-terminate-waits",
            "supervision/tree.py",
            "case steps.TerminateChild(child, token) if tree.job and tree.job.is_starting(child):",
            "case steps.TerminateChild(child, token) if False:",
            why="a start that hangs cannot be given up by terminate_child",
        ),
        Fault(
            "tree-child-timers-of-the-job",
            "supervision/tree.py",
            "tree.pending.append(Due(child.id, timer))",
            "pass",
            why="a child whose wait is over is not started",
        ),
        Fault(
            "tree-checks-while-stopped",
            "supervision/tree.py",
            """
            tree.actions += tree.children.end_checks(child)
            """,
            "",
            why="the health timer of a child runs on while it is stopped",
        ),
        Fault(
            "tree-dead-unreported",
            "supervision/tree.py",
            'if child.state == "dead":  # by itself, before its turn came',
            'if child.state == "gone":',
            why="the end of a child that died before its turn to stop is not reported",
        ),
        Fault(
            "tree-restart-uncounted",
            "supervision/tree.py",
            "child.restarts += 1",
            "child.restarts += 0",
            why="restarts of a child are not counted",
        ),
        Fault(
            "tree-first-start-counted",
            "supervision/tree.py",
            "if isinstance(job.purpose, Recover):",
            "if not isinstance(job.purpose, steps.AddChild):",
            why="the first start counts as a restart",
        ),
        Fault(
            "tree-twice-alive",
            "supervision/tree.py",
            """
            if child is None or child.is_alive:
                return
            if isinstance(job.purpose, Recover):
            """,
            """
            if child is None:
                return
            if isinstance(job.purpose, Recover):
            """,
            why="a child that is alive is started once more",
            equivalent="a job starts only those that it has stopped, or that were",
        ),
        Fault(
            "tree-start-before-stop",
            "supervision/tree.py",
            """
            elif job.stop:
                _stop_next(tree, job, job.stop.popleft())
            elif job.start:
                _start_next(tree, job, job.start.popleft())
            """,
            """
            elif job.start:
                _start_next(tree, job, job.start.popleft())
            elif job.stop:
                _stop_next(tree, job, job.stop.popleft())
            """,
            why="children are started before the others of their group are stopped",
        ),
        Fault(
            "tree-ready-unsaid",
            "supervision/tree.py",
            "tree.actions.append(steps.Ready())",
            "pass",
            why="a supervisor that has started does not say so",
        ),
        Fault(
            "tree-terminate-unanswered",
            "supervision/tree.py",
            "tree.actions.append(steps.Answer(token))",
            "pass",
            why="terminate_child is never answered",
        ),
        Fault(
            "tree-changes-newest-first",
            "supervision/tree.py",
            "decide(tree, tree.pending.popleft())",
            "decide(tree, tree.pending.pop())",
            why="what waits is decided newest first",
        ),
        Fault(
            "tree-orphan",
            "supervision/tree.py",
            "tree.living[child.incarnation] = child",
            "pass",
            why="nobody knows the child that was started",
        ),
        Fault(
            "tree-finish-twice",
            "supervision/tree_state.py",
            """
            if self.phase == "stopping":
                return
            """,
            """
            if False:
                return
            """,
            why="a second stop begins the end again, with another reason",
        ),
        Fault(
            "tree-end-keeps-pending",
            "supervision/tree_state.py",
            "self.pending.clear()",
            "pass",
            why="what waits is decided after the end",
            equivalent="the job of the end is the last one; nothing is decided after it",
        ),
        Fault(
            "tree-end-forgets-stop",
            "supervision/tree_state.py",
            'if old is not None and old.child is not None and old.child.state == "stopping":',
            "if False:",
            why="a stop in progress is not waited for when the end begins",
        ),
        Fault(
            "tree-end-in-start-order",
            "supervision/tree_state.py",
            "stop=deque(self.children.ids_newest_first()))",
            "stop=deque(reversed(self.children.ids_newest_first())))",
            why="children are stopped oldest first",
        ),
        Fault(
            "tree-end-keeps-timer",
            "supervision/tree_state.py",
            "self.actions += old.cancel_timer()",
            "pass",
            why="the time limit of a start goes off during the end",
        ),
        Fault(
            "tree-settle-forgets-kept",
            "supervision/tree_state.py",
            'if isinstance(purpose, Recover) and child.spec.restart != "temporary":',
            "if False:",
            why="what a stopped sibling kept is released instead of handed on",
        ),
        Fault(
            "tree-settle-keeps-temporary",
            "supervision/tree_state.py",
            'if isinstance(purpose, Recover) and child.spec.restart != "temporary":',
            "if isinstance(purpose, Recover):",
            why="a temporary sibling that was stopped stays known",
        ),
        Fault(
            "tree-settle-keeps-wait",
            "supervision/tree_state.py",
            "self.actions += self.children.wait_no_longer(child)",
            "pass",
            why="a group restart does not end the wait of a child in it",
        ),
        Fault(
            "tree-settle-keeps-added",
            "supervision/tree_state.py",
            "elif job is not None and isinstance(job.purpose, steps.AddChild):",
            "elif False:",
            why="a new child whose start was given up stays known",
        ),
        Fault(
            "tree-arrived-keeps-timer",
            "supervision/tree_state.py",
            """
            self.actions += job.cancel_timer()
            job.child = None
            """,
            """
            job.child = None
            """,
            why="the timer of a start or stop runs on after it",
        ),
        Fault(
            "tree-up-twice",
            "supervision/arrivals.py",
            """
            if child is None or child.state != "starting":
                return
            child.state = "running"
            """,
            """
            if child is None:
                return
            child.state = "running"
            """,
            why="a child that is being stopped counts as running when its init succeeds",
        ),
        Fault(
            "tree-up-keeps-held",
            "supervision/arrivals.py",
            "child.held = None",
            "pass",
            why="a mailbox that was adopted is still known as kept",
            equivalent="the next death says anew what is kept, before anybody looks",
        ),
        Fault(
            "tree-up-unanswered",
            "supervision/arrivals.py",
            "_answer_start(tree, tree.arrived(child), incarnation)",
            "tree.arrived(child)",
            why="start_child is never answered",
        ),
        Fault(
            "tree-ignored-lives",
            "supervision/arrivals.py",
            """
            tree.actions += tree.children.lay_down(child)
            _answer_start(tree, job, None)
            """,
            """
            child.state = "running"
            _answer_start(tree, job, None)
            """,
            why="a child that declined its start counts as running",
        ),
        Fault(
            "tree-never-born-kept",
            "supervision/arrivals.py",
            """
            if spawned:
                child.keep(incarnation)
            tree.actions += tree.children.end_checks(child)
            """,
            """
            child.keep(incarnation)
            tree.actions += tree.children.end_checks(child)
            """,
            why="an incarnation that was never made leaves a mailbox",
        ),
        Fault(
            "tree-death-during-end",
            "supervision/arrivals.py",
            'case "running" if tree.phase == "stopping":',
            'case "none":',
            why="a child that ends by itself while the supervisor stops is not laid down",
        ),
        Fault(
            "tree-boot-goes-on",
            "supervision/arrivals.py",
            'tree.finish(("shutdown", events.FailedToStart(child.id, reason, cause)), None)',
            "pass",
            why="a supervisor starts without a child that failed",
        ),
        Fault(
            "tree-group-goes-on",
            "supervision/arrivals.py",
            "job.start.clear()",
            "pass",
            why="the rest of the group is started although one failed",
        ),
        Fault(
            "tree-retry-at-once",
            "supervision/arrivals.py",
            "tree.actions.append(steps.Again(child.id, child.attempt))",
            "pass",
            why="a failed restart is not tried again",
        ),
        Fault(
            "tree-failed-add-stays",
            "supervision/arrivals.py",
            """
            tree.actions += tree.children.drop(child)
            tree.refuse(token, steps.DidNotStart(child.id, reason))
            """,
            """
            tree.actions += tree.children.lay_down(child)
            tree.refuse(token, steps.DidNotStart(child.id, reason))
            """,
            why="a new child that did not start stays known",
        ),
        Fault(
            "tree-failed-restart-unanswered",
            "supervision/arrivals.py",
            """
            case steps.RestartChild(_, token):
                tree.actions += tree.children.lay_down(child)
                tree.refuse(token, steps.DidNotStart(child.id, reason))
            """,
            """
            case steps.RestartChild(_, token):
                tree.actions += tree.children.lay_down(child)
            """,
            why="restart_child is not answered when the start fails",
        ),
        Fault(
            "tree-timed-out-unblamed",
            "supervision/arrivals.py",
            "blame if blame is not None else reason",
            "reason",
            why="a start that took too long fails with killed",
        ),
        Fault(
            "tree-given-up-unanswered",
            "supervision/arrivals.py",
            "tree.refuse(job.purpose.token, steps.DidNotStart(child.id, reason))",
            "pass",
            why="start_child is not answered when its start is given up",
        ),
        Fault(
            "tree-unhealthy-unblamed",
            "supervision/arrivals.py",
            'blame if blame is not None and says(reason, "killed") else reason',
            "reason",
            why="a child killed for its health ends with killed",
        ),
        Fault(
            "tree-always-blamed",
            "supervision/arrivals.py",
            'blame if blame is not None and says(reason, "killed") else reason',
            "blame if blame is not None else reason",
            why="a crash is taken for the end that was asked for",
        ),
        Fault(
            "tree-lived-forgotten",
            "supervision/arrivals.py",
            "child.lived = tree.now - child.up_since",
            "pass",
            why="how long a child ran does not matter for its wait",
        ),
        Fault(
            "tree-failed-start-lived",
            "supervision/arrivals.py",
            "child.lived = 0.0",
            "pass",
            why="a start that fails counts as a long life",
        ),
        Fault(
            "tree-stale-death",
            "supervision/decisions.py",
            'if child and child.state == "dead" and child.incarnation == incarnation:',
            "if child:",
            why="a death that was dealt with is answered again",
        ),
        Fault(
            "tree-stale-retry",
            "supervision/decisions.py",
            """
            case steps.Retry(id, attempt):
                child = tree.children.get(id)
                if child and child.state == "restarting" and child.attempt == attempt:
            """,
            """
            case steps.Retry(id, attempt):
                child = tree.children.get(id)
                if child and child.state == "restarting":
            """,
            why="an attempt that was given up is made all the same",
        ),
        Fault(
            "tree-stale-due",
            "supervision/decisions.py",
            """
            case Due(id, attempt):
                child = tree.children.get(id)
                if child and child.state == "restarting" and child.attempt == attempt:
            """,
            """
            case Due(id, attempt):
                child = tree.children.get(id)
                if child:
            """,
            why="a wait that was ended starts the child all the same",
        ),
        Fault(
            "tree-heirs-remain",
            "supervision/decisions.py",
            'if child is not None and child.state == "restarting":',
            "if False:",
            why="siblings keep mailboxes that nobody adopts when a group restart is given up",
        ),
        Fault(
            "tree-delete-unanswered",
            "supervision/decisions.py",
            "tree.actions.append(steps.Answer(token))",
            "pass",
            why="delete_child is never answered",
        ),
        Fault(
            "tree-auto-shutdown-always",
            "supervision/decisions.py",
            """
            if not child.spec.significant:
                return
            """,
            """
            pass
            """,
            why="the end of any child may end the supervisor",
        ),
        Fault(
            "tree-all-is-any",
            "supervision/decisions.py",
            """
            if tree.children.has_significant():
                return
            """,
            """
            pass
            """,
            why="all_significant is taken for any_significant",
        ),
        Fault(
            "tree-never-is-any",
            "supervision/decisions.py",
            """
            case "never":
                return
            case "any_significant":
            """,
            """
            case "never":
                pass
            case "any_significant":
            """,
            why="auto_shutdown never is taken for any",
        ),
        Fault(
            "tree-free-restarts",
            "supervision/decisions.py",
            "if not tree.budget.spend(tree.now):",
            "if False:",
            why="restarts cost nothing",
        ),
        Fault(
            "tree-gave-up-unclean",
            "supervision/decisions.py",
            """
            tree.actions += tree.children.lay_down(child)
            gave_up = events.GaveUp(
            """,
            """
            gave_up = events.GaveUp(
            """,
            why="the child over which a supervisor gives up is not laid down",
        ),
        Fault(
            "tree-gives-up-abnormally",
            "supervision/decisions.py",
            'tree.finish("shutdown", gave_up)',
            'tree.finish("gave up", gave_up)',
            why="a supervisor that gives up ends with a reason of its own",
        ),
        Fault(
            "tree-no-backoff",
            "supervision/decisions.py",
            "if child.spec.backoff is None:",
            "if True:",
            why="a child is restarted at once in spite of its backoff",
        ),
        Fault(
            "tree-backoff-never-heals",
            "supervision/decisions.py",
            "child.failures = 1 if child.lived >= backoff.healthy_after else child.failures + 1",
            "child.failures += 1",
            why="a long life does not end the row of failures",
        ),
        Fault(
            "tree-backoff-heals-late",
            "supervision/decisions.py",
            "child.lived >= backoff.healthy_after",
            "child.lived > backoff.healthy_after",
            why="a life of just that length does not end the row of failures",
        ),
        Fault(
            "tree-due-unset",
            "supervision/decisions.py",
            "child.due = tree.now + after",
            "pass",
            why="nobody is told when a child is due",
        ),
        Fault(
            "tree-wait-remains",
            "supervision/decisions.py",
            """
            tree.actions += tree.children.wait_no_longer(child)
            decided = plan(tree.flags.strategy, tree.children.specs, child.id)
            """,
            """
            decided = plan(tree.flags.strategy, tree.children.specs, child.id)
            """,
            why="the time at which a child was due stays with it",
        ),
        Fault(
            "tree-restarts-uncounted",
            "supervision/decisions.py",
            "tree.restarts += 1",
            "pass",
            why="the supervisor does not count its restarts",
        ),
        Fault(
            "tree-same-incarnation",
            "supervision/jobs.py",
            "child.incarnation = next(self.numbers)",
            "child.incarnation += 1",
            why="two children may share the number of an incarnation",
        ),
        Fault(
            "tree-adopts-nothing",
            "supervision/jobs.py",
            "spawn = Spawn(child.incarnation, child.spec, child.held, child.restarts)",
            "spawn = Spawn(child.incarnation, child.spec, None, child.restarts)",
            why="a kept mailbox is never handed over",
        ),
        Fault(
            "tree-adopts-anything",
            "supervision/jobs.py",
            "released = child.outgrow()",
            "released: list[Action] = []",
            why="a mailbox is handed to an incarnation with another name or mailbox",
        ),
        Fault(
            "tree-start-unbounded",
            "supervision/jobs.py",
            '*self._set_timer(None if limit == "infinity" else limit)]',
            "]",
            why="a start may take for ever in spite of its limit",
        ),
        Fault(
            "tree-kill-is-exit",
            "supervision/jobs.py",
            """
            if how.signal == "kill":
                return [Kill(child.incarnation)]
            """,
            "",
            why="brutal_kill asks first",
        ),
        Fault(
            "tree-stop-unbounded",
            "supervision/jobs.py",
            "return [SendExit(child.incarnation), *self._set_timer(how.limit)]",
            "return [SendExit(child.incarnation)]",
            why="a stop may take for ever in spite of its limit",
        ),
        Fault(
            "tree-late-timer",
            "supervision/jobs.py",
            "if self.child is None or self.timer != timer:",
            "if self.child is None:",
            why="a timer that was cancelled kills whoever is waited for",
        ),
        Fault(
            "tree-timeout-unblamed",
            "supervision/jobs.py",
            "self.child.blame = StartTimedOut(limit)",
            "pass",
            why="a start that took too long does not say so",
        ),
        Fault(
            "tree-terminate-twice",
            "supervision/jobs.py",
            'if self.child is None or self.child.state != "starting":',
            "if self.child is None:",
            why="a start that is given up twice is stopped twice",
        ),
        Fault(
            "tree-terminate-forgets-timer",
            "supervision/jobs.py",
            "return [*self.cancel_timer(), *self.stop_child(self.child)]",
            "return [*self.stop_child(self.child)]",
            why="the limit of a start goes off while the child is stopped",
        ),
        Fault(
            "tree-stopping-not-alive",
            "supervision/children.py",
            'self.state in ("starting", "running", "stopping")',
            'self.state in ("starting", "running")',
            why="a child that is being stopped does not count as alive",
        ),
        Fault(
            "tree-dead-is-running",
            "supervision/children.py",
            'return "restarting" if wants_restart(self.spec.restart, self.reason) else "stopped"',
            'return "restarting"',
            why="a child that died and stays dead is told to be restarting",
        ),
        Fault(
            "tree-temporary-stays",
            "supervision/children.py",
            """
            if child.spec.restart == "temporary":
                return self.drop(child)
            """,
            "",
            why="a temporary child that ended stays known",
        ),
        Fault(
            "tree-failures-stay",
            "supervision/children.py",
            "child.failures = 0",
            "pass",
            why="a start by hand does not end the row of failures",
        ),
        Fault(
            "tree-release-nothing",
            "supervision/children.py",
            "return [] if held is None else [Release(held)]",
            "return []",
            why="what a child kept is never released",
        ),
        Fault(
            "tree-kept-by-new-spec",
            "supervision/children.py",
            "keeps = self.made_with is not None and self.made_with.keeps_mailbox",
            "keeps = self.spec.keeps_mailbox",
            why="what an incarnation keeps is read in a spec that it was not made with",
        ),
        Fault(
            "tree-oldest-first",
            "supervision/children.py",
            "for child in reversed(self._children.values())",
            "for child in self._children.values()",
            why="which_children lists the oldest first",
        ),
        Fault(
            "tree-stopped-is-active",
            "supervision/children.py",
            'active=sum(child.state in ("running", "stopping") for child in children)',
            "active=len(children)",
            why="stopped children count as active",
        ),
        Fault(
            "tree-order-unchanged",
            "supervision/children.py",
            "self._children = {id: self._children[id] for id in ids}",
            "pass",
            why="children stop in the order of the old description",
        ),
        Fault(
            "tree-specs-unchanged",
            "supervision/children.py",
            "self.specs = {id: self.specs[id] for id in ids}",
            "pass",
            why="a group is restarted in the order of the old description",
        ),
        Fault(
            "tree-significant-stopped",
            "supervision/children.py",
            'child.spec.significant and child.state != "stopped" for child',
            "child.spec.significant for child",
            why="a significant child that has ended counts as running",
        ),
    ),
)
