"""The gateways' verbs about channels: triggers and delivery reports; blocking and asynchronous."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from protocol.channels import CustomerActed, DeliveryReport
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.messages import Ack, Delivery


class Reports:
    """What a blocking gateway tells of what customers do, and of what becomes of messages to them."""

    def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Pending[Any]:
        raise NotImplementedError

    def customer_acted(self, channel: str, contact: str, trigger: str) -> Ack:
        """Tell that the customer has done something that is no message: ``menu_click``, ``follow``, ``scan``,
        ``session_enter``, ``payment``, ``ad_click``, ``connect`` or ``disconnect``.
        """
        ack: Ack = self._send(_acted(channel, contact, trigger)).result()
        return ack

    def report_delivery(
        self,
        delivery: Delivery,
        state: str,
        *,
        code: str = "",
        reason: str = "",
        provider_id: str = "",
        retry_after_s: float = 0.0,
    ) -> Ack:
        """Report what has become of a message: ``sent``, ``delivered``, ``read``, ``failed`` with the
        provider's ``code``, ``expired``, ``unknown``; or ``retry``, to be given it again later.
        """
        make = _report(delivery, state, code, reason, provider_id, retry_after_s)
        ack: Ack = self._send(make).result()
        return ack


class AsyncReports:
    """What an asyncio gateway tells of what customers do, and of what becomes of messages to them."""

    async def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Any:
        raise NotImplementedError

    async def customer_acted(self, channel: str, contact: str, trigger: str) -> Ack:
        """Tell that the customer has done something that is no message: ``menu_click``, ``follow``, ``scan``,
        ``session_enter``, ``payment``, ``ad_click``, ``connect`` or ``disconnect``.
        """
        ack: Ack = await self._send(_acted(channel, contact, trigger))
        return ack

    async def report_delivery(
        self,
        delivery: Delivery,
        state: str,
        *,
        code: str = "",
        reason: str = "",
        provider_id: str = "",
        retry_after_s: float = 0.0,
    ) -> Ack:
        """Report what has become of a message: ``sent``, ``delivered``, ``read``, ``failed`` with the
        provider's ``code``, ``expired``, ``unknown``; or ``retry``, to be given it again later.
        """
        make = _report(delivery, state, code, reason, provider_id, retry_after_s)
        ack: Ack = await self._send(make)
        return ack


def _acted(channel: str, contact: str, trigger: str) -> Callable[..., CustomerActed]:
    return partial(CustomerActed, channel=channel, contact=contact, trigger=trigger)


def _report(
    delivery: Delivery, state: str, code: str, reason: str, provider_id: str, retry_after_s: float
) -> Callable[..., DeliveryReport]:
    return partial(
        DeliveryReport,
        channel=delivery.stream.partition("/")[2],
        conversation=delivery.conversation,
        sequence=delivery.sequence,
        state=state,
        code=code,
        reason=reason,
        provider_id=provider_id,
        retry_after_s=retry_after_s,
    )
