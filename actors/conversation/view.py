"""Who must learn of an event of a conversation, and what they may see of it.

The one place that builds what leaves the daemon. What an agent may see is masked last, when all of it is
built (``actors/masking.py``): here for deliveries, in ``daemon/outbound.py`` for what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from actors import events
from actors.agent import view as agents
from actors.conversation import window
from actors.conversation.state import Conversation, Invitation, Offer, Status
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, CustomerWrote
from actors.journal import Entry
from actors.masking import Masking
from protocol import channels, life, news as wire, teamwork
from protocol.messages import Delivery, News
from protocol.news import AgentSaid, CustomerSaid
from protocol.views import ConversationView, InvitationView, OfferView

#: What agents call the channels, by id (``actors/customer/naming.py``); without it nothing is said.
Names = Mapping[str, str]
NO_NAMES: Names = {}


@lru_cache(maxsize=10_000)
def to_agent(agent: str) -> tuple[str, ...]:
    """Return the stream of an agent, alone."""
    return (f"agent/{agent}",)


@lru_cache(maxsize=10_000)
def to_channel(channel: str) -> tuple[str, ...]:
    """Return the stream of a channel, alone."""
    return (f"channel/{channel}",)


@lru_cache(maxsize=10_000)
def _of_two(channel: str, agent: str) -> dict[type[Any], tuple[str, ...]]:
    return {CustomerWrote: to_agent(agent) if agent else (), AgentWrote: to_channel(channel)}


def hearers(state: Conversation) -> dict[type[Any], tuple[str, ...]]:
    """Return who must learn of what the customer and the assignee write, by the kind of event.

    It holds until the conversation changes otherwise; one table serves all conversations of the two.
    """
    if state.outbox:
        # Whether the channel may have it yet is said by each message.
        return {CustomerWrote: _streams(_agents(state))}
    if state.offer is None and not state.members:
        return _of_two(state.channel, state.assignee)
    agents = _agents(state)
    others = _streams(agent for agent in agents if agent != state.assignee)
    return {CustomerWrote: _streams(agents), AgentWrote: to_channel(state.channel) + others}


def audience(state: Conversation, event: AnyEvent) -> tuple[str, ...]:
    """Return the streams of those who must learn of an event; ``state`` is the state before it.

    What an agent writes comes to all other agents in the conversation; to the writer it is acknowledged.
    """
    kind = type(event)
    if kind is CustomerWrote:
        return hearers(state)[kind]
    if kind is AgentWrote:
        writer = event.author or event.agent  # type: ignore[union-attr]
        others = _streams(agent for agent in _agents(state) if agent != writer)
        return _to_customer(state, event) + others
    return _AUDIENCES[kind](state, event)


def _to_customer(state: Conversation, event: Any) -> tuple[str, ...]:
    """Return the channel's stream; of nobody, while what was written waits for an earlier message."""
    held = event.sending is not None and event.sending.held
    return () if held else to_channel(state.channel)


def _agents(state: Conversation) -> tuple[str, ...]:
    """The agents who are in the conversation, and the one who is offered it."""
    offered_to = state.offer.agent if state.offer is not None else ""
    return (state.assignee, *state.members, offered_to)


def _streams(agents: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"agent/{agent}" for agent in agents if agent))


def _nobody(_: Conversation, __: AnyEvent) -> tuple[str, ...]:
    return ()


def _its_agent(_: Conversation, event: Any) -> tuple[str, ...]:
    return to_agent(event.agent)


def _everybody(state: Conversation, _: AnyEvent) -> tuple[str, ...]:
    return to_channel(state.channel) + _streams(_agents(state))


def _the_agents(state: Conversation, _: AnyEvent) -> tuple[str, ...]:
    return _streams(_agents(state))


def _ended(state: Conversation, event: events.Ended) -> tuple[str, ...]:
    """To the customer one that is wrapped up has been over before."""
    return _the_agents(state, event) if state.status is Status.WRAP_UP else _everybody(state, event)


def _taken_up(state: Conversation, event: events.Reopened) -> tuple[str, ...]:
    return to_channel(state.channel) + _streams((event.agent, state.assignee))


def _disturbed(state: Conversation, event: events.Muted | events.Unmuted) -> tuple[str, ...]:
    return _streams((*_agents(state), event.agent, state.muted_from))


def _others(state: Conversation, event: events.NoteWritten) -> tuple[str, ...]:
    return _streams(agent for agent in _agents(state) if agent != event.agent)


