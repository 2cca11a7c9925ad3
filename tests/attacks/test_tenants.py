"""What is somebody else's: tenants, channels, conversations, offers, agents; replays; passwords
(A05, A06, A08).
"""

from typing import Any

import pytest

from protocol.content import Text
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    End,
    LoggedIn,
    Login,
    Logout,
    ReadThread,
    Received,
    Refused,
    SetPresence,
    Subscribe,
)
from protocol.news import OfferMade
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Explain,
    Invite,
    Join,
    Leave,
    ReadPosition,
    RefuseInvitation,
    Take,
    Transfer,
    WhyNot,
)
from tests.attacks.conftest import Fort
from tests.plays.theatre import PASSWORD
from tests.plays.wire import Peer, new_id


def said(peer: Peer, command: Any, *names: str) -> tuple[str, str]:
    """Send a command; return what was answered, without the names that the sender put in."""
    answer = peer.answer(command)
    if not isinstance(answer, Refused):
        return type(answer).__name__, ""
    text = answer.message
    for name in names:
        text = text.replace(name, "_")
    return answer.code, text


def offer_to(console: Peer) -> Any:
    """Wait for an offer."""
    while True:
        delivery = console.hears(Delivery)
        if isinstance(delivery.news, OfferMade):
            return delivery.news.offer


@pytest.mark.rule("guarantee-G15")
def test_a05_channels_and_streams_of_others_are_as_if_they_did_not_exist(fort: Fort) -> None:
    """A05: for a gateway, another gateway's channel and a channel that is nowhere are the same."""
    evil = fort.shop(name="evil")
    for channel in ("web", "nowhere"):
        message = CustomerMessage(new_id(), channel, "olena", Text("Hello?"))
        assert said(evil, message, channel) == ("NOT_ALLOWED", "no channel '_' of this gateway")
        left = CustomerLeft(new_id(), channel, "olena")
        assert said(evil, left, channel) == ("NOT_ALLOWED", "no channel '_' of this gateway")
    wanted = [
        "channel/web",
        "channel/nowhere",
        "agent/anna",
        "agent/nobody",
        "mailbox/web",
        "///",
        "channel/",
    ]
    answers = {said(evil, Subscribe(new_id(), stream)) for stream in wanted}
    assert answers == {("NOT_ALLOWED", "no stream of this peer has that name")}
    evil.say(Received("channel/web", 1))
    assert evil.refusal().code == "OUT_OF_ORDER"


def test_a05_a_gateway_may_not_speak_for_agents_nor_a_console_for_customers(fort: Fort) -> None:
    """A05: what a role may not send is refused before anything is looked up."""
    shop, office = fort.shop(), fort.office("anna")
    for command in (
        Login(new_id(), "anna", PASSWORD),
        SetPresence(new_id(), "anna", "away"),
        AgentMessage(new_id(), "anna", "x", Text("x")),
        ReadThread(new_id(), "anna", "x"),
        Transfer(new_id(), "anna", "x", "boris"),
        Explain(new_id(), "anna", "x"),
        Logout(new_id(), "anna"),
    ):
        assert shop.code(command) == "NOT_ALLOWED"
    assert office.code(CustomerMessage(new_id(), "web", "olena", Text("x"))) == "NOT_ALLOWED"
    assert office.code(CustomerLeft(new_id(), "web", "olena")) == "NOT_ALLOWED"
    assert office.code(ReadPosition(new_id(), "web", "olena")) == "NOT_ALLOWED"


