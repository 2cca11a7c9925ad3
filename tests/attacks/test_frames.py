"""Frames that are no frames (A09): refused, counted, never fatal, and nobody beside them notices."""

import gzip
import json
import random
import tarfile
import threading
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from protocol.codec import FRAME_BYTES, encode
from protocol.content import Text
from protocol.messages import CustomerMessage, Goodbye, Hello, Login, Ping, Pong, Refused, Welcome
from protocol.news import AgentSaid, CustomerSaid
from tests.fuzz.corpus import bombs
from tests.plays.theatre import House, desk_text
from tests.plays.wire import Peer, new_id

VERDICTS = {"BAD_FRAME", "TOO_LARGE", "OUT_OF_ORDER"}
#: One bad frame more in a minute would end the connection.
BAD_FRAMES_FREE = 4
RSS_GROWTH_MAX = 32 * 1024 * 1024
_contacts = count(1)

hello = encode([Hello("1.0", "gateway", name="acme:evil")])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Plain, so that a thousand strangers can come in without a thousand keys."""
    gateways: dict[str, str | None] = {"shop": None, "evil": None}
    desk = desk_text(agents=["anna"], capacity=100, gateways=gateways)
    with House(desk, http=True, limits={"connections": 10_000}) as house:
        yield house


class Bystanders:
    """A gateway and an agent who talk all the while, and never lose a word or a connection."""

    def __init__(self, house: House) -> None:
        self._gateway, self._anna = house.gateway(), house.console().agent("anna")
        self._contact = f"contact-{next(_contacts)}"
        self._conversation = self._gateway.writes(self._contact).conversation
        self._anna.accepts(self._anna.is_offered())
        self._stop = threading.Event()
        self.exchanged = 0
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self) -> None:
        try:
            while not self._stop.is_set():
                text = f"question {self.exchanged} 问题 ☎"
                self._gateway.writes(self._contact, text)
                assert self._anna.hears(CustomerSaid).content.text == text
                self._anna.says(self._conversation, f"answer {self.exchanged}")
                assert self._gateway.hears.hears(AgentSaid).content.text == f"answer {self.exchanged}"
                self.exchanged += 1
        except Exception as error:
            self.error = error

    def were_undisturbed(self) -> None:
        """They have talked, and their connections are the ones they began with."""
        self._stop.set()
        self._thread.join(30)
        assert self.error is None
        assert self.exchanged > 0
        assert [type(notice).__name__ for notice in self._gateway.notices] == ["Connected"]


@pytest.fixture
def bystanders(house: House) -> Iterator[Bystanders]:
    """Two who talk while the attack goes on; and the daemon's memory must not grow by it."""
    talking = Bystanders(house)
    before = house.rss()
    yield talking
    assert house.process is not None
    assert house.process.poll() is None, house.stderr()
    talking.were_undisturbed()
    house.everybody_leaves()
    assert house.rss() - before < RSS_GROWTH_MAX
    assert house.status()["ready"]
    assert "actor.failed" not in house.stderr()
    assert "Traceback" not in house.stderr()


def attack(house: House, frames: Iterable[bytes]) -> list[str]:
    """Send each frame, a few a connection, in turn before and after hello; return the verdicts."""
    verdicts: list[str] = []
    waiting = list(frames)
    opened = False
    while waiting:
        few, waiting = waiting[:BAD_FRAMES_FREE], waiting[BAD_FRAMES_FREE:]
        opened = not opened
        with Peer(house.gateways) as peer:
            if opened:
                peer.says_hello("gateway", "acme:evil")
            for frame in few:
                peer.send(frame)
            while few:
                answer = peer.next()
                if isinstance(answer, Goodbye):
                    verdicts.append(answer.code)
                    break
                few.pop()
                verdicts.append(answer.code if isinstance(answer, Refused) else type(answer).__name__)
    return verdicts


def test_a09_bombs_and_broken_messages_are_refused(house: House, bystanders: Bystanders) -> None:
    """A09: every kind by itself, before and after hello."""
    verdicts = attack(house, [frame for frame in bombs() for _ in range(2)])
    assert set(verdicts) <= VERDICTS
    assert len(verdicts) == 2 * len(bombs())


def vectors(folder: Path) -> Iterator[bytes]:
    """Everything in the shared collections that can be bytes."""
    for group in json.loads((folder / "msgpack-test-suite.json").read_text()).values():
        for case in group:
            for text in case["msgpack"]:
                yield bytes.fromhex(text.replace("-", ""))
    for naughty in json.loads((folder / "blns.json").read_text()):
        yield naughty.encode("utf-8", "surrogatepass")
    with gzip.open(folder / "json-test-parsing.tar.gz") as raw, tarfile.open(fileobj=raw) as archive:  # type: ignore[call-overload]
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield file.read(FRAME_BYTES)