def _whoever_served(state: Conversation, _: events.Rated) -> tuple[str, ...]:
    return _streams((state.assignee or state.previous,))


def _greeted(state: Conversation, event: events.Greeted) -> tuple[str, ...]:
    return _to_customer(state, event) + _streams(_agents(state))


def _agents_or_last(state: Conversation, _: AnyEvent) -> tuple[str, ...]:
    """Whoever is in the conversation; of one that has ended, whoever had it."""
    return _streams(_agents(state)) or _streams((state.previous,))


def _its_channel(state: Conversation, _: AnyEvent) -> tuple[str, ...]:
    return to_channel(state.channel)


def _old_and_new(state: Conversation, event: events.Assigned) -> tuple[str, ...]:
    return to_channel(state.channel) + _streams((event.agent, state.assignee, *state.members))


def _agent_and_asker(
    _: Conversation, event: events.TransferStarted | events.TransferEnded
) -> tuple[str, ...]:
    return _streams((event.agent, event.by))


def _asker_and_asked(state: Conversation, event: events.InvitationEnded) -> tuple[str, ...]:
    return _streams((event.agent, event.by, state.assignee))


def _colleagues(state: Conversation, event: events.MemberJoined | events.MemberLeft) -> tuple[str, ...]:
    return _streams((event.agent, state.assignee, *state.members))


_AUDIENCES: dict[type[Any], Callable[[Conversation, Any], tuple[str, ...]]] = {
    events.Started: _nobody,
    events.Queued: _nobody,
    events.Greeted: _greeted,
    events.Offered: _its_agent,
    events.OfferDeclined: _its_agent,
    events.OfferExpired: _its_agent,
    events.OfferWithdrawn: _its_agent,
    events.Assigned: _old_and_new,
    events.Released: _its_agent,
    events.Ended: _ended,
    events.TransferStarted: _agent_and_asker,
    events.TransferEnded: _agent_and_asker,
    events.Invited: _its_agent,
    events.InvitationEnded: _asker_and_asked,
    events.MemberJoined: _colleagues,
    events.MemberLeft: _colleagues,
    # The members have learned it, each for himself.
    events.ConferenceEnded: _nobody,
    # The supervisors as well: the shell knows them.
    events.FirstReplyMissed: _its_agent,
    events.AssigneeGone: _nobody,
    events.AssigneeBack: _nobody,
    events.Solved: _everybody,
    events.StatusSet: _the_agents,
    events.Reopened: _taken_up,
    events.EndScheduled: _the_agents,
    events.EndCancelled: _the_agents,
    events.Interrupted: _everybody,
    events.Muted: _disturbed,
    events.Unmuted: _disturbed,
    events.NoteWritten: _others,
    events.Tagged: _the_agents,
    events.Renamed: _the_agents,
    events.Rated: _whoever_served,
    events.GreetingLeftOut: _nobody,
    events.Triggered: _agents_or_last,
    events.WindowLapsed: _agents_or_last,
    events.DeliveryReported: _agents_or_last,
    events.SentAgain: _its_channel,
}


def offer_view(ident: str, state: Conversation, offer: Offer, names: Names = NO_NAMES) -> OfferView:
    """Return a live offer as the agent may see it (E2)."""
    going_to = state.transfer.to_department if state.transfer is not None else ""
    return OfferView(
        ident,
        offer.offer,
        going_to or state.department,
        state.channel,
        state.contact,
        offer.deadline_at,
        state.since,
        state.name,
        offer.kind,
        offer.from_agent,
        offer.note,
        names.get(state.channel, ""),
        state.origin,
    )


def conversation_view(ident: str, state: Conversation, names: Names = NO_NAMES) -> ConversationView:
    """Return a conversation as those who are in it may see it; several are in it if it has members (G9)."""
    return ConversationView(
        ident,
        state.department,
        state.channel,
        state.contact,
        state.sequence,
        state.name,
        state.assignee,
        state.members,
        state.question,
        state.started_at,
        state.email,
        state.status.value,
        state.style,
        state.closes_at or 0.0,
        state.ending.ends_at if state.ending is not None else 0.0,
        state.tags,
        window.view(state.window),
        names.get(state.channel, ""),
        state.origin,
    )


def invitation_view(ident: str, state: Conversation, made: Invitation) -> InvitationView:
    """Return an invitation as the invited agent may see it."""
    return InvitationView(
        ident,
        made.invitation,
        state.department,
        state.channel,
        state.contact,
        made.by,
        made.deadline_at,
        state.name,
        made.note,
    )


