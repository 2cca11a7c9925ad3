"""Who gets the customer, on a real daemon: several consoles at once, each a connection of its own."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from protocol.errors import CommandRefused
from protocol.messages import Ack
from protocol.news import Assigned
from protocol.teamwork import TransferEnded, TransferStarted
from tests.plays.conftest import Town
from tests.plays.theatre import Agent, desk_text

TWO = {"office": None, "phone": None}


def opens(town: Town, department: str = "", **settings: object) -> tuple[Agent, Agent]:
    """Bring a desk into force, and have two agents log in, each from an own console."""
    text = desk_text(town.tenant, ("anna", "boris"), consoles=TWO, **settings)  # type: ignore[arg-type]
    town.house.apply(text.replace('name = "Help"', f'name = "Help"\n{department}'))
    return town.console().agent("anna"), town.console("phone").agent("boris")


def at_once(*acts: object) -> list[object]:
    """Do things in threads that start together; return what came of each, refusals too."""
    gate, results = threading.Barrier(len(acts)), [object()] * len(acts)

    def run(place: int, act: object) -> None:
        gate.wait()
        try:
            results[place] = act()  # type: ignore[operator]
        except CommandRefused as refused:
            results[place] = refused

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.rule("D4", "D6", "guarantee-G7")
def test_two_agents_grab_the_same_customers_and_each_has_one_owner(town: Town) -> None:
    """fazer-ai/chatwoot#359: 93 contested pairs in a day; RocketChat/Rocket.Chat#22206."""
    anna, boris = opens(town, 'mode = "pull"', capacity=10)
    gateway = town.gateway()
    begun = [gateway.writes(f"customer{number}").conversation for number in range(8)]
    owners: Counter[str] = Counter()
    for ident in begun:
        results = at_once(
            lambda ident=ident: anna.client.take("anna", ident),
            lambda ident=ident: boris.client.take("boris", ident),
        )
        won = [name for name, it in zip(("anna", "boris"), results, strict=True) if isinstance(it, Ack)]
        (lost,) = [it for it in results if isinstance(it, CommandRefused)]
        assert (len(won), lost.code) == (1, "TAKEN")
        assert won[0] in lost.message, "the loser learns who was quicker"
        owners[won[0]] += 1
    assert owners.total() == len(begun)
    mine = [anna.hears(Assigned).agent for _ in range(owners["anna"])]
    assert set(mine) <= {"anna"}


@pytest.mark.rule("D3", "D6", "guarantee-G8")
def test_who_asks_for_the_next_gets_a_customer_of_his_own_as_long_as_there_is_room(town: Town) -> None:
    """RocketChat/Rocket.Chat#37776: limit three, four chats given."""
    anna, boris = opens(town, 'mode = "pull"', capacity=3)
    gateway = town.gateway()
    for number in range(8):
        gateway.writes(f"customer{number}")
    asks = [
        lambda agent=agent: agent.client.take_next(agent.name) for _ in range(4) for agent in (anna, boris)
    ]
    results = at_once(*asks)
    taken = [it.conversation for it in results if isinstance(it, Ack)]
    assert len(taken) == len(set(taken)) == 6, "three each, and nobody's twice"
    assert {it.code for it in results if isinstance(it, CommandRefused)} == {"UNAVAILABLE"}


@pytest.mark.rule("G1", "G4", "G7", "guarantee-G7")
def test_a_transfer_is_the_owners_until_the_colleague_consents(town: Town) -> None:
    """RocketChat/Rocket.Chat#3915: confirm or decline a forwarded chat."""
    anna, boris = opens(town)
    boris.chooses("transfer_only")
    begun = town.gateway().writes("olena")
    anna.accepts(anna.is_offered())
    anna.client.transfer("anna", begun.conversation, to_agent="boris", note="speaks Polish")
    offer = boris.is_offered()
    assert (offer.kind, offer.from_agent, offer.note) == ("transfer", "anna", "speaks Polish")
    assert anna.hears(TransferStarted).to_agent == "boris"
    anna.says(begun.conversation, "One moment, please.")
    boris.declines(offer)
    assert anna.hears(TransferEnded).outcome == "declined"
    anna.says(begun.conversation, "It is me again.")
    anna.client.transfer("anna", begun.conversation, to_agent="boris")
    boris.accepts(boris.is_offered())
    assert boris.hears(Assigned).agent == "boris"
    with pytest.raises(CommandRefused):
        anna.says(begun.conversation, "Am I still here?")
