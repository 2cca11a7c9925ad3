"""What a channel may do, and what becomes of messages on their way to the customer: windows and delivery.

They belong to the vocabulary of ``protocol/messages.py``, which lists them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.fields import CommandId, Contact, Message, Name, Number, Reason
from protocol.views import WindowView

# From a gateway.


class CustomerActed(Message, frozen=True, tag="customer_acted"):
    """The customer has done something that is no message, but may open the reply window of the channel.

    ``trigger`` is ``menu_click``, ``follow``, ``scan``, ``session_enter``, ``payment`` or ``ad_click``; or
    ``connect`` and ``disconnect``, where the window is a connection (I4).
    """

    id: CommandId
    channel: Name
    contact: Contact
    trigger: Name


class DeliveryReport(Message, frozen=True, tag="delivery_report"):
    """What has become of a message on its way to the customer, named by its ``sequence`` (G6).

    ``retry``: it could not be sent now, and the daemon shall give it again, after ``retry_after_s`` if that
    is not 0. The state only moves up; a report of what is known, or of less, changes nothing.
    """

    id: CommandId
    channel: Name
    conversation: Name
    sequence: Annotated[int, Meta(ge=1, le=2**62)]
    state: Name
    code: Annotated[str, Meta(max_length=65)] = ""
    reason: Reason = ""
    provider_id: Annotated[str, Meta(max_length=256)] = ""
    retry_after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


# To agents.


class WindowChanged(Message, frozen=True, tag="window_changed"):
    """The reply window of the conversation's customer has changed without a message of the customer's.

    ``trigger`` is what the customer did, or ``closed``: it has closed while he waited for an answer.
    """

    trigger: str
    window: WindowView | None = None


class DeliveryChanged(Message, frozen=True, tag="delivery_changed"):
    """The message with this ``sequence`` has got further on its way to the customer, or will not arrive.

    ``code`` is the provider's own. With ``retry_at`` it waits, ``queued``, to be given to the gateway again.
    """

    sequence: Number
    state: str
    code: str = ""
    reason: str = ""
    attempt: int = 1
    retry_at: float = 0.0
    window: WindowView | None = None
