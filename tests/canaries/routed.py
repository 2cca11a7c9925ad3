"""Bugs in who gets what: capacity, offers, order, agents who are gone."""

from __future__ import annotations

from typing import Any

import pytest

from actors.channel.actor import ChannelActor
from actors.conversation import machine, transfer
from actors.conversation.actor import ConversationActor
from actors.conversation.state import Status
from actors.dispatcher.actor import DispatcherActor
from actors.dispatcher.books import Books
from actors.dispatcher.machine import View
from actors.dispatcher.matching import Turns
from actors.dispatcher.roster import Roster
from protocol.messages import Accept


def offers_take_no_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Roster, "book", lambda self, kind, weight: None)
    patch.setattr(Roster, "release", lambda self, kind, weight: None)


def too_little_room_is_given_back(patch: pytest.MonkeyPatch) -> None:
    release = Roster.release
    patch.setattr(Roster, "release", lambda self, kind, weight: release(self, kind, max(1, weight - 1)))


def what_is_given_back_is_of_no_kind(patch: pytest.MonkeyPatch) -> None:
    """No desk of a play has a limit for a kind of channel, so that nobody is given too much or too little."""
    release = Roster.release
    patch.setattr(Roster, "release", lambda self, kind, weight: release(self, "", weight))


def one_more_than_there_is_room_for(patch: pytest.MonkeyPatch) -> None:
    """Off by one: what an agent has is counted as one unit less while it is decided who gets what."""
    decide = View.decide

    def generous(self: View, *arguments: Any) -> Any:
        for known in self.roster.values():
            known.used -= 1
        try:
            return decide(self, *arguments)
        finally:
            for known in self.roster.values():
                known.used += 1

    patch.setattr(View, "decide", generous)


def offers_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ConversationActor, "_expire", lambda self: None)


def whoever_accepts_gets_it(patch: pytest.MonkeyPatch) -> None:
    def accept(state: Any, command: Accept, facts: Any) -> Any:
        assert state.offer is not None
        return transfer.assigned(state, facts, command.agent, "accepted", offer=state.offer.offer)

    patch.setitem(machine.TABLE[Status.OFFERED], Accept, accept)


def accepts_after_the_deadline(patch: pytest.MonkeyPatch) -> None:
    decide = machine.TABLE[Status.OFFERED][Accept]

    def patient(state: Any, command: Accept, facts: Any) -> Any:
        return decide(state, command, facts._replace(now=0.0))

    patch.setitem(machine.TABLE[Status.OFFERED], Accept, patient)


def who_is_given_back_waits_anew(patch: pytest.MonkeyPatch) -> None:
    released = transfer.released

    def anew(state: Any, *arguments: Any, **options: Any) -> Any:
        since, state.since = state.since, state.since + 1.0
        try:
            return released(state, *arguments, **options)
        finally:
            state.since = since

    patch.setattr(transfer, "released", anew)


def who_has_a_conversation_is_approached(patch: pytest.MonkeyPatch) -> None:
    approach = ChannelActor._approach

    def hasty(self: ChannelActor, asked: Any) -> None:
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(self, "_open_conversation", lambda contact: None)
            approach(self, asked)

    patch.setattr(ChannelActor, "_approach", hasty)


def who_came_last_is_first(patch: pytest.MonkeyPatch) -> None:
    make = Books.__init__

    def upside_down(self: Books, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self.orders = dict.fromkeys(self.orders, "newest")

    patch.setattr(Books, "__init__", upside_down)


def whose_turn_has_come_overtakes(patch: pytest.MonkeyPatch) -> None:
    """Whom too many have passed goes before those as well who came earlier."""
    patch.setattr(Turns, "first_until", lambda self, due, standing: due)


def who_is_gone_keeps_the_offers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DispatcherActor, "_withdraw", lambda self, agent: None)


def one_report_in_thirty_is_lost(patch: pytest.MonkeyPatch) -> None:
    take_report = View.take_report
    told = [0]

    def deaf(self: View, report: Any, now: float) -> Any:
        told[0] += 1
        return None if told[0] % 30 == 0 else take_report(self, report, now)

    patch.setattr(View, "take_report", deaf)


def who_leaves_the_queue_is_not_told(patch: pytest.MonkeyPatch) -> None:
    take_report = View.take_report

    def deaf(self: View, report: Any, now: float) -> Any:
        before = self.conversations.get(report.conversation)
        gone = not (report.waiting or report.offered_to or report.assignee)
        if gone and before is not None and before.waiting:
            return None
        return take_report(self, report, now)

    patch.setattr(View, "take_report", deaf)


def who_waits_is_seen_when_somebody_else_comes(patch: pytest.MonkeyPatch) -> None:
    decide = View.decide
    asked = [0]

    def sleepy(self: View, *arguments: Any) -> Any:
        asked[0] += 1
        return decide(self, *arguments) if asked[0] % 8 else []

    patch.setattr(View, "decide", sleepy)
