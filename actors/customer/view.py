"""What an agent may see of a customer."""

from __future__ import annotations

from actors.customer.machine import Customer, Mark
from actors.customer.naming import channel_name, made_up_name
from config.desk import Desk
from protocol.customers import CustomerView
from protocol.views import AbuseView, PageView


def customer_view(
    ident: bytes, channel: str, contact: str, state: Customer, desk: Desk, conversation: str, name: str
) -> CustomerView:
    """Return what is known of a customer (C6, C7); ``conversation``: the open one, if the agent may know."""
    visit = state.visit
    pages = [PageView(page.at, page.page, page.title) for page in visit.pages] if visit is not None else []
    name = state.name or name or made_up_name(desk, channel, contact, visit.place if visit else "")
    return CustomerView(
        ident,
        channel,
        contact,
        name,
        channel_name(desk, channel),
        state.language,
        state.authenticated,
        state.online,
        visit.since if visit is not None else 0.0,
        pages,
        visit.referrer if visit is not None else "",
        visit.browser if visit is not None else "",
        visit.system if visit is not None else "",
        visit.place if visit is not None else "",
        state.do_not_disturb is not None,
        state.blocked is not None,
        conversation,
    )


def abuse_view(channel: str, contact: str, state: Customer, desk: Desk, mark: Mark, name: str) -> AbuseView:
    """Return a customer as a list of abuse shows him (M1, M2); ``name``: his in the conversation."""
    place = state.visit.place if state.visit is not None else ""
    name = state.name or name or made_up_name(desk, channel, contact, place)
    return AbuseView(channel, contact, mark.by, mark.at, mark.conversation, name)
