"""The SDK over real sockets on loopback. The test's own thread is the daemon; it polls and never sleeps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import pytest
import zmq

from protocol.client import (
    AsyncConsoleClient,
    AsyncGatewayClient,
    ClientClosed,
    ConnectionReplaced,
    ConsoleClient,
    GatewayClient,
    make_key_pair,
)
from protocol.client.events import Connected, Disconnected, Notice
from protocol.codec import client_codec, encode
from protocol.errors import Code, CommandRefused, LocalProtocolError
from protocol.fields import Message
from protocol.messages import (
    Accept,
    Ack,
    CustomerLeft,
    CustomerMessage,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    Ping,
    Received,
    Refused,
    Snapshot,
    Subscribe,
    Subscribed,
    Welcome,
)
from protocol.views import OfferView
from tests.protocol.client.rig import ANNA, WEB, deliveries, delivery

PATIENCE_S = 20
WELCOME = Welcome("1.0", "server", "journal-1", 5.0, 15.0, 256, 262_144)
M = TypeVar("M", bound=Message)


class Daemon:
    """A ROUTER that says what the test tells it to."""

    def __init__(self, prepare: Callable[[Any], None] | None = None) -> None:
        self.prepare = prepare or (lambda socket: None)
        self.codec = client_codec()
        self.port = 0
        self.open()

    def open(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.prepare(self.socket)
        self.peer = b""
        self.heard: list[Message] = []
        if self.port:
            self.socket.bind(f"tcp://127.0.0.1:{self.port}")
        else:
            self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_again(self) -> None:
        """Go down and come back, as a new process would: nothing of the old connection is known."""
        self.close()
        self.open()

    def close(self) -> None:
        # Ending the context, and not closing the socket, is what waits until the port is free.
        self.context.destroy()

    def expect(self, kind: type[M]) -> M:
        """Wait until the client says this; what it says besides is left for later."""
        while True:
            for message in self.heard:
                if isinstance(message, kind):
                    self.heard.remove(message)
                    return message
            assert self.socket.poll(PATIENCE_S * 1000), f"no {kind.__name__} came"
            self.peer, frame = self.socket.recv_multipart()
            self.heard += self.codec.decode(frame)

    def say(self, *messages: Message) -> None:
        self.socket.send_multipart([self.peer, encode(list(messages))])

    def let_in(self) -> Hello:
        hello = self.expect(Hello)
        self.say(WELCOME)
        return hello

    def ack(self, position: int = 1) -> CustomerMessage:
        message = self.expect(CustomerMessage)
        self.say(Ack(message.id, position))
        return message


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with closing(Daemon()) as daemon:
        yield daemon


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Run the user's blocking code beside the daemon."""
    with ThreadPoolExecutor() as pool:
        yield pool


def gateway(daemon: Daemon, **more: Any) -> Any:
    return closing(GatewayClient(daemon.address, name="gateway-1", **more))


def result(future: Future[Any]) -> Any:
    return future.result(PATIENCE_S)


