"""Who gets in: keys, the ZAP handler, routing ids, tokens (A01 to A04, A07)."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import zmq

from daemon.transport import Listener, Security
from daemon.zap import SelfTest, ZapHandler
from protocol.client import make_key_pair
from protocol.content import Text
from protocol.messages import CustomerMessage, Goodbye, LoggedIn, LoginWithToken, Refused
from tests.attacks.conftest import Fort
from tests.plays.theatre import PATIENCE_S, until
from tests.plays.wire import Peer, new_id

FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_DISCONNECTED
)


def outcome(socket: Any, address: str) -> str:
    """Connect and say how the handshake came out."""
    socket.linger = 0
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    monitor = socket.get_monitor_socket(FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.connect(address)
    assert monitor.poll(int(PATIENCE_S * 1000)), "no end of the handshake"
    kind = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
    socket.disable_monitor()
    monitor.close(0)
    socket.close(0)
    return "let in" if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED else "refused"


@pytest.fixture
def context() -> Iterator[Any]:
    context: zmq.Context[Any] = zmq.Context()
    yield context
    context.destroy(0)


def dealer(context: Any, fort: Fort, keys: Any, server_key: str = "") -> Any:
    assert fort.keys is not None
    socket = context.socket(zmq.DEALER)
    socket.curve_serverkey = (server_key or fort.keys.public).encode()
    socket.curve_publickey, socket.curve_secretkey = keys.public.encode(), keys.secret.encode()
    return socket


@pytest.mark.parametrize("side", ["gateways", "consoles"])
def test_a01_who_has_no_key_of_this_door_is_refused_and_counted(fort: Fort, context: Any, side: str) -> None:
    """A01: NULL, PLAIN, an unknown key, a wrong server key, the key of the other door."""
    address = getattr(fort, side)
    plain = context.socket(zmq.DEALER)
    plain.plain_username, plain.plain_password = b"anna", b"correct horse"
    other = "consoles" if side == "gateways" else "gateways"
    good = fort.pairs["acme", side, "shop" if side == "gateways" else "office"]
    before = fort.metric("switchboard_handshakes_refused_total")

    assert outcome(context.socket(zmq.DEALER), address) == "refused"
    assert outcome(plain, address) == "refused"
    assert outcome(dealer(context, fort, good, make_key_pair().public), address) == "refused"
    assert outcome(dealer(context, fort, make_key_pair()), address) == "refused"
    assert outcome(dealer(context, fort, fort.pairs["acme", other, "evil"]), address) == "refused"
    assert outcome(dealer(context, fort, good), address) == "let in"
    # NULL, PLAIN and the wrong server key fail before anybody is asked about a key.
    until(lambda: fort.metric("switchboard_handshakes_refused_total") >= before + 2, "the count")


def test_a01_a_stranger_without_a_key_gets_no_word_out_of_the_daemon(fort: Fort) -> None:
    """A01: nothing that comes without a handshake is read or answered."""
    stranger = fort.stranger("gateways", None)
    stranger.socket.setsockopt(zmq.SNDTIMEO, 1_000)
    with suppress(zmq.Again):
        # Where it has been refused already, its socket has nobody to send to, and would wait for ever.
        stranger.hello("gateway", "acme:shop")
    shop = fort.shop()
    assert shop.is_answered()
    assert stranger.is_silence(0.1)


@pytest.fixture
def door(context: Any) -> Iterator[Callable[..., "Door"]]:
    """Make doors; they are closed at the end, or the context would wait for them for ever."""
    doors: list[Door] = []

    def make(allowed: Callable[[str, str], bool]) -> Door:
        doors.append(Door(context, allowed))
        return doors[-1]

    yield make
    for each in doors:
        each.listener.close()
        each.zap.close()


class Door:
    """A CURVE listener with a ZAP handler of our own in this process."""

    def __init__(self, context: Any, allowed: Callable[[str, str], bool]) -> None:
        self.context = context
        self.keys = make_key_pair()
        self.zap = ZapHandler(context, allowed)
        security = Security(self.keys.public.encode(), self.keys.secret.encode())
        self.listener = Listener(context, "gateway", "tcp://127.0.0.1:0", security, 1024, 500)

    def tries(self, keys: Any, *, answering: bool = True) -> str:
        """A client with these keys connects; return how it came out."""
        outside: zmq.Context[Any] = zmq.Context()
        socket = outside.socket(zmq.DEALER)
        socket.linger = 0
        socket.setsockopt(zmq.RECONNECT_IVL, -1)
        socket.curve_serverkey = self.keys.public.encode()
        socket.curve_publickey, socket.curve_secretkey = keys.public.encode(), keys.secret.encode()
        monitor = socket.get_monitor_socket(FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        socket.connect(self.listener.address)

        def ended() -> bool:
            if answering:
                self.zap.answer_all()
            return bool(monitor.poll(1))

        until(ended, "the end of the handshake")
        kind = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
        outside.destroy(0)
        return "let in" if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED else "refused"

    def tests_itself(self, test: SelfTest, *, answering: bool = True) -> list[str]:
        """Run the self-test to its end; return its problems. Its clock runs ahead, so nobody waits."""
        test.start(0.0)
        now = 0.0

        def ended() -> bool:
            nonlocal now
            if answering:
                self.zap.answer_all()
            now += 0.02
            return test.step(now)

        until(ended, "the end of the self-test")
        assert test.problems is not None
        return test.problems


def test_a02_without_a_zap_handler_everybody_is_refused_and_the_self_test_says_so(
    context: Any, door: Callable[..., Door]
) -> None:
    """A02: a handler that is gone must shut the door, not open it."""
    good = make_key_pair()
    keys = {good.public}
    one = door(lambda _, key: key in keys)
    test = SelfTest(context, [(one.listener, one.keys.public.encode())])
    keys.add(test.probe_key)
    assert one.tries(good) == "let in"
    assert one.tries(make_key_pair()) == "refused"
    assert one.tests_itself(test) == []

    one.zap.close()
    assert one.tries(good, answering=False) == "refused"
    assert one.tries(make_key_pair(), answering=False) == "refused"
    (problem,) = one.tests_itself(test, answering=False)
    assert "a key that must be let in" in problem


def test_a02_the_self_test_notices_a_door_that_is_open_to_everybody(
    context: Any, door: Callable[..., Door]
) -> None:
    """A02: a random key that is let in is a problem."""
    one = door(lambda *_: True)
    test = SelfTest(context, [(one.listener, one.keys.public.encode())])
    (problem,) = one.tests_itself(test)
    assert "a key that must be refused got 'let in'" in problem


def test_a02_an_exception_while_deciding_is_a_refusal_and_the_handler_lives_on(
    context: Any, door: Callable[..., Door]
) -> None:
    """A02: the next good key is let in all the same."""
    good, bad = make_key_pair(), make_key_pair()

    def allowed(_: str, key: str) -> bool:
        if key == bad.public:
            raise RuntimeError("a bug")
        return key == good.public

    one = door(allowed)
    assert one.tries(bad) == "refused"
    assert one.zap.refused == 1
    assert one.tries(good) == "let in"


def test_a03_who_chooses_a_routing_id_is_not_heard(fort: Fort) -> None:
    """A03: an id that libzmq has not made is ignored, with a good key too."""
    chooser = fort.peer("gateways", "evil", routing_id=b"shop")
    chooser.hello("gateway")
    assert fort.shop().is_answered()
    assert chooser.is_silence(0.1)


def test_a03_the_routing_id_of_one_who_is_gone_gives_nothing_to_another_key(fort: Fort) -> None:
    """A03: ids that begin with zero look like libzmq's own; the key decides whose frames they are."""
    taken = b"\0gone"
    victim = fort.peer("gateways", "shop", routing_id=taken)
    victim.says_hello("gateway")
    victim.subscribes("channel/web")
    victim.context.destroy(0)

    def takes_over() -> Peer | None:
        """Until libzmq has noticed that the victim is gone, it drops the newcomer."""
        evil = fort.peer("gateways", "evil", tenant="rival", routing_id=taken)
        evil.say(CustomerMessage(new_id(), "web", "taken", Text("In the name of the victim")))
        return evil if evil.socket.poll(100) else None

    position = fort.status()["position"]
    # It is never answered: its frames are not the victim's, and the victim's connection is not its own.
    assert [takes_over() for _ in range(3)] == [None, None, None]
    assert fort.status()["position"] == position
    again = fort.shop()
    assert again.is_answered()


