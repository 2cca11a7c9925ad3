"""The session machine: the whole table, and two machines joined back to back."""

import pytest

from protocol.codec import Codec, client_codec, daemon_codec, encode
from protocol.errors import Code, ConnectionLost, LocalProtocolError, RemoteProtocolError
from protocol.fields import Message
from protocol.messages import (
    VERSION,
    Goodbye,
    Hello,
    Ping,
    Pong,
    Refused,
    Welcome,
)
from protocol.session import OTHER, TABLE, Phase, Role, Session, speaks_our_version
from tests.protocol.examples import CLIENT_KINDS, DAEMON_KINDS, smallest

WELCOME = Welcome(VERSION, "server", "journal", 5.0, 15.0, 256, 262_144)
HELLO = Hello(VERSION, "gateway")
SPOKEN = {Role.CLIENT: CLIENT_KINDS, Role.DAEMON: DAEMON_KINDS}

# Written again here on purpose, from the specification and not from the code.
LEGAL_BEFORE_OPEN: dict[tuple[Role, Phase], dict[type[Message], Phase]] = {
    (Role.CLIENT, Phase.GREETING): {Hello: Phase.GREETED, Goodbye: Phase.CLOSED},
    (Role.CLIENT, Phase.GREETED): {Goodbye: Phase.CLOSED},
    (Role.DAEMON, Phase.GREETING): {Refused: Phase.GREETING, Goodbye: Phase.CLOSED},
    (Role.DAEMON, Phase.GREETED): {
        Welcome: Phase.OPEN,
        Refused: Phase.GREETED,
        Goodbye: Phase.CLOSED,
    },
}
NOT_WHEN_OPEN = {Role.CLIENT: Hello, Role.DAEMON: Welcome}


def expected(role: Role, phase: Phase, kind: type[Message]) -> Phase | None:
    """Say where the message leads by the specification, None when it is illegal."""
    if phase is Phase.OPEN:
        if kind is NOT_WHEN_OPEN[role]:
            return None
        return Phase.CLOSED if kind is Goodbye else Phase.OPEN
    return LEGAL_BEFORE_OPEN.get((role, phase), {}).get(kind)


EVERY_MOVE = [
    pytest.param(role, phase, kind, id=f"{role.value}-{phase.value}-{kind.__name__}")
    for role in Role
    for phase in Phase
    for kind in SPOKEN[role]
]


def codec_for(role: Role) -> Codec[Message]:
    """Decode what this side hears."""
    return daemon_codec() if role is Role.CLIENT else client_codec()  # type: ignore[return-value]


#: How a connection comes to each phase: who says what.
WAY_TO: dict[Phase, list[tuple[Role, Message]]] = {
    Phase.GREETING: [],
    Phase.GREETED: [(Role.CLIENT, HELLO)],
    Phase.OPEN: [(Role.CLIENT, HELLO), (Role.DAEMON, WELCOME)],
    Phase.CLOSED: [(Role.CLIENT, Goodbye())],
}


def session_in(role: Role, phase: Phase) -> Session[Message]:
    """Make one side's machine and bring it to a phase by legal moves, at time 0."""
    session = Session(role, codec_for(role), 0.0, 15.0)
    for speaker, message in WAY_TO[phase]:
        if speaker is role:
            session.send(message)
            session.take(0.0)
        else:
            session.receive(encode([message]), 0.0)
    assert session.phase is phase
    return session


@pytest.mark.parametrize(("role", "phase", "kind"), EVERY_MOVE)
def test_every_message_sent_in_every_phase_moves_on_or_is_refused(
    role: Role, phase: Phase, kind: type[Message]
) -> None:
    session, following = session_in(role, phase), expected(role, phase, kind)
    if following is not None:
        session.send(smallest(kind))
        assert session.phase is following
        assert session.waiting == 1
        return
    with pytest.raises(LocalProtocolError, match=rf"{kind.__name__} .*{phase.value}") as raised:
        session.send(smallest(kind))
    assert raised.value.code == Code.OUT_OF_ORDER
    assert (session.phase, session.waiting) == (phase, 0)


