"""Reply windows and delivery over real sockets, through the SDK, with a daemon that dies on the way."""

from __future__ import annotations

import pytest

from protocol.channels import DeliveryChanged, WindowChanged
from protocol.errors import CommandRefused
from protocol.news import AgentSaid, CustomerSaid
from tests.plays.theatre import House, desk_text, until

WECHAT = 'kind = "wechat-official-account"\nreceipts = "sent"'


@pytest.mark.rule("I1", "I2", "guarantee-G6")
def test_a_message_is_throttled_outlives_the_daemon_and_arrives_and_the_sixth_is_refused() -> None:
    with House(desk_text(agents=["anna"]).replace('kind = "web"', WECHAT), http=True) as house:
        gateway, anna = house.gateway(), house.console().agent("anna")
        gateway.writes("ann")
        talk = anna.accepts(anna.is_offered()).conversation
        anna.says(talk, "one")
        first = gateway.hears.hears_delivery(AgentSaid)
        gateway.client.report_delivery(first, "retry", code="45009", retry_after_s=2.0)
        waits = anna.hears(DeliveryChanged)
        assert (waits.sequence, waits.state, waits.code) == (first.sequence, "queued", "45009")
        anna.says(talk, "two")
        house.kill()
        house.start()
        again = gateway.hears.hears_delivery(AgentSaid)
        second = gateway.hears.hears_delivery(AgentSaid)
        assert isinstance(again.news, AgentSaid)
        assert isinstance(second.news, AgentSaid)
        assert (again.sequence, again.news.attempt, second.news.attempt) == (first.sequence, 2, 1)
        for delivery in (again, second):
            gateway.client.report_delivery(delivery, "sent", provider_id="m1")
        for number in range(3, 6):
            anna.says(talk, f"number {number}")
        with pytest.raises(CommandRefused) as refused:
            anna.says(talk, "too many")
        assert (refused.value.code, refused.value.sends_left) == ("WINDOW_CLOSED", 0)
        assert refused.value.window_closes_at == again.news.expires_at
        counted = "switchboard_window_refusals_total{"
        until(lambda: counted in house.fetch("/metrics")[1], "the refusal is counted")
        gateway.client.customer_acted("web", "ann", "scan")
        opened = anna.hears(WindowChanged)
        assert opened.window is not None
        assert (opened.trigger, opened.window.sends_left) == ("scan", 3)
        gateway.writes("ann", "hello again")
        said = anna.hears(CustomerSaid)
        assert said.window is not None
        assert said.window.sends_left == 5
