"""What goes wrong, from the seed: connections, peers, the process, the disk."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.simulation.links import Link, Network
from tests.simulation.peers import Peer
from tests.simulation.process import Process
from tests.simulation.shop import Shop
from tests.simulation.storage import Trouble

#: How often each happens, of a hundred or so; and how long it is quiet between two faults on average.
FAULTS = {
    "cut": 26, "stall": 18, "crawl": 6, "wear": 8, "vanish": 9, "one_way": 8, "peer_dies": 9, "kill": 4,
    "stop": 3, "commit_lost": 3, "commit_unknown": 3, "commit_torn": 3, "flush_slow": 5, "desk": 3,
    "storm": 2, "late": 6,
}  # fmt: skip
BETWEEN_S = 90.0


class Faults:
    """Has things go wrong until it is told to stop."""

    def __init__(
        self,
        chance: Random,
        network: Network,
        process: Process,
        peers: list[Peer],
        shop: Shop,
        say: Callable[[str, str], None],
    ) -> None:
        self.chance = chance
        self.network = network
        self.process = process
        self.peers = peers
        self.shop = shop
        self.say = say
        self.stopped = False
        self._faults: list[Callable[[], None]] = [getattr(self, f"_{name}") for name in FAULTS]
        self._weights = list(FAULTS.values())

    def begin(self) -> None:
        """Have the first one come in a while."""
        self.network.scheduler.later(self.chance.expovariate(1 / BETWEEN_S), self._happen)

    def stop(self) -> None:
        """Nothing goes wrong any more, and what has is mended."""
        self.stopped = True
        self.process.store.trouble = Trouble.NONE
        self.process.stopped_until = 0.0
        self.network.late_births = 0
        self.network.heal()
        if not self.process.alive:
            self.process.start()

    def process_died(self) -> None:
        """Somebody starts it again in a while, mostly soon."""
        self.network.scheduler.later(self.chance.choice((0.3, 1.0, 3.0, 30.0)), self._start)

    def _start(self) -> None:
        if not self.process.alive and not self.stopped:
            self.process.start()

    def _happen(self) -> None:
        if self.stopped:
            return
        (fault,) = self.chance.choices(self._faults, self._weights)
        fault()
        # Troubles come in crowds: what one fault has begun is where the next one hurts.
        mean_s = 2.0 if self.chance.random() < 0.25 else BETWEEN_S
        self.network.scheduler.later(self.chance.expovariate(1 / mean_s), self._happen)

    def _some(self) -> Link | None:
        links = self.network.links()
        return self.chance.choice(links) if links else None

    def _cut(self) -> None:
        link = self._some()
        if link is not None:
            self.say("network", f"cuts {_name(link)}")
            link.cut("cut", what_was_sent_arrives=self.chance.random() < 0.5)

    def _late(self) -> None:
        """A connection breaks, and what comes after it is slow to be heard."""
        self.network.late_births = self.chance.choice((1, 1, 2))
        self._cut()

    def _storm(self) -> None:
        self.say("network", "cuts everything")
        for link in self.network.links():
            link.cut("cut", what_was_sent_arrives=self.chance.random() < 0.5)

    def _stall(self) -> None:
        """Nothing moves in one direction or both: a slow consumer, or a network that has stopped."""
        link = self._some()
        if link is None:
            return
        seconds = self.chance.choice((0.5, 5.0, 40.0, 200.0))
        until = self.network.scheduler.now() + seconds
        which = self.chance.choice(("up", "down", "both"))
        self.say("network", f"stalls {_name(link)}, {which}, for {seconds} s")
        if which != "down":
            link.up.stalled_until = until
        if which != "up":
            link.down.stalled_until = until

    def _crawl(self) -> None:
        """A consumer that reads one frame now and then."""
        link = self._some()
        if link is not None:
            seconds = self.chance.choice((0.05, 1.0, 8.0))
            self.say("network", f"{_name(link)} reads a frame every {seconds} s")
            link.down.pace_s = seconds
            link.down.pace_until = self.network.scheduler.now() + 120.0

    def _wear(self) -> None:
        """Single frames are lost, repeated, shuffled; after a while the connection is given up."""
        link = self._some()
        if link is not None:
            rates = self.chance.choice(((0.2, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3), (0.1, 0.1, 0.1)))
            self.say("network", f"{_name(link)}: lost {rates[0]}, twice {rates[1]}, shuffled {rates[2]}")
            link.wear_out(*rates)
            self.network.scheduler.later(self.chance.choice((1.0, 20.0, 60.0)), self._give_up, link)

    def _give_up(self, link: Link) -> None:
        if not link.up.closed and not self.stopped:
            link.cut("found worn")

    def _vanish(self) -> None:
        link = self._some()
        if link is not None:
            self.say("network", f"loses {_name(link)} silently")
            link.up.mute = link.down.mute = True

    def _one_way(self) -> None:
        link = self._some()
        if link is not None:
            way = self.chance.choice((link.up, link.down))
            self.say("network", f"loses what {_name(link)} {'sends' if way is link.up else 'is sent'}")
            way.mute = True

    def _peer_dies(self) -> None:
        peer = self.chance.choice(self.peers)
        self.say(peer.name, "dies, and begins again")
        peer.dies()
        peer.begin()
        self.network.scheduler.later(self.chance.choice((0.001, 1.0, 20.0)), peer.step)

    def _kill(self) -> None:
        self.process.die("killed")

    def _stop(self) -> None:
        """The process stands still for a while, as after SIGSTOP, and goes on as if nothing had been."""
        seconds = self.chance.choice((1.0, 10.0, 100.0))
        self.say("daemon", f"stands still for {seconds} s")
        self.process.stopped_until = self.network.scheduler.now() + seconds

    def _commit_torn(self) -> None:
        self.process.store.trouble = Trouble.TORN

    def _flush_slow(self) -> None:
        slow = self.chance.choice((Trouble.SLOW, Trouble.SLOW_AFTERWARDS))
        self.process.store.trouble = slow

    def _commit_lost(self) -> None:
        self.process.store.trouble = Trouble.LOST

    def _commit_unknown(self) -> None:
        self.process.store.trouble = Trouble.STORED

    def _desk(self) -> None:
        capacity = self.chance.choice((2, 3, 4))
        self.say("operator", f"brings a desk with capacity {capacity} into force")
        self.process.applies(self.shop.text(capacity))


def _name(link: Link) -> str:
    return str(getattr(link.client, "name", "somebody"))
