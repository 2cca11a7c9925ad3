"""Too few descriptors: whoever is there goes on, and whoever was kept out comes in later (S11).

Over TCP. On an ipc socket libzmq 4.3.5 ends the process when it has no descriptor left (docs/reliability.md).
"""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.plays.theatre import Gateway, House, desk_text, free_port, until
from tests.plays.wire import Peer


@pytest.mark.rule("guarantee-G13")
def test_when_all_descriptors_are_taken_those_who_are_there_are_served() -> None:
    gateways: dict[str, str | None] = {"shop": None, "late": None}
    address = f"tcp://127.0.0.1:{free_port()}"
    house = House(desk_text(agents=["anna"], gateways=gateways), **{"listen.gateways": {"address": address}})
    with house:
        gateway = house._guests.enter_context(Gateway(house, address, "acme:shop", None, {}))
        anna = house.console().agent("anna")
        conversation = gateway.writes("olena").conversation
        anna.accepts(anna.is_offered())
        assert house.process is not None
        process = house.process.pid
        used = len(list(Path(f"/proc/{process}/fd").iterdir()))
        most = resource.prlimit(process, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(process, resource.RLIMIT_NOFILE, (used + 6, most))
        with ExitStack() as stack:
            for _ in range(40):
                silent = stack.enter_context(socket.socket())
                silent.connect(("127.0.0.1", int(address.rpartition(":")[2])))
            for number in range(20):
                gateway.writes("olena", f"message {number}")
            anna.says(conversation, "certainly")
        until(lambda: len(list(Path(f"/proc/{process}/fd").iterdir())) <= used + 1, "the descriptors back")
        resource.prlimit(process, resource.RLIMIT_NOFILE, (min(most, 1_024), most))
        with Peer(address) as late:
            late.says_hello("gateway", "acme:late")
            assert late.is_answered()
        assert house.process.poll() is None
        assert "Traceback" not in house.stderr()