def test_a09_collected_vectors_are_refused(house: House, bystanders: Bystanders, shared_data: Path) -> None:
    """A09: the msgpack test suite, naughty strings and JSON's parsing tests, as raw frames."""
    frames = list(vectors(shared_data / "test-vectors"))
    assert len(frames) > 800
    assert set(attack(house, frames)) <= VERDICTS


def test_a09_mutations_of_good_frames_are_refused_or_are_good(house: House, bystanders: Bystanders) -> None:
    """A09: bits flipped, bytes cut out, put in and doubled; what is still a message is treated as one."""
    chance = random.Random(20261121)
    good = [
        hello,
        encode([Ping(7)]),
        encode([CustomerMessage(new_id(), "web", "mutant", Text("Hello?"))]),
        encode([Login(new_id(), "anna", "guess"), Ping(1)]),
    ]

    def mutant() -> bytes:
        frame = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(frame)) if frame else 0
            match chance.randrange(4):
                case 0 if frame:
                    frame[place] ^= 1 << chance.randrange(8)
                case 1:
                    del frame[place : place + chance.randint(1, 8)]
                case 2:
                    frame[place:place] = chance.randbytes(chance.randint(1, 8))
                case _:
                    frame += frame[place : place + 32]
        return bytes(frame)

    allowed = VERDICTS | {
        "Pong",
        "Welcome",
        "NOT_ALLOWED",
        "NOT_AUTHENTICATED",
        "VERSION",
        "BUSY",
        "REPLACED",
    }
    assert set(attack(house, [mutant() for _ in range(1500)])) <= allowed


PACKABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(PACKABLE.map(msgspec.msgpack.encode) | st.binary(max_size=64), min_size=4, max_size=4))
def test_a09_whatever_hypothesis_thinks_of_is_refused(house: House, frames: list[bytes]) -> None:
    """A09: any msgpack at all, and any bytes."""
    assert set(attack(house, frames)) <= VERDICTS


def test_a09_a_message_of_many_parts_is_one_bad_frame(house: House, bystanders: Bystanders) -> None:
    """A09: none of its parts is taken for another message, or for a routing id."""
    for part in (b"", b"\x00\x00\x00\x00\x01", encode([Ping()])):
        for parts in (2, 65, 66, 67, 1_024, 1_025, 1_026, 1_027, 20_000):
            with Peer(house.gateways) as peer:
                peer.says_hello("gateway", "acme:evil")
                peer.send(*[part] * parts)
                assert peer.next().code == "BAD_FRAME"
                assert peer.is_answered()
                assert [type(message) for message in peer.heard] == [Welcome, Refused, Pong]


def test_a09_an_oversized_frame_cuts_the_connection(house: House, bystanders: Bystanders) -> None:
    """A09: libzmq ends it before it is in memory; the next connection is good."""
    for size in (FRAME_BYTES + 2_000, 4_000_000):
        with Peer(house.gateways) as peer:
            peer.says_hello("gateway", "acme:evil")
            monitor = peer.socket.get_monitor_socket()
            peer.send(bytes(size))
            assert monitor.poll(10_000)
            peer.socket.disable_monitor()
            monitor.close(0)
    with Peer(house.gateways) as peer:
        peer.says_hello("gateway", "acme:evil")


def test_a09_five_bad_frames_in_a_minute_end_the_connection(house: House, bystanders: Bystanders) -> None:
    """A09: four are refused, the fifth is answered with goodbye, and then there is silence."""
    with Peer(house.gateways) as peer:
        peer.says_hello("gateway", "acme:evil")
        for _ in range(5):
            peer.send(b"\xc1")
        answers: list[Any] = [peer.next() for _ in range(5)]
        assert [type(answer) for answer in answers] == [Refused] * 4 + [Goodbye]
        assert answers[-1].code == "BAD_FRAME"
        peer.hello("gateway", "acme:evil")
        assert peer.is_silence(0.1)
    # Without keys nobody answers for another's frames.
    with Peer(house.gateways) as peer:
        peer.says_hello("gateway", "acme:evil")


def test_a09_one_bad_message_spoils_its_frame_and_nothing_of_it_is_done(house: House) -> None:
    """A09: the good command before the bad one has not happened."""
    position = house.status()["position"]
    with Peer(house.gateways) as peer:
        peer.says_hello("gateway", "acme:evil")
        good = encode([CustomerMessage(new_id(), "web", "spoilt", Text("Hello?"))])
        peer.send(b"\x92" + good + b"\x81\xa4type\xa4nope")
        assert peer.next().code == "BAD_FRAME"
        peer.send(b"\x92" + good + hello)
        assert peer.next().code == "OUT_OF_ORDER"
    assert house.status()["position"] == position
