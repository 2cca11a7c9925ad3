"""The private hooks of pykka that actors/scheduled.py stands on. Fails loudly when an upgrade moves one."""

from __future__ import annotations

import inspect
import threading
from importlib.metadata import version
from typing import Any

import pykka
import pykka._envelope
import pytest

from actors.clock import VirtualClock
from actors.journal import Address
from actors.runtime import System
from actors.scheduled import ScheduledActor
from daemon.stores.memory import MemoryStore
from tests.stage import Failures


class Parrot(ScheduledActor):
    """Answers what it was told."""

    kind = "parrot"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "cough":
            raise ValueError("a cough")
        self.heard.append(message)
        return f"{message}, {message}"

    def sequence(self) -> int:
        return 0

    def freeze(self) -> None:
        return None


@pytest.fixture
def system() -> System:
    made = System(MemoryStore(), {"parrot": Parrot}, Failures(), lambda: "id")
    made.recover(made.store.open(), VirtualClock().now())
    made.begin(1.0)
    return made


@pytest.fixture
def parrot(system: System) -> Parrot:
    actor = system.wake(("parrot", "acme", "polly"))
    assert isinstance(actor, Parrot)
    return actor


@pytest.mark.parametrize(
    ("hook", "parameters"),
    [
        ("_create_actor_inbox", []),
        ("_create_future", []),
        ("_start_actor_loop", ["self"]),
        ("_handle_receive", ["self", "message"]),
        ("on_receive", ["self", "message"]),
    ],
)
def test_a_hook_is_where_it_was(hook: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(pykka.Actor, hook)).parameters) == parameters


def test_an_envelope_has_a_message_and_a_place_for_the_answer() -> None:
    envelope = pykka._envelope.Envelope("hello")
    assert (envelope.message, envelope.reply_to) == ("hello", None)


def test_a_reference_takes_from_an_actor_only_what_ours_can_make() -> None:
    source = inspect.getsource(pykka.ActorRef.__init__)
    for name in ("actor_urn", "actor_inbox", "actor_stopped"):
        assert name in source
    assert version("pykka").startswith("4.")


def test_telling_through_a_reference_goes_through_the_ready_queue(system: System, parrot: Parrot) -> None:
    reference = parrot.actor_ref
    reference.tell("hello")
    reference.tell("again")
    assert parrot.heard == []
    system.run()
    assert parrot.heard == ["hello", "again"]


def test_asking_through_a_reference_gets_the_answer_or_the_exception(system: System, parrot: Parrot) -> None:
    good, bad = parrot.actor_ref.ask("hello", block=False), parrot.actor_ref.ask("cough", block=False)
    system.run()
    assert good.get(timeout=0) == "hello, hello"
    with pytest.raises(ValueError, match="a cough"):
        bad.get(timeout=0)
    assert system.observer.seen == []  # type: ignore[attr-defined]


def test_no_thread_is_started_and_the_registry_stays_empty(system: System) -> None:
    before = threading.active_count()
    for number in range(500):
        system.tell(("parrot", "acme", str(number)), "hello")
    system.run()
    assert len(system.actors) == 500
    assert threading.active_count() == before
    assert pykka.ActorRegistry.get_all() == []


def test_an_actor_makes_nothing_that_only_references_need(system: System, parrot: Parrot) -> None:
    system.tell(parrot.address, "hello")
    system.run()
    assert not {"actor_urn", "actor_inbox", "actor_stopped", "_actor_ref"} & vars(parrot).keys()
    with pytest.raises(AttributeError, match="no attribute 'wings'"):
        parrot.wings  # noqa: B018
