"""Parked actors that wait for a time: woken from the store when it comes, costing no memory until then."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from actors.clock import VirtualClock
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.scheduled import ScheduledActor
from actors.telling import Tick
from daemon.stores.memory import MemoryStore
from tests.stage import Failures

DAYS_S = 86_400.0


class Sleeper(ScheduledActor):
    """Wants to be woken at a time, and may leave memory until then."""

    kind = "sleeper"
    woke: ClassVar[list[tuple[str, float]]] = []

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.system = system
        self.deadline = None

    def on_receive(self, message: Any) -> None:
        if type(message) is Tick:
            if self.deadline is not None and message.now >= self.deadline:
                self.woke.append((self.address[2], message.now))
                self.deadline = None
                self.unsettled = True
        elif message != "look":
            self.deadline, self.unsettled = message, True

    def settle(self) -> None:
        self.system.write_behind.urgent(self.address, self.system.head + 1)

    def sequence(self) -> int:
        return 1

    def may_park(self) -> bool:
        return True

    def freeze(self) -> SnapshotRow:
        return SnapshotRow(self.address, 0, repr(self.deadline).encode(), wake_at=self.deadline)

    def thaw(self, body: bytes) -> None:
        self.deadline = None if body == b"None" else float(body)


class House:
    """A system of sleepers."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), VirtualClock()
        self.restart()

    def restart(self) -> None:
        self.system = System(self.store, {"sleeper": Sleeper}, Failures(), lambda: "id")
        self.system.recover(self.store.open(), self.clock.now())

    def turn(self, told: dict[str, Any] | None = None, *, park: bool = False) -> None:
        system = self.system
        system.begin(self.clock.now())
        for ident, message in (told or {}).items():
            system.tell(("sleeper", "acme", ident), message)
        system.fire_timers()
        system.run()
        if park:
            system.park_idle(self.clock.now())
        batch = system.seal(tidy=True)
        if batch is not None:
            self.store.commit(batch)
        system.release(batch)


@pytest.fixture
def house() -> House:
    Sleeper.woke = []
    return House()


@pytest.mark.rule("F4")
def test_a_parked_actor_is_woken_after_twenty_eight_days_and_costs_nothing_until_then(house: House) -> None:
    begin = house.clock.now()
    house.turn({"one": begin + 28 * DAYS_S}, park=True)
    assert not house.system.actors
    assert not len(house.system.timers)
    house.clock.advance(28 * DAYS_S - 1)
    house.turn()
    assert Sleeper.woke == []
    house.clock.advance(1)
    house.turn()
    assert Sleeper.woke == [("one", begin + 28 * DAYS_S)]


def test_times_that_have_come_while_nobody_was_there_are_made_up_for_after_a_restart(house: House) -> None:
    begin = house.clock.now()
    house.turn({"one": begin + 10, "two": begin + 2 * DAYS_S}, park=True)
    house.clock.advance(DAYS_S)
    house.restart()
    house.turn()
    assert Sleeper.woke == [("one", begin + DAYS_S)]
    house.clock.advance(2 * DAYS_S)
    house.turn()
    assert [ident for ident, _ in Sleeper.woke] == ["one", "two"]


def test_whoever_was_woken_only_to_be_read_keeps_its_time(house: House) -> None:
    begin = house.clock.now()
    house.turn({"one": begin + 100}, park=True)
    house.clock.advance(50)
    house.turn({"one": "look"})
    house.clock.advance(50)
    house.turn()
    assert Sleeper.woke == [("one", begin + 100)]


def test_more_at_one_time_than_one_step_takes_are_all_woken_once(house: House) -> None:
    begin = house.clock.now()
    house.turn({f"n{number}": begin + 5 for number in range(2_500)}, park=True)
    house.clock.advance(5)
    for _ in range(4):
        house.turn()
    assert len(Sleeper.woke) == len(dict(Sleeper.woke)) == 2_500