@pytest.mark.parametrize(("role", "phase", "kind"), EVERY_MOVE)
def test_every_message_heard_in_every_phase_moves_on_or_is_refused(
    role: Role, phase: Phase, kind: type[Message]
) -> None:
    hearer, following = session_in(OTHER[role], phase), expected(role, phase, kind)
    frame = encode([smallest(kind)])
    if following is not None:
        assert hearer.receive(frame, 1.0) == [smallest(kind)]
        assert hearer.phase is following
        return
    with pytest.raises(RemoteProtocolError, match=rf"{kind.__name__} .*{phase.value}") as raised:
        hearer.receive(frame, 1.0)
    assert raised.value.code == Code.OUT_OF_ORDER
    assert hearer.phase is phase


@pytest.mark.parametrize(("role", "phase", "kind"), EVERY_MOVE)
def test_the_quick_way_hears_what_changes_no_phase_and_leaves_the_rest_untouched(
    role: Role, phase: Phase, kind: type[Message]
) -> None:
    hearer, frame = session_in(OTHER[role], phase), encode([smallest(kind)])
    # A message of 16 fields or more begins otherwise, and takes the slow way.
    quick = expected(role, phase, kind) is phase and 0x80 <= frame[0] <= 0x8F
    assert hearer.one(frame, 10.0) == (smallest(kind) if quick else None)
    assert hearer.phase is phase
    if phase is Phase.CLOSED:
        return
    # What was heard renews the lease of 15 seconds; what was not does not.
    if quick:
        hearer.check(25.0)
    with pytest.raises(ConnectionLost):
        hearer.check(25.1 if quick else 15.1)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\x80",
        encode([HELLO])[:-1],
        encode([Ping(1), Ping(2)]),
        encode([Ping(1)]) + bytes(300_000),
    ],
    ids=["empty", "no msgpack", "no message", "cut off", "several", "too large"],
)
def test_the_quick_way_leaves_every_other_frame_to_the_slow_one(frame: bytes) -> None:
    session = open_daemon()
    assert session.one(frame, 10.0) is None
    with pytest.raises(ConnectionLost):
        session.check(15.1)


def test_the_quick_way_takes_no_frame_that_is_too_large() -> None:
    frame = encode([Ping(1)])
    for room, heard in ((len(frame), Ping(1)), (len(frame) - 1, None)):
        session: Session[Message] = Session(Role.DAEMON, client_codec(room), 0.0, 15.0)  # type: ignore[arg-type]
        session._enter(Phase.OPEN)
        assert session.one(frame, 1.0) == heard


@pytest.mark.parametrize(
    ("role", "kind"),
    [(role, kind) for role in Role for kind in SPOKEN[OTHER[role]] if kind not in SPOKEN[role]],
)
def test_the_words_of_the_other_side_are_illegal_in_every_phase(role: Role, kind: type[Message]) -> None:
    assert all(kind not in TABLE[role][phase] for phase in Phase)
    with pytest.raises(LocalProtocolError, match="OUT_OF_ORDER"):
        session_in(role, Phase.OPEN).send(smallest(kind))


class Pair:
    """A client's and a daemon's machine, joined back to back."""

    def __init__(self) -> None:
        self.client = session_in(Role.CLIENT, Phase.GREETING)
        self.daemon = session_in(Role.DAEMON, Phase.GREETING)

    def carry(self, speaker: Session[Message], *messages: Message, now: float = 0.0) -> list[Message]:
        """Send from one to the other, and see that both agree on the phase."""
        for message in messages:
            speaker.send(message)
        frame = speaker.take(now)
        assert frame is not None
        heard = (self.daemon if speaker is self.client else self.client).receive(frame, now)
        assert heard == list(messages)
        assert self.client.phase is self.daemon.phase
        return heard


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_two_machines_agree_on_the_phase_from_hello_to_goodbye(pair: Pair) -> None:
    pair.carry(pair.client, HELLO)
    pair.carry(pair.daemon, WELCOME)
    pair.carry(pair.client, *[smallest(kind) for kind in CLIENT_KINDS if kind not in (Hello, Goodbye)])
    pair.carry(pair.daemon, *[smallest(kind) for kind in DAEMON_KINDS if kind not in (Welcome, Goodbye)])
    pair.carry(pair.client, Goodbye())
    assert pair.daemon.phase is Phase.CLOSED