def test_a04_the_same_key_from_two_places_and_the_newer_wins(fort: Fort) -> None:
    """A04: the older one is told REPLACED, whatever it does next is not heard, and the log says so."""
    older = fort.shop()
    newer = fort.shop()
    assert newer.is_answered(), "only whoever says something after the welcome takes the place"
    assert older.hears(Goodbye).code == "REPLACED"
    position = fort.status()["position"]
    older.say(CustomerMessage(new_id(), "web", "late", Text("Too late")))
    assert newer.is_answered()
    assert fort.status()["position"] == position
    assert '"peer.replaced"' in fort.stderr()


def test_a07_a_token_on_another_key_is_worth_nothing(fort: Fort) -> None:
    """A07: stolen by another console of the same tenant, or by the neighbour's."""
    office = fort.office()
    token = office.logs_in("anna").token
    home, rival = fort.office(name="home"), fort.office(tenant="rival")
    for thief in (home, rival):
        assert thief.code(LoginWithToken(new_id(), "anna", token)) == "NOT_AUTHENTICATED"
    assert office.code(LoginWithToken(new_id(), "boris", token)) == "NOT_AUTHENTICATED"
    for forged in ("", "x" * 2048, token[:-4] + "AAAA", token[4:], token + "A", "ї" * 40):
        assert office.code(LoginWithToken(new_id(), "anna", forged)) == "NOT_AUTHENTICATED"
    again = fort.office()
    assert isinstance(again.answer(LoginWithToken(new_id(), "anna", token)), LoggedIn)
    assert token not in fort.stderr()
    assert isinstance(home.answer(LoginWithToken(new_id(), "nobody", token)), Refused)


def test_a09_five_bad_frames_shut_the_key_out_and_no_other(fort: Fort) -> None:
    """A09: for a minute the key is not heard, over whatever connection; its neighbours are."""
    evil = fort.shop("rival", "evil")
    for _ in range(5):
        evil.send(b"\xc1")
    while not isinstance(evil.next(), Goodbye):
        pass
    again = fort.peer("gateways", "evil", "rival")
    again.hello("gateway")
    assert fort.shop().is_answered()
    assert fort.shop("rival").is_answered()
    assert again.is_silence(0.1) or isinstance(again.next(), Goodbye)
