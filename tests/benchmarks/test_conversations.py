"""The benchmark of many conversations does what it measures:

it fills a house, parks everybody, and wakes who is written to.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.conversations import figures
from benchmarks.conversations.house import House, contact


def test_a_house_is_filled_parked_and_somebody_woken(tmp_path: Path) -> None:
    house = House(tmp_path, 50)
    house.start()
    house.move_in()
    ids = house.welcome([contact(number) for number in range(40)])
    house.fill(40, 10, park=True)
    assert house.live == 0
    assert len(set(ids)) == 40
    (ack,) = house.turn(house.customer_writes(contact(7)))
    assert (ack.conversation, house.live) == (ids[7], 1)
    assert figures.__doc__