def _offer(ident: str, event: events.Offered) -> News:
    view = OfferView(
        conversation=ident,
        offer=event.offer,
        department=event.department,
        channel=event.channel,
        contact=event.contact,
        deadline_at=event.deadline_at,
        waiting_since=event.since,
        name=event.name,
        kind=event.kind,
        from_agent=event.from_agent,
        note=event.note,
        origin=event.origin,
    )
    return wire.OfferMade(view)


def _invitation(ident: str, event: events.Invited) -> News:
    view = InvitationView(
        conversation=ident,
        invitation=event.invitation,
        department=event.department,
        channel=event.channel,
        contact=event.contact,
        from_agent=event.by,
        deadline_at=event.deadline_at,
        name=event.name,
        note=event.note,
    )
    return teamwork.InvitationMade(view)


def _transfer(_: str, event: events.TransferStarted) -> News:
    return teamwork.TransferStarted(
        event.by, event.to_agent, event.to_department, event.deadline_at, event.note
    )


def _automatic_reply(_: str, event: events.Greeted) -> News:
    sending = event.sending
    if sending is None:
        return teamwork.AutomaticReply(event.kind, event.text)
    return teamwork.AutomaticReply(event.kind, event.text, 1, sending.expires_at, sending.tag)


def _delivery_changed(_: str, event: events.DeliveryReported) -> News:
    return channels.DeliveryChanged(
        event.sequence,
        event.state,
        event.code,
        event.reason or event.meaning,
        event.attempt,
        event.retry_at,
        window.view(event.window),
    )


_NEWS: dict[type[Any], Callable[[str, Any], News]] = {
    events.CustomerWrote: lambda _, event: wire.CustomerSaid(event.content, window.view(event.window)),
    events.AgentWrote: lambda _, event: wire.AgentSaid(event.agent, event.content, event.author),
    events.Greeted: _automatic_reply,
    events.Triggered: lambda _, event: channels.WindowChanged(event.trigger, window.view(event.window)),
    events.WindowLapsed: lambda _, event: channels.WindowChanged("closed", window.view(event.window)),
    events.DeliveryReported: _delivery_changed,
    events.Started: lambda _, event: wire.ConversationStarted(
        event.channel, event.contact, event.department, event.name
    ),
    events.Offered: _offer,
    events.OfferDeclined: lambda _, event: wire.OfferEnded(event.offer, "declined", event.reason),
    events.OfferExpired: lambda _, event: wire.OfferEnded(event.offer, "expired"),
    events.OfferWithdrawn: lambda _, event: wire.OfferEnded(event.offer, "withdrawn", event.reason),
    events.Assigned: lambda _, event: wire.Assigned(
        event.agent,
        event.department,
        event.channel,
        event.contact,
        event.name,
        event.shown_as,
        origin=event.origin,
    ),
    events.Released: lambda _, event: wire.Unassigned(event.agent, event.department, event.reason),
    events.Ended: lambda _, event: wire.ConversationEnded(event.by, event.contact, event.reason),
    **agents.NEWS,
    events.TransferStarted: _transfer,
    events.TransferEnded: lambda _, event: teamwork.TransferEnded(event.outcome, event.agent, event.reason),
    events.Invited: _invitation,
    events.InvitationEnded: lambda _, event: teamwork.InvitationEnded(
        event.invitation, event.agent, event.outcome, event.reason
    ),
    events.MemberJoined: lambda _, event: teamwork.Joined(event.agent),
    events.MemberLeft: lambda _, event: teamwork.Left(event.agent, event.reason),
    events.FirstReplyMissed: lambda _, event: teamwork.FirstReplyMissed(event.agent, event.since),
    events.Solved: lambda _, event: life.StatusChanged("solved", event.by, event.reason, event.closes_at),
    events.StatusSet: lambda _, event: life.StatusChanged(event.status, event.by),
    events.Reopened: lambda _, event: life.Reopened(event.by, event.agent, event.how),
    events.EndScheduled: lambda _, event: life.EndScheduled(event.by, event.ends_at, event.reason),
    events.EndCancelled: lambda _, event: life.EndCancelled(event.by),
    events.Interrupted: lambda _, event: life.Interrupted(event.by, event.reason, event.wrap_up_by or 0.0),
    events.Muted: lambda _, event: life.DoNotDisturbChanged(True, event.by),
    events.Unmuted: lambda _, event: life.DoNotDisturbChanged(False, event.by, event.closes_at or 0.0),
    events.NoteWritten: lambda _, event: life.Noted(event.agent, event.text),
    events.Tagged: lambda _, event: life.Tagged(event.by, event.added, event.removed),
    events.Renamed: lambda _, event: life.Renamed(event.name),
    events.Rated: lambda _, event: life.Rated(event.score, event.comment),
    events.OrderChanged: lambda _, event: teamwork.OrderChanged(event.department, event.order, event.by),
}


