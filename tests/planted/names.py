"""Faults in names, addresses and groups."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

ADDRESS = "airssys_wasm/kernel/address.py"
GROUPS = "airssys_wasm/kernel/groups.py"
KEEPING = "airssys_wasm/kernel/keeping.py"
KERNEL = "airssys_wasm/kernel/kernel.py"
LIFECYCLE = "airssys_wasm/kernel/lifecycle.py"
MEMBERSHIP = "airssys_wasm/kernel/membership.py"
REGISTRY = "airssys_wasm/kernel/registry.py"
SPAWNER = "airssys_wasm/kernel/spawner.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
    ),
    faults=(
        Fault(
            "names-stolen",
            REGISTRY,
            """
            if holder is not None:
            """,
            """
            if False:
            """,
            why="a second actor takes a name that another has",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-reserved",
            REGISTRY,
            "if name in RESERVED:",
            "if False:",
            why="a reserved word is a name",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-with-blanks",
            REGISTRY,
            "if not name or name != name.strip() or not name.isprintable():",
            "if not name:",
            why="a name may have white space around it",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-empty",
            REGISTRY,
            "if not name or name != name.strip() or not name.isprintable():",
            "if name != name.strip() or not name.isprintable():",
            why="the empty string is a name",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-of-anything",
            REGISTRY,
            "if not isinstance(name, str):",
            "if False:",
            why="a number breaks instead of being refused",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-free-twice",
            REGISTRY,
            """
            except KeyError:
            """,
            """
            except IndexError:
            """,
            why="to free a name that nobody has raises another error",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-of-the-dead",
            KERNEL,
            """
            if ref._mode & DEAD:
                raise ActorExited(ref, "noproc")
            """,
            """
            if False:
                raise ActorExited(ref, "noproc")
            """,
            why="a dead actor is given a name",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-two-for-one",
            KERNEL,
            """
            if ref.name is not None:
            """,
            """
            if False:
            """,
            why="an actor has two names",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-unknown-to-the-actor",
            KERNEL,
            """
            self.registry.register(name, ref)
            ref._ext().name = name
            """,
            """
            self.registry.register(name, ref)
            """,
            why="a name given later is not freed at the end",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "names-freed-but-known",
            KERNEL,
            "self.registry.unregister(name)._ext().name = None",
            "self.registry.unregister(name)",
            why="an actor whose name was freed thinks that it has it",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-whereis-the-dead",
            KERNEL,
            "return ref if ref is not None and ref.is_alive else None",
            "return ref",
            why="whereis gives a dead actor whose mailbox is kept",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "names-kept-after-death",
            KEEPING,
            "self._kernel.registry.unregister(extension.name)",
            "pass",
            why="the name of a dead actor is never free",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-not-handed-over",
            KEEPING,
            "self._kernel.registry.hand_over(extension.name, successor)",
            "self._kernel.registry.unregister(extension.name)",
            why="the name of a restarted child with a kept mailbox is free",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "names-successor-unaware",
            KEEPING,
            "successor._ext().name = extension.name",
            "pass",
            why="the successor has a name and does not know",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "names-told-before-freed",
            LIFECYCLE,
            """
            if not held:
                self._kernel.keeping.release_identity(ref, None)
            self._fail_requests(ref, extension, reason)
            self._tell_parent(ref, extension, held=held)
            """,
            """
            self._fail_requests(ref, extension, reason)
            self._tell_parent(ref, extension, held=held)
            if not held:
                free = self._kernel.keeping.release_identity
                self._kernel.platform.call_soon(lambda: free(ref, None))
            """,
            why="a name is free only after the death was told",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-held-freed",
            LIFECYCLE,
            """
            if not held:
                self._kernel.keeping.release_identity(ref, None)
            """,
            """
            self._kernel.keeping.release_identity(ref, None)
            """,
            why="a child that keeps its mailbox loses its name at each restart",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "names-held-not-given-up",
            KEEPING,
            """
            self.release_identity(ref, None)
            ref._extension = None
            """,
            """
            ref._extension = None
            """,
            why="a child that is given up keeps its name",
            first="tests/kernel/test_kept_mailboxes.py",
        ),
        Fault(
            "names-spawn-steals",
            SPAWNER,
            "if holder is not None and holder is not adopt:",
            "if False:",
            why="spawn with a name that is taken is found out too late",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "names-given-away-by-init",
            SPAWNER,
            """
            if name is not None:  # once more: the constructor may have given it away
                self._check_free(name, None)
            """,
            "",
            why="a name that the constructor gave away leaves an actor without one",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "names-given-later",
            SPAWNER,
            """
            self._kernel.registry.register(name, ref)
            ref._ext().name = name
            """,
            """
            self._kernel.registry.register(name, ref)
            """,
            why="the name of an actor is not freed at its end",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-equal-by-name",
            ADDRESS,
            """
            and other._kernel is self._kernel
            """,
            """
            and True
            """,
            why="the same name in two systems is one address",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "names-nobody-silent",
            ADDRESS,
            'self._kernel.reporting.dead_letter(message, self.name, "noproc")',
            "pass",
            why="what is sent to a name that nobody has is lost without a trace",
            first="tests/kernel/test_names.py",
        ),
        Fault(
            "names-request-nobody",
            ADDRESS,
            """
            if ref is None:
                raise ActorExited(self.name, "noproc")
            """,
            """
            if ref is None:
                raise ActorExited("", "noproc")
            """,
            why="the error does not say which name nobody has",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "names-wait-nobody",
            ADDRESS,
            'return await ref.wait() if ref is not None else "noproc"',
            "return await ref.wait() if ref is not None else None",
            why="to wait for a name that nobody has gives no reason",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "groups-out-of-order",
            GROUPS,
            "return tuple(self._members.get(name, {}).values())",
            "return tuple(reversed(self._members.get(name, {}).values()))",
            why="the members of a group are in another order",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-leave-first",
            GROUPS,
            "self._remove(name, places[name].pop())",
            "self._remove(name, places[name].pop(0))",
            why="who joined twice leaves its first place",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-leave-stranger",
            GROUPS,
            """
            if name not in places:
            """,
            """
            if False:
            """,
            why="who leaves a group that it is not in breaks something else",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-empty-stays",
            GROUPS,
            """
            if not self._members[name]:
                del self._members[name]
            """,
            """
            pass
            """,
            why="a group without members is still one",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-places-stay",
            GROUPS,
            """
            if not places:
                del self._places[member]
            """,
            """
            pass
            """,
            why="who has left all groups is still in some",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "groups-left-once",
            GROUPS,
            """
            for serial in serials:
                self._remove(name, serial)
                left.append(name)
            """,
            """
            for serial in serials:
                self._remove(name, serial)
            left.append(name)
            """,
            why="who was in a group twice leaves it once at its end",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-successor-loses-place",
            GROUPS,
            "self._members[name][serial] = successor",
            "self._members[name][self._serial + 1] = self._members[name].pop(serial) and successor",
            why="the successor of a member is last of all",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-successor-unknown",
            GROUPS,
            "self._places.setdefault(successor, {}).setdefault(name, []).extend(serials)",
            "pass",
            why="the successor of a member can't leave",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-watch-nothing",
            GROUPS,
            """
            self._watchers.setdefault(name, {})[watcher] = None
            return self.members(name)
            """,
            """
            return self.members(name)
            """,
            why="who watches a group is not told",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-watchers-stay",
            GROUPS,
            """
            watchers.pop(watcher, None)
            if not watchers:
                self._watchers.pop(name, None)
            """,
            """
            watchers.pop(watcher, None)
            """,
            why="a group that nobody watches any more is remembered",
            first="tests/kernel/test_faults_of_names.py",
        ),
        Fault(
            "groups-of-the-dead",
            MEMBERSHIP,
            "self._kernel.on_exit(ref, self._gone)",
            "pass",
            why="the dead stay in their groups",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-dead-join",
            MEMBERSHIP,
            """
            if ref is None or ref._mode & DEAD:
                raise ActorExited(address, "noproc")
            """,
            """
            if ref is None:
                raise ActorExited(address, "noproc")
            """,
            why="a dead actor joins a group",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-dead-watch",
            MEMBERSHIP,
            """
            for monitor in list(self._monitors.get(ref, ())):
                self.unwatch(monitor)
            """,
            """
            pass
            """,
            why="a dead actor is told of a group",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-joined-untold",
            MEMBERSHIP,
            """
            _tell(self.groups.join(name, ref), joined=ref)
            self._carry(name, ref)
            """,
            """
            self.groups.join(name, ref)
            """,
            why="who watches a group is not told of a new member",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-left-untold",
            MEMBERSHIP,
            """
            _tell(self.groups.leave(name, ref), left=ref)
            self._carry(name, ref)
            """,
            """
            self.groups.leave(name, ref)
            """,
            why="who watches a group is not told that a member left",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-death-untold",
            MEMBERSHIP,
            "_tell(self.groups.watchers(name), left=ref)",
            "pass",
            why="who watches a group is not told that a member died",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-successor-untold",
            MEMBERSHIP,
            "_tell(self.groups.watchers(name), left=ref, joined=successor)",
            "_tell(self.groups.watchers(name), left=ref)",
            why="who watches a group is not told of the successor",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-successor-unseen",
            MEMBERSHIP,
            "self._see_to_its_end(successor)",
            "pass",
            why="the successor of a member stays in the group when it is dead",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-members-later",
            MEMBERSHIP,
            "monitor.members = self.groups.watch(name, monitor)",
            "self.groups.watch(name, monitor)",
            why="who watches a group does not know who was in it",
            first="tests/kernel/test_groups.py",
        ),
        Fault(
            "groups-unwatched-told",
            MEMBERSHIP,
            "self.groups.unwatch(monitor.group, monitor)",
            "pass",
            why="who watches a group no more is told",
            first="tests/kernel/test_groups.py",
        ),
    ),
)