@pytest.mark.rule("guarantee-G15")
def test_a05_conversations_offers_and_agents_of_others_are_as_if_they_did_not_exist(fort: Fort) -> None:
    """A05: the colleague's, the neighbour's, and what is nowhere get the same answer."""
    shop, office = fort.shop(), fort.office("anna")
    office.subscribes("agent/anna")
    office.say(SetPresence(new_id(), "anna", "online"))
    shop.answer(CustomerMessage(new_id(), "web", "a05", Text("A secret")))
    offer = offer_to(office)
    real, live = offer.conversation, offer.offer
    colleague, neighbour = fort.office("boris", name="home"), fort.office("anna", "boris", tenant="rival")
    nowhere = "a" * len(real)

    def everything(agent: str, conversation: str, offer: str) -> list[Any]:
        return [
            Accept(new_id(), agent, conversation, offer),
            Decline(new_id(), agent, conversation, offer),
            AgentMessage(new_id(), agent, conversation, Text("Hello")),
            End(new_id(), agent, conversation),
            ReadThread(new_id(), agent, conversation),
            Transfer(new_id(), agent, conversation, agent),
            CancelTransfer(new_id(), agent, conversation),
            Invite(new_id(), agent, conversation, agent),
            CancelInvitation(new_id(), agent, conversation, agent),
            Join(new_id(), agent, conversation, offer),
            RefuseInvitation(new_id(), agent, conversation, offer),
            Leave(new_id(), agent, conversation),
            EndConference(new_id(), agent, conversation),
            Explain(new_id(), agent, conversation),
        ]

    def of_queues(agent: str, conversation: str) -> list[Any]:
        """What whoever serves the department may well ask about: for the neighbour alone."""
        return [Take(new_id(), agent, conversation), WhyNot(new_id(), agent, conversation, agent)]

    for assigned in (False, True):
        if assigned:
            assert isinstance(office.answer(Accept(new_id(), "anna", real, live)), Ack)
        for peer, agent in ((colleague, "boris"), (neighbour, "boris"), (neighbour, "anna")):
            theirs = [said(peer, command) for command in everything(agent, real, live)]
            none = [said(peer, command) for command in everything(agent, nowhere, nowhere)]
            assert theirs == none
            assert {code for code, _ in theirs} == {"NOT_ALLOWED", "OFFER_GONE"}
        theirs = [said(neighbour, command) for command in of_queues("boris", real)]
        assert theirs == [said(neighbour, command) for command in of_queues("boris", nowhere)]
        assert {code for code, _ in theirs} == {"NOT_ALLOWED"}
    # In the name of an agent who is logged in elsewhere, or nowhere.
    for agent in ("anna", "nobody"):
        commands = [*everything(agent, real, live), SetPresence(new_id(), agent, "away")]
        assert {said(colleague, command)[0] for command in commands} == {"NOT_AUTHENTICATED"}
        assert isinstance(colleague.answer(Logout(new_id(), agent)), Ack)
    # Nothing of this has changed anything.
    assert isinstance(office.answer(AgentMessage(new_id(), "anna", real, Text("Here"))), Ack)
    assert isinstance(office.answer(End(new_id(), "anna", real)), Ack)
    assert not [message for message in neighbour.heard + colleague.heard if isinstance(message, Delivery)]


@pytest.mark.rule("guarantee-G3")
def test_a06_a_replayed_frame_has_no_second_effect(fort: Fort) -> None:
    """A06: the same bytes again, on this connection, on the next, and from another sender."""
    command = CustomerMessage(new_id(), "web", "a06", Text("Pay 100"))
    shop = fort.shop()
    first = shop.answer(command)
    again = shop.answer(command)
    later = fort.shop().answer(command)
    assert (first.duplicate, again.duplicate, later.duplicate) == (False, True, True)
    assert len({(ack.position, ack.sequence) for ack in (first, again, later)}) == 1
    assert fort.shop(name="evil").code(command) == "NOT_ALLOWED"
    # The neighbour's own message under the same id is its own.
    assert fort.shop("rival").answer(command).conversation != first.conversation
    changed = CustomerMessage(command.id, "web", "a06", Text("Pay 999"))
    assert fort.shop().code(changed) == "ID_REUSED"


def test_a08_guessing_a_password_has_to_wait_and_an_unknown_agent_looks_the_same(fort: Fort) -> None:
    """A08: five tries, then ever longer waits; an account that is there looks like one that is not."""
    office = fort.office(tenant="rival", name="evil")
    heard: dict[str, list[tuple[str, str, float]]] = {}
    for agent in ("boris", "nobody", "x' OR 1=1 --"):
        answers = [office.answer(Login(new_id(), agent, f"guess {number}")) for number in range(7)]
        heard[agent] = [(a.code, a.message, float(a.retry_after_s > 0)) for a in answers]
    assert [code for code, _, _ in heard["boris"]] == ["NOT_AUTHENTICATED"] * 5 + ["BUSY"] * 2
    assert heard["boris"] == heard["nobody"] == heard["x' OR 1=1 --"]
    # The right password has to wait as well; other accounts do not.
    assert office.code(Login(new_id(), "boris", PASSWORD)) == "BUSY"
    assert isinstance(office.answer(Login(new_id(), "anna", PASSWORD)), LoggedIn)
    assert "guess" not in fort.stderr()


def test_a08_a_storm_of_logins_is_bounded_and_the_others_go_on(fort: Fort) -> None:
    """A08: what does not fit the queue is BUSY at once; pings are answered meanwhile."""
    shop, office = fort.shop(), fort.office(name="evil")
    commands = [Login(new_id(), f"nobody-{number}", "guess") for number in range(60)]
    office.say(*commands)
    assert shop.is_answered()
    codes = [office.refusal().code for _ in commands]
    assert set(codes) == {"BUSY", "NOT_AUTHENTICATED"}
    assert codes.count("NOT_AUTHENTICATED") <= 10
    assert isinstance(office.answer(Login(new_id(), "anna", PASSWORD)), LoggedIn)
