"""The benchmark of routing decisions runs, and measures what it says."""

from __future__ import annotations

from benchmarks.routing.__main__ import Samples
from benchmarks.routing.scan import Scan
from benchmarks.routing.world import World


def test_the_plain_scan_finds_whom_the_view_finds() -> None:
    world = World(300, 20)
    scan = Scan(world)
    ended = world.ending()
    agent = next(name for name, owned in world.owned.items() if len(owned) < 4)
    scan.used[agent] -= ended.weight
    expected = scan.next_for(agent)
    world.view.take_report(ended, world.now)
    decided = world.view.decide(world.now, 10)
    assert expected is not None
    assert [(each.conversation, each.agent) for each in decided] == [(expected.conversation, agent)]  # type: ignore[union-attr]


def test_worlds_are_measured_in_turns() -> None:
    samples = Samples([(50, 10), (100, 10)], arriving=False, rounds=2)
    assert samples.growth((100, 10), (50, 10)) > 0
    assert [row["waiting"] for row in samples.rows("agent freed")] == [50, 100]
