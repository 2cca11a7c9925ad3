"""Bugs in what is carried: connections, streams, windows, the log."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from actors import events
from actors.conversation import changes, outbox
from actors.mailbox import Mailbox
from actors.runtime import System
from daemon import hub, outbound
from daemon.connection import Connection, Subscription
from daemon.hub import Hub
from daemon.outbound import Outbound
from daemon.places import Places
from protocol.client import outstanding
from protocol.window import Window


def resumes_one_too_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hub, "Window", lambda after, size: Window(after + 1 if after else 0, size))


def resumes_one_too_early(patch: pytest.MonkeyPatch) -> None:
    """As with ``>=`` where it must be ``>``."""
    patch.setattr(hub, "Window", lambda after, size: Window(max(0, after - 1), size))


def news_are_shuffled(patch: pytest.MonkeyPatch) -> None:
    after = Mailbox.after

    def backwards(self: Mailbox, number: int, limit: int) -> Any:
        found = after(self, number, limit)
        return found and found[::-1]

    patch.setattr(Mailbox, "after", backwards)


def a_snapshot_skips_what_comes_meanwhile(patch: pytest.MonkeyPatch) -> None:
    taken = outbound.agent_snapshot

    def ahead(*arguments: Any) -> Any:
        found = taken(*arguments)
        return structs.replace(found, number=found.number + 1)

    patch.setattr(outbound, "agent_snapshot", ahead)


def windows_never_open_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbound, "owe", lambda self, subscription: None)


def answers_have_no_channel(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def silent(
        self: System, actor: Any, event: Any, sequence: int, audience: Any = (), told: Any = None
    ) -> None:
        if isinstance(event, events.AgentWrote) and sequence % 5 == 0:
            audience = tuple(each for each in audience if not each.startswith("channel/"))
        record(self, actor, event, sequence, audience, told)

    patch.setattr(System, "record", silent)


def a_socket_that_takes_no_more_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """As a ROUTER without ``MANDATORY``, or one whose ``EAGAIN`` nobody looks at."""
    patch.setattr(Hub, "lost", lambda self, connections: None)


def what_is_sent_counts_as_received(patch: pytest.MonkeyPatch) -> None:
    pump = Outbound._pump

    def trusting(self: Outbound, subscription: Subscription) -> bool:
        done = pump(self, subscription)
        self._system.received(subscription.mailbox, subscription.window.sent)
        return done

    patch.setattr(Outbound, "_pump", trusting)


def mailboxes_forget_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mailbox, "trim", lambda self: None)
    patch.setattr("actors.mailbox.SLACK", 1 << 30)


def commands_overtake_each_other(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outstanding, "lane_of", lambda command: ("lane", command.id.hex(), ""))


def who_has_waited_goes_last(patch: pytest.MonkeyPatch) -> None:
    """What piled up while nothing could be sent goes in no order of its own."""
    commands_overtake_each_other(patch)
    take = outstanding.Outstanding.take

    def newest(self: outstanding.Outstanding, *arguments: Any) -> Any:
        self._ready.reverse()
        return take(self, *arguments)

    patch.setattr(outstanding.Outstanding, "take", newest)


def a_late_hello_replaces_its_successor(patch: pytest.MonkeyPatch) -> None:
    enter = Places.enter

    def hasty(self: Places, newcomer: Connection) -> bool:
        enter(self, newcomer)
        self._replace(self._standing(newcomer)[:-1])
        return True

    patch.setattr(Connection, "given_up_for", lambda self, newer: False)
    patch.setattr(Places, "enter", hasty)


def the_log_has_what_people_say(patch: pytest.MonkeyPatch) -> None:
    from_customer = Hub._from_customer

    def talkative(self: Hub, connection: Connection, message: Any) -> None:
        self._log.info("customer.wrote", what=getattr(message, "content", ""))
        from_customer(self, connection, message)

    patch.setattr(Hub, "_from_customer", talkative)


def windows_are_never_spent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes, "spent", lambda ledger, now: ledger)


def a_late_report_counts(patch: pytest.MonkeyPatch) -> None:
    """As if what is heard last were always what is so."""
    patch.setitem(outbox.RANKS, "sent", 5)


def nobody_gives_it_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outbox, "deadline", lambda items: None)
