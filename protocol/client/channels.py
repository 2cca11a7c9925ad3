"""The gateways' verbs about channels: what customers write and do, and what becomes of messages to them."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.channels import CustomerActed, DeliveryReport
from protocol.client.verbs import Client, Request, verb
from protocol.content import Content, as_content
from protocol.life import CustomerRating
from protocol.messages import Ack, CustomerLeft, CustomerMessage, Delivery
from protocol.teamwork import Position, ReadPosition


class Reports(Client):
    """What a gateway tells of what customers write and do, and of what becomes of messages to them."""

    @verb
    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str | Content,
        name: str = "",
        language: str = "",
        *,
        department: str = "",
        skills: Mapping[str, int] | None = None,
        priority: int = 0,
        question: str = "",
        email: str = "",
        authenticated: bool = False,
        command_id: bytes | None = None,
    ) -> Request[Ack]:
        """Hand over what a customer has written; the answer says that it is stored.

        ``department``, ``skills`` (with the least level), ``priority``, ``question`` and ``email`` count when
        the message begins a conversation. A gateway whose channel may tell it the same message twice derives
        ``command_id`` from the channel's own id.
        """
        return Request(
            CustomerMessage,
            command_id,
            channel=channel,
            contact=contact,
            content=as_content(text),
            name=name,
            language=language,
            department=department,
            skills=dict(skills or {}),
            priority=priority,
            question=question,
            email=email,
            authenticated=authenticated,
        )

    @verb
    def customer_left(self, channel: str, contact: str, reason: str = "") -> Request[Ack]:
        """Tell that the customer has ended the conversation, or has gone."""
        return Request(CustomerLeft, channel=channel, contact=contact, reason=reason)

    @verb
    def customer_rating(self, channel: str, contact: str, score: int, comment: str = "") -> Request[Ack]:
        """Tell how the customer rates the open conversation, or else the last one: 1 to 5, 5 is best."""
        return Request(CustomerRating, channel=channel, contact=contact, score=score, comment=comment)

    @verb
    def read_position(self, channel: str, contact: str) -> Request[Position]:
        """Read a customer's place in the queue, and an estimate of the wait."""
        return Request(ReadPosition, channel=channel, contact=contact)

    @verb
    def customer_acted(self, channel: str, contact: str, trigger: str) -> Request[Ack]:
        """Tell that the customer has done something that is no message: ``menu_click``, ``follow``, ``scan``,
        ``session_enter``, ``payment``, ``ad_click``, ``connect`` or ``disconnect``.
        """
        return Request(CustomerActed, channel=channel, contact=contact, trigger=trigger)

    @verb
    def report_delivery(
        self,
        delivery: Delivery,
        state: str,
        *,
        code: str = "",
        reason: str = "",
        provider_id: str = "",
        retry_after_s: float = 0.0,
    ) -> Request[Ack]:
        """Report what has become of a message: ``sent``, ``delivered``, ``read``, ``failed`` with the
        provider's ``code``, ``expired``, ``unknown``; or ``retry``, to be given it again later.
        """
        return Request(
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
