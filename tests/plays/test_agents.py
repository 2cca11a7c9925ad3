"""Agents who come and go, on a real daemon: devices, a supervisor, inactivity, handing over."""

from __future__ import annotations

import pytest

from protocol.client.events import AgentLost
from protocol.errors import CommandRefused, LocalProtocolError
from protocol.news import Assigned, PresenceChanged
from protocol.teamwork import HandedOver, LogoutWarning
from tests.plays.conftest import Town
from tests.plays.theatre import House, desk_text, until

TWO = {"office": None, "phone": None}
INACTIVE = "inactivity_logout_s = 2\ninactivity_warning_s = 1"


@pytest.mark.rule("B1", "B2", "B3", "B4")
def test_who_clicks_nothing_is_warned_logged_out_on_all_devices_and_stays_out(town: Town) -> None:
    town.opens("anna", consoles=TWO, extra=INACTIVE)
    desktop, phone = town.console(), town.house.console(f"{town.tenant}:phone")
    anna, on_phone = desktop.agent("anna"), phone.agent("anna")
    anna.hears(LogoutWarning)
    desktop.client.still_here("anna")
    # The other device learns that the warning is over, and of the next one.
    warnings = [on_phone.hears(LogoutWarning).logout_at for _ in range(3)]
    assert warnings[1] == 0.0
    assert warnings[2] > warnings[0] > 0.0
    for console, agent in ((desktop, anna), (phone, on_phone)):
        lost = console.told(AgentLost)
        assert lost.agent == "anna"
        assert "nothing was sent or clicked" in lost.message
        with pytest.raises((CommandRefused, LocalProtocolError)):
            agent.chooses("online")
    town.gateway().writes("olena")
    # Nobody has logged in again behind the agent's back.
    again = desktop.agent("anna")
    assert again.snapshot.presence == "online"
    assert [offer.contact for offer in again.snapshot.offers] == ["olena"]


@pytest.mark.rule("A5")
def test_a_supervisor_ends_a_ghosts_sessions_and_the_next_gets_the_conversation(town: Town) -> None:
    """PEERS c7: Rocket.Chat#10172, #7399; zammad#1075: "still available after they close the browser"."""
    supervisor = '[agents.vera]\nname = "Vera"\ndepartments = ["help"]\nrole = "supervisor"'
    text = desk_text(town.tenant, ["anna", "boris"], consoles=TWO)
    password = text.split('password = "')[1].split('"')[0]
    town.house.apply(f'{text}\n{supervisor}\npassword = "{password}"\n')
    home, office = town.console(), town.house.console(f"{town.tenant}:phone")
    anna = home.agent("anna")
    begun = town.gateway().writes("olena")
    anna.accepts(anna.is_offered())
    vera, boris = office.agent("vera"), office.agent("boris")
    vera.chooses("away")
    office.client.end_session("vera", "anna", "gone home")
    assert home.told(AgentLost).message == "logged out by vera: gone home"
    assert boris.is_offered().conversation == begun.conversation
    with pytest.raises((CommandRefused, LocalProtocolError)):
        anna.says(begun.conversation, "still here")


@pytest.mark.rule("A4", "A5", "A13")
def test_an_agent_hands_everything_over_and_goes_home(town: Town) -> None:
    town.opens("anna", "boris", consoles=TWO)
    console = town.console()
    anna = console.agent("anna")
    gateway = town.gateway()
    begun = []
    for contact in ("olena", "petro"):
        begun.append(gateway.writes(contact).conversation)
        anna.accepts(anna.is_offered())
    boris = town.house.console(f"{town.tenant}:phone").agent("boris")
    console.client.hand_over("anna", "offline", to_agent="boris")
    moved = anna.hears(HandedOver).results
    assert sorted((each.conversation, each.outcome, each.to_agent) for each in moved) == sorted(
        (conversation, "assigned", "boris") for conversation in begun
    )
    assert {boris.hears(Assigned).agent for _ in begun} == {"boris"}
    assert console.told(AgentLost).message == "handed over"
    for conversation in begun:
        boris.says(conversation, "Boris here.")


def test_of_two_devices_one_dies_and_the_agent_stays_with_the_other() -> None:
    """PEERS c8: chatwoot#5436, #14452: a tab in the background, and the agent was offline."""
    desk = desk_text(consoles=TWO, grace_s=0)
    with House(desk) as house:
        phone, office = house.console("acme:phone"), house.console()
        phone.agent("anna")
        anna = office.agent("anna")
        begun = house.gateway().writes("olena")
        anna.accepts(anna.is_offered())
        phone.client.close()
        until(lambda: house.status()["connections"]["console"] == 1, "the phone has gone")
        anna.says(begun.conversation, "Still with you.")
        assert anna.presence() == "online"
        changed = [item for item in anna.ear.deliveries if isinstance(item.news, PresenceChanged)]
        assert [item.news.presence for item in changed] in ([], ["online"])


@pytest.mark.rule("A6", "guarantee-G1")
def test_logged_in_and_open_for_chats_are_two_things_and_the_choice_is_kept_at_once() -> None:
    with House(desk_text(agents=("anna",), consoles=TWO)) as house:
        anna = house.console().agent("anna")
        anna.chooses("offline")
        house.gateway().writes("olena")
        assert anna.client.read_queue("anna", "help").total == 1, "logged in, and not asked"
        house.restart()
        again = house.console("acme:phone").agent_with_token("anna", anna.token)
        assert (again.snapshot.presence, again.snapshot.offers) == ("offline", [])
        again.chooses("online")
        assert again.is_offered().contact == "olena"
