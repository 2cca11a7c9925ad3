"""A conversation is told anything at any time, in any order: what must hold, holds after every command.

The tables alone, without a runtime: the test plays all agents, and the dispatcher, who may be late or wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from actors import events
from actors.conversation import conference, transfer
from actors.conversation.changes import apply
from actors.conversation.machine import TABLE, decide
from actors.conversation.orders import (
    AssignDirectly,
    Begin,
    BeginProactively,
    ChannelGone,
    Claim,
    Expire,
    Greet,
    InviteAsked,
    Known,
    MakeOffer,
    MoveTo,
    Mute,
    OwnerBack,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    Reopening,
    Shut,
    TransferAsked,
    TurnAway,
    Unmute,
    VisitChanged,
    WithdrawOffer,
)
from actors.conversation.state import Conversation, Facts, Status
from actors.conversation.view import audience, delivery
from actors.conversation.window import lapsed
from actors.events.base import Why
from actors.journal import Entry
from config.desk import parse_desk
from protocol.channels import CustomerActed, DeliveryReport
from protocol.content import Text
from protocol.customers import InviteVisitor
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import Accept, AgentMessage, CustomerLeft, CustomerMessage, Decline, End
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Invite,
    Join,
    Leave,
    RefuseInvitation,
    Take,
    Transfer as WantsTransfer,
)
from tests.actors.conversations import COMMANDS as ONE_OF_EACH, FACTS, ID, assert_whole, told
from tests.stage import desk_text

WRAP_UP = "wrap_up_required = true\nwrap_up_timeout_s = 30"
DESKS = [
    parse_desk(
        desk_text(
            departments={
                "help": f'parent = "all"\nfirst_reply_timeout_s = 40\nfirst_reply_missed = "{missed}"',
                "all": "",
                "sales": "",
            },
            people={"boss": 'departments = ["all"]\nrole = "supervisor"', "far": 'departments = ["sales"]'},
            channels={channel: 'kind = "sms"\nstyle = "social_messaging"'} if channel else {},
            policies=f'transfer_consent = "{consent}"\nwhen_lost = "{lost}"\n{wrap_up}',
        ),
        "desk.toml",
    )
    for consent, missed, lost, channel, wrap_up in (
        ("required", "tell", "queue", "web", WRAP_UP),
        ("immediate", "requeue", "keep", "web", WRAP_UP),
        ("required", "requeue", "queue", "web", ""),
        ("required", "tell", "queue", "sms", ""),
    )
]
#: By name, or by what they are to the conversation at that moment.
AGENTS = [
    "the assignee",
    "the assignee",
    "who is offered",
    "who is in it",
    "a1",
    "a2",
    "far",
    "boss",
    "nobody",
]
TARGETS = [
    *[("a2", ""), ("far", ""), ("boss", ""), ("", "sales"), ("", "sales"), ("", "help"), ("far", "sales")],
    *[("a1", "help"), ("", ""), ("nobody", ""), ("a2", "sales"), ("", "nowhere")],
]
HELLO = CustomerMessage(ID, "web", "ann", Text("hello"))
#: What changes the assignee: nothing else may.
GIVES = (
    events.Assigned,
    events.Released,
    events.Ended,
    events.Muted,
    events.Unmuted,
    events.Reopened,
)


class Life:
    """One conversation after the other, told whatever can be told."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.state = Conversation()
        self.now = 1000.0
        self.desk = DESKS[0]
        self.log: list[Entry] = []
        self.story: list[Any] = []
        self.offers: list[str] = []
        self.been: set[tuple[Any, type[Any]]] = set()
        self.made = 0
        self.there = {"a1", "a2", "far", "boss"}

    @property
    def facts(self) -> Facts:
        keeps = self.desk.policies.when_lost == "keep"
        return FACTS._replace(
            now=self.now, desk=self.desk, there=lambda agent: agent in self.there, keeps=lambda _: keeps
        )

    def channel_goes(self) -> Any:
        """Mostly it is in the desk: there is nothing to do."""
        desk, channels = self.desk, dict(self.desk.channels)
        if self.random.randrange(3):
            del channels["web"]
        self.desk = msgspec.structs.replace(desk, channels=channels)
        self.tell(ChannelGone())
        self.desk = desk
        return ChannelGone()

    def comes_or_goes(self) -> Any:
        self.there ^= {self.someone()}
        return Greet("online", "Hello!")

    def ends(self) -> Any:
        reason = self.random.choice(["", "answered"])
        return End(ID, self.someone(), "c1", reason, self.random.choice([0, 0, 30.0]))

    def sets_status(self) -> Any:
        status: Any = self.random.choice(["open", "pending", "on_hold"])
        return SetStatus(ID, self.someone(), "c1", status)

    def ident(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    def someone(self) -> str:
        """Return an agent's name, more often of one who has to do with the conversation."""
        agent, state = self.random.choice(AGENTS), self.state
        if agent == "the assignee":
            return state.assignee or "a1"
        if agent == "who is offered":
            return state.offer.agent if state.offer is not None else "a2"
        if agent == "who is in it":
            return next(iter((*state.members, *state.invitations)), "far")
        return agent

    # What can be told.

    def answers_offer(self) -> Any:
        live = self.state.offer
        offer = live.offer if live is not None else "none"
        return self.random.choice([Accept, Accept, Decline])(ID, self.someone(), "c1", offer)

    def answers_invitation(self) -> Any:
        agent = self.someone()
        made = self.state.invitations.get(agent)
        invitation = made.invitation if made is not None else "none"
        return self.random.choice([Join, Join, RefuseInvitation])(ID, agent, "c1", invitation)

    def transfers(self) -> Any:
        wanted = WantsTransfer(ID, self.someone(), "c1", *self.random.choice(TARGETS), "note")
        return TransferAsked(told(wanted), None, self.ident("o"), self.now + self.random.choice([5.0, 20.0]))

    def invites(self) -> Any:
        wanted = Invite(ID, self.someone(), "c1", self.someone())
        return InviteAsked(told(wanted), None, self.ident("i"), self.now + 25.0)

    def takes(self) -> Any:
        agent = self.someone()
        return Claim(told(Take(ID, agent, "c1")), agent, Why())

    def offers_to(self) -> Any:
        offer = self.ident("o")
        return MakeOffer(offer, self.someone(), self.now + self.random.choice([2.0, 10.0, 30.0]), Why())

    def hands_over(self) -> Any:
        to_agent, to_department = self.random.choice([("a2", ""), ("far", ""), ("", "sales"), ("", "")])
        return Reassign(self.someone(), to_agent, to_department, "away")

    def time_passes(self) -> Any:
        self.now += self.random.choice([0.0, 1.0, 2.0, 5.0, 20.0, 40.0])
        steps = 0
        while decide(self.state, Expire(), self.facts):
            self.tell(Expire())
            steps += 1
            assert steps < 20, "time does not come to an end"
        for event in lapsed(self.state, self.now):
            self.take(event)
        due = self.state.deadline()
        assert due is None or due > self.now, "I8: something outlives its deadline"
        return Expire()

    def begins(self) -> Any:
        if self.state.status is Status.ENDED:  # It stays so: what follows is another one.
            self.state, self.log = Conversation(), []
        return Begin(told(HELLO), self.random.choice(["", "a1"]))

    def begins_or_not(self) -> Any:
        return self.random.choice([self.begins, lambda: Begin(told(HELLO), "")])()

    # What must hold.

    def step(self) -> None:
        """Tell one thing."""
        if not self.random.randrange(40):
            self.desk = self.random.choice(DESKS)
        if self.state.status is Status.ENDED and self.random.randrange(3):
            self.tell(self.begins())
        make = self.random.choices(list(CAN_BE_TOLD), list(CAN_BE_TOLD.values()))[0]
        self.tell(make(self))

    def tell(self, command: Any) -> None:
        """Decide, check what was decided, apply it, check what has come of it."""
        state = self.state
        before, transferring = state.assignee, state.transfer
        kind = type(command)
        self.been |= {(state.status, kind), (transfer.phase(state), kind)}
        self.been |= {(conference.standing(state, agent), kind) for agent in ("a2", "far")}
        outcome = decide(state, command, self.facts)
        self.story.append((command, outcome))
        if isinstance(outcome, Refusal):
            assert outcome.message
            return
        for event in outcome:
            self.take(event)
        if state.assignee != before:
            assert any(isinstance(event, GIVES) for event in outcome)
            self.was_not_lost(before, transferring, outcome)
        assert_whole(state)
        assert transfer.phase(state) in transfer.TABLE
        assert state.status in TABLE
        assert state.status is Status.NEW or state.department in ("help", "sales")

    def take(self, event: Any) -> None:
        state = self.state
        streams = audience(state, event)
        assert len(set(streams)) == len(streams), "somebody would hear it twice"
        assert not any(stream.endswith("/") for stream in streams), "nobody is called that"
        entry = Entry("acme", "conversation", "c1", state.sequence + 1, self.now, event, streams)
        for stream in streams:
            told_news = delivery(stream, 1, entry).news
            if stream[0] == "c" and isinstance(event, events.AgentWrote):
                assert not told_news.author, "G11: the customer is shown the helper"  # type: ignore[union-attr]
        self.look_at_offers(event)
        apply(state, event, state.sequence + 1, self.now)
        self.log.append(entry)

    def look_at_offers(self, event: Any) -> None:
        """I6: at most one live offer, by the events alone."""
        match event:
            case events.Offered():
                assert not self.offers, f"{event} while {self.offers} is live"
                self.offers.append(event.offer)
            case events.OfferDeclined() | events.OfferExpired() | events.OfferWithdrawn():
                assert self.offers == [event.offer]
                self.offers.clear()
            case events.Assigned():
                assert self.offers == [event.offer] if event.offer else not self.offers
                self.offers.clear()
            case events.Ended():
                assert not self.offers

    def was_not_lost(self, before: str, transferring: Any, outcome: list[Any]) -> None:
        """The owner is never lost by a transfer that has failed."""
        lost = any(isinstance(event, events.Released | events.Ended | events.Muted) for event in outcome)
        if before and transferring is not None and not lost:
            ended = [event for event in outcome if isinstance(event, events.TransferEnded)]
            given = [event for event in outcome if isinstance(event, events.Assigned)]
            assert ended, "the assignee has changed and the transfer goes on"
            assert ended[-1].outcome == "accepted" or given[-1].how == "handed_over"

    def shut_or_invited(self) -> Shut | BeginProactively:
        """The customer is blocked, seldom; or an agent would begin what has begun already."""
        if not self.random.randrange(8):
            return Shut(self.someone())
        invited = InviteVisitor(ID, "a1", "web", "ann", Text("Need help?"))
        return BeginProactively(told(invited), "c1", "a2", Known())

    def fold(self) -> Conversation:
        """Return the state that the events say."""
        folded = Conversation()
        for entry in self.log:
            apply(folded, entry.event, entry.sequence, entry.at)
        return folded


#: How often each is told. What ends a conversation or its ownership comes seldom: transfers need time.
CAN_BE_TOLD: dict[Callable[[Life], Any], int] = {
    Life.begins_or_not: 1,
    lambda _: HELLO: 4,
    lambda _: CustomerLeft(ID, "web", "ann"): 1,
    lambda _: CustomerActed(ID, "web", "ann", "scan"): 1,
    lambda life: VisitChanged(life.random.choice(["connect", "disconnect"])): 1,
    lambda life: DeliveryReport(ID, "web", "c1", max(life.state.sequence, 1), "failed"): 1,
    Life.ends: 2,
    Life.sets_status: 4,
    Life.comes_or_goes: 1,
    lambda life: CancelEnd(ID, life.someone(), "c1"): 1,
    lambda life: Reopen(ID, life.someone(), "c1"): 2,
    lambda life: Reopening(told(Reopen(ID, life.someone(), "c1"))): 2,
    lambda life: AddNote(ID, life.someone(), "c1", "note"): 1,
    lambda life: Tag(ID, life.someone(), "c1", [life.random.choice("ab")], [life.random.choice("ab")]): 1,
    lambda _: CustomerRating(ID, "web", "ann", 5): 1,
    lambda life: Mute(life.someone()): 1,
    Life.shut_or_invited: 1,
    lambda life: Unmute(life.someone()): 3,
    Life.channel_goes: 1,
    lambda life: AgentMessage(ID, life.someone(), "c1", Text("hello")): 4,
    Life.offers_to: 10,
    Life.answers_offer: 6,
    lambda life: AssignDirectly(life.someone(), Why()): 2,
    Life.takes: 3,
    Life.transfers: 10,
    lambda life: CancelTransfer(ID, life.someone(), "c1"): 1,
    Life.invites: 6,
    Life.answers_invitation: 8,
    lambda life: CancelInvitation(ID, life.someone(), "c1", life.someone()): 1,
    lambda life: Leave(ID, life.someone(), "c1"): 1,
    lambda life: EndConference(ID, life.someone(), "c1"): 1,
    lambda life: WithdrawOffer(life.someone(), "away"): 1,
    lambda life: Release(life.someone(), "gone"): 1,
    lambda life: OwnerGone(life.someone(), "gone"): 1,
    lambda life: OwnerBack(life.someone()): 1,
    Life.hands_over: 1,
    lambda life: MoveTo(life.random.choice(["help", "sales"]), "queue_full"): 1,
    lambda _: TurnAway("queue_full", "Sorry."): 1,
    lambda _: Greet("online", "Hello!"): 1,
    Life.time_passes: 4,
}


@pytest.mark.rule("G4", "G6", "G7", "G9", "G10", "G11", "D6", "D11", "guarantee-G7", "guarantee-G9")
@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_whatever_a_conversation_is_told_it_has_one_owner_one_offer_and_one_place(seed: int) -> None:
    life = Life(Random(seed))
    life.tell(life.begins())
    try:
        for _ in range(120):
            life.step()
        assert life.fold() == life.state
    except AssertionError as error:
        told_last = "\n".join(map(str, life.story[-12:]))
        raise AssertionError(f"{error}\nwhat was told last:\n{told_last}") from error


def test_the_walk_comes_everywhere() -> None:
    """A walk that never transfers anything would prove nothing."""
    everything = {(at, command) for at in transfer.Phase for command in transfer.TABLE[at]}
    everything |= {(status, command) for status in Status for command in ONE_OF_EACH}
    everything |= {
        (at, command)
        for at in conference.Standing
        for command in conference.TABLE[at].keys() & ONE_OF_EACH.keys()
    }
    missing = {(at, command) for at, command in everything if at.name not in ("NEW", "ENDED")}
    for seed in range(1_400):
        life = Life(Random(seed))
        for _ in range(120):
            life.step()
        missing -= life.been
        if not missing:
            break
    assert not missing