def news(ident: str, event: AnyEvent) -> News | None:
    """Return what a consumer or a reader of the thread may see of an event; None if nothing."""
    make = _NEWS.get(type(event))
    return None if make is None else make(ident, event)


def deliveries(
    stream: str,
    first: int,
    entries: list[Entry],
    masking: Masking | None = None,
    names: Names = NO_NAMES,
) -> list[Delivery]:
    """Return what a consumer is told of consecutive events; the hot path makes what people write itself.

    ``masking`` and ``names`` are the consumer's, decided once and not for each message; a channel has none.
    """
    to_customer = stream[0] == "c"
    told: list[Delivery] = []
    for number, entry in enumerate(entries, first):
        event: Any = entry.event
        kind = type(event)
        said: News
        if kind is CustomerWrote:
            said = CustomerSaid(event.content)
            if event.window is not None:
                said = CustomerSaid(event.content, window.view(event.window))
        elif kind is AgentWrote:
            # To the customer it is always the assignee who speaks (G11).
            if not to_customer:
                said = AgentSaid(event.agent, event.content, event.author)
            elif event.sending is None:
                said = AgentSaid(event.agent, event.content, "", event.shown_as)
            else:
                said = _to_be_sent(event)
        else:
            told.append(delivery(stream, number, entry, names))
            continue
        contact = event.contact if to_customer else ""
        told.append(Delivery(stream, number, entry.at, said, entry.id, entry.sequence, contact))
    return told if masking is None else [masking.message(each) for each in told]


def delivery(stream: str, number: int, entry: Entry, names: Names = NO_NAMES) -> Delivery:
    """Return what a consumer is told of an event."""
    event = entry.event
    kind = type(event)
    if stream[0] == "c":
        # To the customer it is always the assignee who speaks (G11).
        sequence = entry.sequence
        if kind is events.AgentWrote:
            told: News = _to_be_sent(event)
        elif kind is events.SentAgain:
            # It goes under its own name, however often it is given (G6).
            told, sequence = _given_again(event), event.sequence  # type: ignore[union-attr]
        elif kind is events.Interrupted:
            # On the customer's side there is nothing to wrap up.
            told = wire.ConversationEnded(event.by, event.contact, event.reason)  # type: ignore[union-attr]
        else:
            told = _NEWS[kind](entry.id, event)
            if kind is events.Assigned:
                # What began it is the agents' business.
                told = replace(told, origin="")
        contact = event.contact  # type: ignore[union-attr]
        return Delivery(stream, number, entry.at, told, entry.id, sequence, contact)
    if kind is events.Assigned and stream == f"agent/{event.from_agent}":  # type: ignore[union-attr]
        told = _taken_away(event)
    else:
        told = _NEWS[kind](entry.id, event)
        if names:
            told = _named(told, names)
    if entry.kind != "conversation":
        return Delivery(stream, number, entry.at, told)
    return Delivery(stream, number, entry.at, told, entry.id, entry.sequence)


def _to_be_sent(event: Any) -> News:
    sending = event.sending
    if sending is None:
        return AgentSaid(event.agent, event.content, "", event.shown_as)
    return AgentSaid(event.agent, event.content, "", event.shown_as, 1, sending.expires_at, sending.tag)


def _given_again(event: Any) -> News:
    if event.kind:
        text = event.content.text
        return teamwork.AutomaticReply(event.kind, text, event.attempt, event.expires_at, event.tag)
    return AgentSaid(
        event.agent, event.content, "", event.shown_as, event.attempt, event.expires_at, event.tag
    )


def _named(told: News, names: Names) -> News:
    """Say which channel it is, where that is news (J3)."""
    if isinstance(told, wire.Assigned):
        return replace(told, channel_name=names.get(told.channel, ""))
    if isinstance(told, wire.OfferMade):
        offer = replace(told.offer, channel_name=names.get(told.offer.channel, ""))
        return wire.OfferMade(offer)
    return told


def _taken_away(event: Any) -> News:
    """To the old assignee it is not the same news as to the new one."""
    return wire.Unassigned(event.from_agent, event.department, event.how, event.agent)
