"""The ZAP handler asked without a handshake, and what the self-test makes of having nothing to test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from zmq.utils import z85

from daemon.transport import Listener, Security
from daemon.zap import ENDPOINT, SelfTest, ZapHandler

KEY = zmq.curve_keypair()[0]
RAW = z85.decode(KEY)
QUESTION = [b"switchboard-gateway", b"127.0.0.1", b"", b"CURVE", RAW]


class Asking:
    """A handler, and libzmq's side of it. It lets in the known key at ``gateway``, and at ``plain`` whoever
    has none; at ``broken`` it raises.
    """

    def __init__(self, context: Any) -> None:
        self.handler = ZapHandler(context, self._allowed)
        self.socket = context.socket(zmq.DEALER)
        self.socket.connect(ENDPOINT)

    def _allowed(self, role: str, key: str) -> bool:
        if role == "broken":
            raise ValueError("a defect of ours")
        return (role, key) in (("gateway", KEY.decode()), ("plain", ""))

    def asks(self, *fields: bytes) -> list[bytes]:
        """Return status and user of the answer to the last question."""
        self.socket.send_multipart([b"", b"1.0", b"7", *fields])
        self.handler.answer_all()
        empty, version, request, status, _, user, metadata = self.socket.recv_multipart(zmq.NOBLOCK)
        assert (empty, version, request, metadata) == (b"", b"1.0", b"7", b"")
        return [status, user]

    def close(self) -> None:
        self.socket.close(0)
        self.handler.close()


@pytest.fixture
def asking() -> Iterator[Asking]:
    context: zmq.Context[Any] = zmq.Context()
    made = Asking(context)
    yield made
    made.close()
    context.destroy(0)


def test_a_known_key_is_let_in_as_itself(asking: Asking) -> None:
    assert asking.asks(*QUESTION) == [b"200", KEY]
    assert asking.handler.refused == 0


def test_without_a_key_somebody_is_let_in_as_nobody_and_only_where_that_is_allowed(asking: Asking) -> None:
    assert asking.asks(b"switchboard-plain", b"", b"", b"NULL") == [b"200", b""]
    assert asking.asks(b"switchboard-gateway", b"", b"", b"NULL") == [b"400", b""]


@pytest.mark.parametrize(
    "fields",
    [
        [*QUESTION[:4], bytes(32)],
        [b"switchboard-console", *QUESTION[1:]],
        [*QUESTION[:4], RAW[:7]],
        QUESTION[:4],
        [b"switchboard-plain", b"", b"", b"PLAIN", b"anna", b"correct horse"],
        [b"switchboard-broken", *QUESTION[1:]],
        [b"\xff\xfe", *QUESTION[1:]],
        [],
    ],
    ids=["another key", "other door", "half a key", "no key", "a password", "a defect", "no text", "nothing"],
)
def test_everybody_else_is_refused_and_counted_and_the_handler_goes_on(
    asking: Asking, fields: list[bytes]
) -> None:
    """pyzmq's own thread dies of an exception, and then nobody gets in any more."""
    assert asking.asks(*fields) == [b"400", b""]
    assert asking.handler.refused == 1
    assert asking.asks(*QUESTION) == [b"200", KEY]


def test_a_question_that_is_none_is_refused_as_well(asking: Asking) -> None:
    asking.socket.send_multipart([b"no delimiter"])
    asking.handler.answer_all()
    assert asking.handler.refused == 1


def test_where_no_listener_has_keys_the_self_test_has_no_problems() -> None:
    context: zmq.Context[Any] = zmq.Context()
    test = SelfTest(context, [])
    test.start(0.0)
    assert (test.running, test.problems, test.step(1.0)) == (False, [], False)
    context.destroy(0)


def test_a_self_test_that_is_ended_early_is_not_running_any_more() -> None:
    """The daemon is stopped while its probes are out."""
    context: zmq.Context[Any] = zmq.Context()
    listener = Listener(context, "gateway", "tcp://127.0.0.1:0", Security(*zmq.curve_keypair()), 1_024, 500)
    test = SelfTest(context, [(listener, KEY)])
    test.start(0.0)
    assert (test.running, test.problems) == (True, None)
    test.close()
    assert (test.running, test.step(1.0)) == (False, False)
    listener.close()
    context.term()