def test_a_refused_hello_leaves_both_sides_where_they_were(pair: Pair) -> None:
    pair.carry(pair.client, HELLO)
    pair.carry(pair.daemon, Refused(Code.BUSY))
    assert pair.client.phase is Phase.GREETED


def test_a_daemon_may_say_goodbye_before_anything_else(pair: Pair) -> None:
    pair.carry(pair.daemon, Goodbye(Code.STOPPING))


def test_a_frame_with_one_illegal_message_is_refused_whole() -> None:
    daemon = session_in(Role.DAEMON, Phase.GREETING)
    with pytest.raises(RemoteProtocolError, match="OUT_OF_ORDER"):
        daemon.receive(encode([HELLO, Ping()]), 0.0)
    assert daemon.phase is Phase.GREETING


def test_messages_after_goodbye_in_one_frame_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="OUT_OF_ORDER"):
        session_in(Role.DAEMON, Phase.OPEN).receive(encode([Goodbye(), Ping()]), 0.0)


def test_nothing_to_say_gives_no_frame_and_counts_as_silence(pair: Pair) -> None:
    assert pair.client.take(3.0) is None
    assert pair.client.quiet_s(3.0) == 3.0


def test_what_was_said_ends_the_quiet(pair: Pair) -> None:
    pair.carry(pair.client, HELLO, now=2.0)
    assert pair.client.quiet_s(3.0) == 1.0


def test_a_silent_peer_is_lost_after_the_lease_and_not_before(pair: Pair) -> None:
    pair.client.check(15.0)
    with pytest.raises(ConnectionLost):
        pair.client.check(15.1)


def test_any_frame_renews_the_lease(pair: Pair) -> None:
    pair.carry(pair.client, HELLO, now=10.0)
    pair.daemon.check(25.0)
    with pytest.raises(ConnectionLost):
        pair.daemon.check(25.1)


def test_a_bad_frame_does_not_renew_the_lease(pair: Pair) -> None:
    with pytest.raises(RemoteProtocolError):
        pair.daemon.receive(b"\xc1", 10.0)
    with pytest.raises(ConnectionLost):
        pair.daemon.check(16.0)


def test_a_closed_connection_cannot_be_lost() -> None:
    session_in(Role.CLIENT, Phase.CLOSED).check(1_000.0)


def test_a_peer_that_answers_pings_is_never_lost(pair: Pair) -> None:
    pair.carry(pair.client, HELLO)
    pair.carry(pair.daemon, WELCOME)
    for turn in range(1, 20):
        pair.carry(pair.client, Ping(turn), now=5.0 * turn)
        pair.carry(pair.daemon, Pong(turn), now=5.0 * turn)
        pair.client.check(5.0 * turn + 5.0)
        pair.daemon.check(5.0 * turn + 5.0)


@pytest.mark.parametrize(("version", "spoken"), [("1.0", True), ("1.9", True), ("1", True), ("2.0", False)])
def test_only_the_major_version_decides_whether_a_peer_is_understood(version: str, spoken: bool) -> None:
    assert speaks_our_version(version) is spoken


def open_daemon(frame_bytes: int = 262_144) -> Session[Message]:
    session: Session[Message] = Session(Role.DAEMON, client_codec(), 0.0, 15.0)  # type: ignore[arg-type]
    session.receive(encode([HELLO]), 0.0)
    session.send(WELCOME)
    assert session.take(0.0) is not None
    session.frame_bytes = frame_bytes
    return session


def test_what_is_too_much_for_one_frame_comes_in_several_of_half_the_size() -> None:
    session = open_daemon(frame_bytes=100)
    pongs: list[Message] = [Pong(number) for number in range(64)]
    session.send_all(pongs)
    frames = []
    while (frame := session.take(1.0)) is not None:
        frames.append(frame)
    assert len(frames) > 1
    assert all(len(frame) <= 100 for frame in frames)
    assert [message for frame in frames for message in daemon_codec().decode(frame)] == pongs


def test_several_messages_of_which_one_ends_the_connection_are_judged_one_by_one() -> None:
    session = open_daemon()
    session.send_all([Pong(1), Goodbye("STOPPING", "bye")])
    assert session.phase is Phase.CLOSED
    with pytest.raises(LocalProtocolError):
        session.send_all([Pong(2)])
    frame = session.take(1.0)
    assert frame is not None
    assert len(daemon_codec().decode(frame)) == 2
