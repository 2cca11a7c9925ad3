"""The client SDK: gateways and consoles that reconnect, resume and resend by themselves.

A whole gateway, for a channel that is this terminal::

    import sys
    import threading

    from protocol.client import GatewayClient, load_key_pair, load_public_key
    from protocol.content import Text
    from protocol.news import AgentSaid


    def hand_over(gateway):
        for line in sys.stdin:
            contact, _, text = line.strip().partition(": ")
            gateway.customer_message("terminal", contact, text)


    keys, server_key = load_key_pair("gateway.key"), load_public_key("server.pub")
    with GatewayClient("tcp://127.0.0.1:5570", keys=keys, server_key=server_key) as gateway:
        threading.Thread(target=hand_over, args=(gateway,), daemon=True).start()
        for delivery in gateway.deliveries("terminal"):
            if isinstance(delivery.news, AgentSaid) and isinstance(delivery.news.content, Text):
                print(f"to {delivery.contact}: {delivery.news.content.text}")

A message is stored when ``customer_message`` returns. A delivery counts as received when the loop asks for
the next one: should this program die before, the same delivery comes again under the same number.
"""

from protocol.client.asynchronous import AsyncConsoleClient, AsyncDeliveries, AsyncGatewayClient
from protocol.client.blocking import ConsoleClient, Deliveries, GatewayClient
from protocol.client.errors import ClientClosed, ConnectionReplaced, KeyFileError
from protocol.client.events import (
    AgentLost,
    Connected,
    Disconnected,
    GapFound,
    HintHeard,
    HistoryChanged,
    Notice,
    Stopped,
)
from protocol.client.keys import (
    KeyPair,
    load_key_pair,
    load_public_key,
    make_key_pair,
    save_key_pair,
    save_public_key,
)
from protocol.client.media import MediaDamaged
from protocol.client.pending import Pending

__all__ = [
    "AgentLost",
    "AsyncConsoleClient",
    "AsyncDeliveries",
    "AsyncGatewayClient",
    "ClientClosed",
    "Connected",
    "ConnectionReplaced",
    "ConsoleClient",
    "Deliveries",
    "Disconnected",
    "GapFound",
    "GatewayClient",
    "HintHeard",
    "HistoryChanged",
    "KeyFileError",
    "KeyPair",
    "MediaDamaged",
    "Notice",
    "Pending",
    "Stopped",
    "load_key_pair",
    "load_public_key",
    "make_key_pair",
    "save_key_pair",
    "save_public_key",
]
