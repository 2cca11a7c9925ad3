"""Canaries in everything that a gateway can say and an agent can write, and nobody at a console sees one.

What is searched are the frames as they come over the socket, the log at its finest, and /metrics. The play
knows hardly a message by name: whatever the wire can say is said here from the day it can be said.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from protocol.content import Text
from protocol.customers import CustomerView, InviteVisitor, ReadCustomer, VisitorEntered
from protocol.errors import Code
from protocol.history import ReadVisitors, Visitors
from protocol.messages import (
    Accept,
    Ack,
    AgentCommand,
    CustomerMessage,
    Delivery,
    GatewayCommand,
    Hint,
    Logout,
    Question,
    ReadThread,
)
from protocol.news import OfferMade
from protocol.teamwork import EndSession, HandOver
from tests.canary_texts import CANARIES, filled, seen_in
from tests.plays.theatre import House, desk_text, until
from tests.plays.wire import Peer, new_id

BOTH = "mask_payment = true\nmask_personal = true"
#: They end the session of who sends them, so they come last.
LAST = (HandOver, EndSession, Logout)
#: Named by the desk, so that the message is about something.
KNOWN = {
    "agent": "anna",
    "of_agent": "boris",
    "invited": "boris",
    "to_agent": "boris",
    "to_department": "",
    "presence": "away",
    "limit": 100,
    "after": 0,
}


def opened(masking: str) -> House:
    """Open a house where Anna may do everything."""
    text = desk_text(capacity=1_000, extra=masking)
    text = text.replace("[agents.anna]\n", '[agents.anna]\nrole = "supervisor"\n')
    limits = {"frames_per_second": 10_000, "frame_burst": 10_000}
    return House(text, http=True, log={"level": "debug"}, limits=limits)


def says(peer: Peer, kind: type[Any], **given: Any) -> None:
    """Send all messages of a kind, canaries in every text that is not given; wait until they are through."""
    given = {name: value for name, value in given.items() if name in kind.__struct_fields__}
    for message in filled(kind, id=new_id(), **given):
        peer.say(message)
        assert peer.is_answered(), kind


def speaks_for_everybody(gateway: Peer) -> None:
    """Say everything that a gateway can say, of customers who are canaries themselves."""
    for contact in CANARIES.values():
        for kind in (*get_args(GatewayCommand), *_hints_with("contact")):
            says(gateway, kind, channel="web", contact=contact)
        # They have conversations in the end, whatever came before.
        says(gateway, CustomerMessage, channel="web", contact=contact, skills={}, department="")


def _hints_with(field: str) -> list[type[Any]]:
    return [kind for kind in get_args(Hint) if field in kind.__struct_fields__]


def does_everything(console: Peer) -> None:
    """Say and ask everything that an agent can, about every conversation that was offered."""
    offers = {}
    for told in console.heard:
        if isinstance(told, Delivery) and isinstance(told.news, OfferMade):
            offers[told.conversation] = (told.stream.partition("/")[2], told.news.offer.offer)
    assert len(offers) >= len(CANARIES)
    questions = [kind for kind in get_args(Question) if "agent" in kind.__struct_fields__]
    for conversation, (agent, offer) in offers.items():
        says(console, Accept, agent=agent, conversation=conversation, offer=offer)
        for kind in (*get_args(AgentCommand), *_hints_with("agent"), *questions):
            if kind not in LAST:
                says(console, kind, **KNOWN, conversation=conversation, department="help", channel="web")
        for asker in ("anna", "boris"):
            says(console, ReadThread, agent=asker, conversation=conversation, after=0, limit=500)
    for agent in ("anna", "boris"):
        console.subscribes(f"agent/{agent}")
    assert console.is_answered()
    for kind in LAST:
        says(console, kind, **KNOWN)


def played(house: House) -> Peer:
    """Play it all; return the console's end of the wire."""
    with Peer(house.consoles) as console, Peer(house.gateways) as gateway:
        console.says_hello("console", "acme:office")
        gateway.says_hello("gateway", "acme:shop")
        gateway.subscribes("channel/web", 0, 256)
        for agent in ("anna", "boris"):
            console.logs_in(agent)
            console.subscribes(f"agent/{agent}", 0)
        speaks_for_everybody(gateway)
        assert console.is_answered()
        does_everything(console)
        assert gateway.is_answered()
        assert any(seen_in(frame) for frame in gateway.frames), "to a channel nothing is masked"
        return console


@pytest.mark.rule("M3", "M6", "M7")
@pytest.mark.parametrize("masking", ["", BOTH], ids=["off", "on"])
def test_no_console_sees_a_canary_with_masking_on_and_no_log_or_metric_ever_does(masking: str) -> None:
    with opened(masking) as house:
        frames = played(house).frames
        metrics = house.fetch("/metrics")[1]
        assert house.stop() == 0
        log = house.stderr()
    assert len(frames) > 50
    assert "agent.logged_in" in log or "peer.connected" in log
    assert seen_in(log) == []
    assert seen_in(metrics) == []
    seen = {shard.partition(":")[0] for frame in frames for shard in seen_in(frame)}
    assert seen == (set() if masking else set(CANARIES))


@pytest.mark.rule("M6", "C8")
def test_a_visitor_whose_contact_is_masked_can_be_written_to_by_the_reference() -> None:
    phone = CANARIES["phone"]
    with opened(BOTH) as house, Peer(house.consoles) as console, Peer(house.gateways) as gateway:
        console.says_hello("console", "acme:office")
        gateway.says_hello("gateway", "acme:shop")
        console.logs_in("anna")
        gateway.answer(VisitorEntered(new_id(), "web", phone, authenticated=True))

        def online() -> Any:
            seen = console.answer(ReadVisitors(new_id(), "anna", "online"))
            # Right after the start the archive may still be being made.
            assert isinstance(seen, Visitors) or seen.code == Code.BUSY, seen
            return getattr(seen, "visitors", ())

        (visitor,) = until(online, "the visitor is in the list")
        assert visitor.contact == "*********7542"
        asked = console.answer(ReadCustomer(new_id(), "anna", "web", visitor.reference))
        assert isinstance(asked, CustomerView)
        assert (asked.contact, asked.online) == ("*********7542", True)
        invited = InviteVisitor(new_id(), "anna", "web", visitor.reference, Text("May I help?"))
        assert isinstance(console.answer(invited), Ack)
        assert not any(seen_in(frame) for frame in console.frames)