def test_a_message_is_acked_over_a_real_socket(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    with gateway(daemon) as client:
        answer = elsewhere.submit(client.customer_message, "web", "c1", "hello", name="Maria")
        hello = daemon.let_in()
        assert (hello.role, hello.name) == ("gateway", "gateway-1")
        message = daemon.ack(position=7)
        assert (message.content.text, message.name) == ("hello", "Maria")
        assert result(answer).position == 7


def test_a_client_resends_the_same_id_to_a_daemon_that_has_started_again(daemon: Daemon) -> None:
    events: list[Notice] = []
    with gateway(daemon, on_event=events.append) as client:
        pending = client.without_waiting.customer_message("web", "c1", "hello")
        daemon.let_in()
        first = daemon.expect(CustomerMessage)
        daemon.start_again()
        daemon.let_in()
        assert daemon.ack() == first
        assert pending.result(PATIENCE_S).id == first.id == pending.id
    kinds = [type(event) for event in events]
    assert kinds[0] is Connected
    assert Disconnected in kinds


def test_deliveries_are_received_when_the_loop_asks_for_the_next(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    with gateway(daemon) as client:
        stream = elsewhere.submit(client.deliveries, "web")
        daemon.let_in()
        asked = daemon.expect(Subscribe)
        daemon.say(Subscribed(asked.id, WEB, 0), *deliveries(1, 2))
        web = result(stream)
        assert next(web) == delivery(1)
        assert next(web) == delivery(2)
        assert daemon.expect(Received) == Received(WEB, 1)
        third = elsewhere.submit(next, web)
        assert daemon.expect(Received) == Received(WEB, 2)
        daemon.say(delivery(3))
        assert result(third) == delivery(3)


def test_a_user_may_say_himself_what_he_has_received(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    with gateway(daemon) as client:
        done = elsewhere.submit(client.subscribe, "web", automatic=False)
        daemon.let_in()
        daemon.say(Subscribed(daemon.expect(Subscribe).id, WEB, 0), *deliveries(1, 3))
        result(done)
        web = client.deliveries("web")
        first, second, third = (next(web) for _ in range(3))
        web.received(second)
        assert daemon.expect(Received) == Received(WEB, 2)
        web.received(first)  # It is received already: nothing to tell.
        web.received(third)
        assert daemon.expect(Received) == Received(WEB, 3)


def test_a_stream_goes_on_over_a_restart_without_loss_or_repeat(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    with gateway(daemon) as client:
        stream = elsewhere.submit(client.deliveries, "web")
        daemon.let_in()
        daemon.say(Subscribed(daemon.expect(Subscribe).id, WEB, 0), *deliveries(1, 3))
        web = result(stream)
        taken = [next(web).number, next(web).number]
        daemon.expect(Received)
        daemon.start_again()
        daemon.let_in()
        asked = daemon.expect(Subscribe)
        assert (asked.after, asked.journal) == (1, "journal-1")
        daemon.say(Subscribed(asked.id, WEB, 1), *deliveries(2, 5))
        taken += [next(web).number for _ in range(3)]
        assert taken == [1, 2, 3, 4, 5]


def test_a_replaced_client_raises_everywhere_and_does_not_fight(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    with gateway(daemon) as client:
        stream = elsewhere.submit(client.deliveries, "web")
        daemon.let_in()
        daemon.say(Subscribed(daemon.expect(Subscribe).id, WEB, 0))
        waiting = elsewhere.submit(next, result(stream))
        pending = client.without_waiting.customer_message("web", "c1", "hello")
        daemon.expect(CustomerMessage)
        daemon.say(Goodbye(Code.REPLACED))
        for outcome in (pending.future, waiting):
            with pytest.raises(ConnectionReplaced):
                result(outcome)
        with pytest.raises(ConnectionReplaced):
            client.customer_message("web", "c1", "again")


def test_a_closed_client_says_goodbye_ends_its_streams_and_refuses_more(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    client = GatewayClient(daemon.address, name="gateway-1")
    stream = elsewhere.submit(client.deliveries, "web")
    daemon.let_in()
    daemon.say(Subscribed(daemon.expect(Subscribe).id, WEB, 0))
    rest = elsewhere.submit(list, result(stream))
    client.close()
    assert daemon.expect(Goodbye).code == "bye"
    assert result(rest) == []
    with pytest.raises(ClientClosed):
        client.customer_message("web", "c1", "hello")
    client.close()


def test_a_closing_client_waits_for_the_answers_that_are_still_to_come(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    client = GatewayClient(daemon.address, name="gateway-1")
    pending = client.without_waiting.customer_message("web", "c1", "hello")
    closed = elsewhere.submit(client.close, PATIENCE_S)
    daemon.let_in()
    daemon.ack()
    result(closed)
    assert pending.result(0).position == 1


def test_a_closing_client_does_not_wait_for_ever(daemon: Daemon) -> None:
    client = GatewayClient(daemon.address, name="gateway-1")
    pending = client.without_waiting.customer_message("web", "c1", "hello")
    client.close(timeout_s=0)
    with pytest.raises(ClientClosed):
        pending.result(PATIENCE_S)


def test_commands_without_an_answer_are_bounded(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    with gateway(daemon, in_flight_max=2) as client:
        for contact in ("c1", "c2"):
            client.without_waiting.customer_message("web", contact, "hello")
        third = elsewhere.submit(client.without_waiting.customer_message, "web", "c3", "hello")
        daemon.let_in()
        held = [daemon.expect(CustomerMessage) for _ in range(2)]
        assert not third.done()
        daemon.say(Ack(held[0].id, 1))
        assert daemon.expect(CustomerMessage).contact == "c3"
        daemon.say(Ack(held[1].id, 2), Ack(result(third).id, 3))


def test_a_refused_command_raises_with_its_code(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    with gateway(daemon) as client:
        answer = elsewhere.submit(client.customer_left, "web", "c1")
        daemon.let_in()
        daemon.say(Refused(Code.CLOSED, "over", daemon.expect(CustomerLeft).id))
        with pytest.raises(CommandRefused, match="CLOSED: over") as raised:
            result(answer)
        assert raised.value.definite


def test_a_command_that_the_wire_forbids_raises_at_once_and_takes_no_room(daemon: Daemon) -> None:
    with gateway(daemon, in_flight_max=1) as client:
        for _ in range(3):
            with pytest.raises(LocalProtocolError):
                client.customer_message("web", "c1", "")


def test_an_idle_client_keeps_its_connection_by_pings(daemon: Daemon) -> None:
    with gateway(daemon):
        daemon.expect(Hello)
        daemon.say(Welcome("1.0", "server", "journal-1", 0.05, 10.0, 256, 262_144))
        assert daemon.expect(Ping).number == 1


def test_a_daemon_that_falls_silent_is_left_for_a_new_connection(daemon: Daemon) -> None:
    with gateway(daemon):
        daemon.expect(Hello)
        first = daemon.peer
        daemon.say(Welcome("1.0", "server", "journal-1", 0.05, 0.2, 256, 262_144))
        daemon.let_in()
        assert daemon.peer != first


def test_a_console_logs_in_and_takes_an_offer(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    with closing(ConsoleClient(daemon.address, name="console-1")) as client:
        offer = OfferView("k1", "o1", "sales", "web", "c1", 0.0, 0.0)

        def work() -> Ack:
            client.login("anna", "secret")
            snapshot = next(client.events("anna"))
            assert isinstance(snapshot, Snapshot)
            return client.accept("anna", snapshot.offers[0])

        answer = elsewhere.submit(work)
        daemon.let_in()
        daemon.say(LoggedIn(daemon.expect(Login).id, "anna", "token-1", math.inf))
        asked = daemon.expect(Subscribe)
        daemon.say(Subscribed(asked.id, ANNA, 3), Snapshot(ANNA, 3, "online", [offer], []))
        accept = daemon.expect(Accept)
        assert (accept.agent, accept.conversation, accept.offer) == ("anna", "k1", "o1")
        daemon.say(Ack(accept.id, 9))
        assert result(answer).position == 9


def test_no_command_can_be_sent_from_the_clients_own_thread(daemon: Daemon) -> None:
    raised: Future[BaseException | None] = Future()

    def on_event(event: Notice) -> None:
        if isinstance(event, Connected):
            try:
                client.customer_message("web", "c1", "hello")
            except RuntimeError as error:
                raised.set_result(error)

    client = GatewayClient(daemon.address, name="gateway-1", on_event=on_event)
    with closing(client):
        daemon.let_in()
        assert isinstance(result(raised), RuntimeError)


# Keys.


def test_both_sides_with_keys_speak_encrypted() -> None:
    server, client_keys = make_key_pair(), make_key_pair()

    def prepare(socket: Any) -> None:
        socket.curve_server = True
        socket.curve_secretkey = server.secret.encode()

    daemon = Daemon(prepare)
    with (
        closing(daemon),
        closing(GatewayClient(daemon.address, keys=client_keys, server_key=server.public)) as client,
    ):
        pending = client.without_waiting.customer_message("web", "c1", "hello")
        assert daemon.let_in().name == ""
        daemon.ack()
        assert pending.result(PATIENCE_S).position == 1


def test_a_client_whose_key_is_unknown_raises() -> None:
    server = make_key_pair()

    def prepare(socket: Any) -> None:
        socket.curve_server = True
        socket.curve_secretkey = server.secret.encode()
        socket.zap_domain = b"test"

    daemon = Daemon(prepare)
    zap = daemon.context.socket(zmq.REP)
    zap.bind("inproc://zeromq.zap.01")
    client = GatewayClient(daemon.address, keys=make_key_pair(), server_key=server.public)
    with closing(daemon), closing(client):
        pending = client.without_waiting.customer_message("web", "c1", "hello")
        assert zap.poll(PATIENCE_S * 1000)
        version, request, *_ = zap.recv_multipart()
        zap.send_multipart([version, request, b"400", b"unknown", b"", b""])
        with pytest.raises(CommandRefused, match="NOT_AUTHENTICATED"):
            pending.result(PATIENCE_S)


def test_half_a_set_of_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="go together"):
        GatewayClient("tcp://127.0.0.1:1", keys=make_key_pair())
    with pytest.raises(ValueError, match="plain"):
        GatewayClient("tcp://127.0.0.1:1", name="me", keys=make_key_pair(), server_key="x" * 40)


# asyncio.


def test_an_asyncio_gateway_speaks_and_listens(daemon: Daemon, elsewhere: ThreadPoolExecutor) -> None:
    events: list[Notice] = []

    async def use() -> tuple[list[int], list[int]]:
        async with AsyncGatewayClient(daemon.address, name="gateway-1", on_event=events.append) as client:
            acks = await asyncio.gather(*[client.customer_message("web", f"c{n}", "hello") for n in range(3)])
            numbers = []
            async for each in client.deliveries("web"):
                numbers.append(each.number)
                if len(numbers) == 3:
                    break
            return [ack.position for ack in acks], numbers

    answer = elsewhere.submit(asyncio.run, use())
    daemon.let_in()
    for position in (1, 2, 3):
        daemon.ack(position)
    daemon.say(Subscribed(daemon.expect(Subscribe).id, WEB, 0), *deliveries(1, 3))
    assert result(answer) == ([1, 2, 3], [1, 2, 3])
    assert daemon.expect(Received) == Received(WEB, 2)
    assert daemon.expect(Goodbye)
    assert type(events[0]) is Connected


def test_an_asyncio_client_awaits_room_and_keeps_it_taken_when_the_caller_gives_up(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    async def use() -> int:
        async with AsyncGatewayClient(daemon.address, name="gateway-1", in_flight_max=1) as client:
            first = asyncio.ensure_future(client.customer_message("web", "c1", "first"))
            second = asyncio.ensure_future(client.customer_message("web", "c2", "second"))
            await asyncio.wait([first, second], timeout=0)
            first.cancel()
            return (await second).position

    answer = elsewhere.submit(asyncio.run, use())
    daemon.let_in()
    first = daemon.expect(CustomerMessage)
    assert (first.content.text, daemon.heard) == ("first", [])
    daemon.say(Ack(first.id, 1))
    assert daemon.ack(position=2).content.text == "second"
    assert result(answer) == 2


def test_an_asyncio_console_sees_its_stream_end_when_the_client_is_closed(
    daemon: Daemon, elsewhere: ThreadPoolExecutor
) -> None:
    async def use() -> list[type]:
        client = AsyncConsoleClient(daemon.address, name="console-1")
        await client.login("anna", "secret")
        seen = []
        async for event in client.events("anna"):
            seen.append(type(event))
            await client.close()
        return seen

    answer = elsewhere.submit(asyncio.run, use())
    daemon.let_in()
    daemon.say(LoggedIn(daemon.expect(Login).id, "anna", "token-1", math.inf))
    daemon.say(Subscribed(daemon.expect(Subscribe).id, ANNA, 3), Snapshot(ANNA, 3, "online", [], []))
    assert result(answer) == [Snapshot]
