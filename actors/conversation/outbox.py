"""What becomes of each message on its way to the customer (G6), where the channel's gateway reports it.

    queued --sent--> sent --delivered--> delivered --read--> read
    queued --retry--> queued, and given to the gateway again later
    queued, sent --failed--> failed      queued --time over--> expired      queued --nobody says--> unknown

States only move up, in the order of ``RANKS``; what is failed or expired stays so. While one message waits to
be given again, the ones written after it are held back, or pass it, as the channel wants it (``holds``). A
conversation's messages are named by their sequence, which never changes however often one is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from actors import events
from actors.conversation import window
from actors.conversation.limits import Demands
from actors.conversation.orders import Refusal
from actors.conversation.window import Leave, Shut, demands_of
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, Greeted, Ledger, Sending
from protocol.channels import DeliveryReport
from protocol.content import Text
from protocol.errors import Code

if TYPE_CHECKING:
    from actors.conversation.state import Conversation, Facts, Outcome

#: From below to above. Of what is unknown something may be heard yet, that it has to be given again, too.
RANKS = {"queued": 0, "unknown": 1, "sent": 2, "delivered": 3, "read": 4}
FINAL = frozenset({"failed", "expired"})
REPORTED = (*RANKS, *sorted(FINAL), "retry")
#: How many messages of which nothing is expected any more are remembered, so that their states move up only.
KEPT = 100
#: The wait before the second, third … time, where the gateway does not say.
BACK_OFF_S, BACK_OFF_MAX_S = 2.0, 300.0
#: For a message whose channel has left the desk.
TIMEOUT_S = 300.0


class Outbound(Struct, frozen=True, array_like=True, gc=False):
    """A message on its way. ``attempt`` 0: it was never given to the gateway. ``report_by``: until when the
    gateway has to report. ``retry_at``: it waits to be given again; ``holds``: later ones wait for it.
    """

    state: str = "queued"
    attempt: int = 1
    report_by: float | None = None
    retry_at: float | None = None
    holds: bool = False
    held: bool = False
    expires_at: float = 0.0
    tag: str = ""
    #: The gateway has said what became of it, be it that it does not know.
    answered: bool = False
    #: The conversation's sequence when it was last given to the gateway again.
    given_at: int = 0

    @property
    def waits(self) -> bool:
        """Whether it is the daemon's turn, not the gateway's."""
        return self.retry_at is not None or self.held


Items = Mapping[int, Outbound]


# What is sent to the customer: decided here, for whoever writes.


def send(state: Conversation, wrote: AgentWrote, facts: Facts) -> Outcome:
    """Return what an agent's message causes where the channel demands something, or why it cannot be sent."""
    demands = demands_of(state, facts)
    if demands is None:
        return [wrote]
    sending = _sending(state, demands, facts.now, automatic=False)
    if isinstance(sending, Shut):
        assert state.window is not None
        return window.refusal(state.window, sending, facts.now, demands)
    return [replace(wrote, sending=sending)]


def greet(state: Conversation, greeted: Greeted, facts: Facts) -> AnyEvent:
    """Return an automatic answer, or that it was left out: it never spends the last message."""
    demands = demands_of(state, facts)
    if demands is None:
        return greeted
    sending = _sending(state, demands, facts.now, automatic=True)
    if isinstance(sending, Shut):
        return events.GreetingLeftOut(greeted.kind, state.channel, sending.reason)
    return replace(greeted, sending=sending)


def _sending(state: Conversation, demands: Demands, now: float, *, automatic: bool) -> Sending | Shut | None:
    leave = window.may_send(state.window, now, demands, automatic=automatic)
    if isinstance(leave, Shut):
        return leave
    report_by = now + demands.timeout_s if demands.followed else 0.0
    held = demands.followed and demands.holds and any(item.waits for item in state.outbox.values())
    sending = Sending(leave.expires_at, leave.tag, report_by, held)
    return None if sending == Sending() else sending


# What a gateway reports.


def not_of_channel(*_: object) -> Refusal:
    """The same answer for "another channel's" and "does not exist" (G15)."""
    return Refusal(Code.NOT_ALLOWED, "no conversation of this channel has that id")


def report(state: Conversation, command: DeliveryReport, facts: Facts) -> Outcome:
    """Return what a gateway's report causes; nothing, if it says no more than is known."""
    if command.channel != state.channel:
        return not_of_channel()
    if command.sequence > state.sequence:
        text = f"the conversation has no message {command.sequence}: its newest sequence is {state.sequence}"
        return Refusal(Code.NOT_ALLOWED, text)
    if command.state not in REPORTED:
        text = f"{command.state!r} is no state of a delivery; there are {', '.join(REPORTED)}"
        return Refusal(Code.NOT_ALLOWED, text)
    demands = demands_of(state, facts)
    item = state.outbox.get(command.sequence)
    if command.state == "retry":
        return _retry(state, item, command, demands, facts.now)
    if command.state in FINAL:
        return _final(state, item, command, demands, facts.now)
    if item is None or item.state in FINAL or RANKS[command.state] <= RANKS[item.state]:
        return []
    if demands is not None and RANKS[item.state] >= RANKS.get(demands.receipts, 0) > 0:
        # It has come as far as this channel is followed: what lies beyond is not kept.
        return []
    return [_reported(command, command.state, item.attempt)]


def _reported(
    command: DeliveryReport,
    state: str,
    attempt: int,
    meaning: str = "",
    retry_at: float = 0.0,
    holds: bool = False,
    ledger: Ledger | None = None,
) -> events.DeliveryReported:
    return events.DeliveryReported(
        command.sequence,
        state,
        command.code,
        command.reason,
        command.provider_id,
        attempt,
        retry_at,
        holds,
        ledger,
        command.channel,
        command.state,
        command.retry_after_s,
        meaning,
    )


def _retry(
    state: Conversation, item: Outbound | None, command: DeliveryReport, demands: Demands | None, now: float
) -> Outcome:
    if item is None:
        text = "this message is not followed, so it cannot be given again: the channel's receipts are none"
        return Refusal(Code.NOT_ALLOWED, text)
    if item.state not in ("queued", "unknown") or item.waits:
        return []
    if demands is None:
        return [_reported(command, "failed", item.attempt, "the channel is no longer in the desk")]
    if item.attempt >= demands.attempts_max:
        return [_reported(command, "failed", item.attempt, f"given up after {item.attempt} attempts")]
    back_off_s = min(BACK_OFF_S * 2 ** (item.attempt - 1), BACK_OFF_MAX_S)
    retry_at = now + (command.retry_after_s or back_off_s)
    expires_at = _leave(state, command.sequence, item, now).expires_at
    if expires_at and retry_at >= expires_at:
        reason = "the reply window closes before it could be sent again"
        return [_reported(command, "expired", item.attempt, reason)]
    return [_reported(command, "queued", item.attempt, "", retry_at, demands.holds)]


def _leave(state: Conversation, sequence: int, item: Outbound, now: float) -> Leave:
    """Return until when, and as what, a message may still be sent: what the customer has done since it was
    written opens the window for it as well.
    """
    ledger = state.window
    if ledger is None or sequence > state.window_at or not window.is_open(ledger, now):
        return Leave(item.expires_at, item.tag)
    return Leave(0.0 if ledger.connected else max(item.expires_at, ledger.until))


def _final(
    state: Conversation, item: Outbound | None, command: DeliveryReport, demands: Demands | None, now: float
) -> Outcome:
    """It will not arrive; what the provider's code says of the window counts from now on."""
    if item is None:
        # Not followed, or so long ago that it must have arrived where arrivals are reported.
        if demands is not None and demands.receipts in ("delivered", "read"):
            return []
    elif item.state in FINAL or RANKS[item.state] >= RANKS["delivered"]:
        return []
    ledger = None
    if demands is not None and command.sequence > state.window_at:
        # A report of a message before the customer's newest one says nothing about what that has opened.
        ledger = window.corrected(state.window, command.code, now, demands)
        ledger = None if ledger == state.window else ledger
    meaning = demands.window.meaning(command.code) if demands is not None else None
    says = meaning.means if meaning is not None else ""
    return [_reported(command, command.state, item.attempt if item else 1, says, ledger=ledger)]


# Time.


def deadline(items: Items) -> float | None:
    """Return when the next message has to be given again, or is overdue."""
    times = [at for _, at in _times(items)]
    times += [item.report_by for item in items.values() if item.report_by is not None and not item.waits]
    return min(times, default=None)


def _times(items: Items) -> Iterator[tuple[int, float]]:
    """Yield the messages that wait for the daemon, in order, and when each may go: never before one that it
    has to wait for. Time 0 is at once.
    """
    not_before = 0.0
    for sequence in sorted(items):
        item = items[sequence]
        if item.retry_at is not None:
            at = max(item.retry_at, not_before) if item.holds else item.retry_at
            not_before = at if item.holds else not_before
            yield sequence, at
        elif item.held:
            yield sequence, not_before


def due(items: Items, now: float) -> list[int]:
    """Return the messages whose turn it is to be given to the gateway, in order."""
    return [sequence for sequence, at in _times(items) if at <= now]


def again(
    state: Conversation, sequence: int, written: AnyEvent | None, facts: Facts
) -> events.SentAgain | events.DeliveryReported:
    """Return the event by which a message is given to the gateway again; ``written`` is what was written."""
    item, demands = state.outbox[sequence], demands_of(state, facts)
    if demands is None:
        return _given_up(sequence, item, "failed", "the channel is no longer in the desk")
    leave = _leave(state, sequence, item, facts.now)
    if leave.expires_at and facts.now >= leave.expires_at:
        return _given_up(sequence, item, "expired", "the reply window has closed")
    report_by = facts.now + demands.timeout_s
    if isinstance(written, AgentWrote):
        agent, content, kind = written.agent, written.content, ""
    elif isinstance(written, Greeted):
        agent, content, kind = "", Text(written.text), written.kind
    else:
        return _given_up(sequence, item, "failed", "the journal no longer has the message")
    return events.SentAgain(
        sequence,
        agent,
        state.contact,
        content,
        item.attempt + 1,
        report_by,
        leave.expires_at,
        leave.tag,
        kind,
        written.shown_as if isinstance(written, AgentWrote) else "",
    )


def _given_up(sequence: int, item: Outbound, state: str, reason: str) -> events.DeliveryReported:
    return events.DeliveryReported(sequence, state, attempt=item.attempt, meaning=reason)


def overdue(items: Items, now: float) -> list[AnyEvent]:
    """Return the events for messages of which the gateway has not said anything in time."""
    return [
        events.DeliveryReported(sequence, "unknown", attempt=item.attempt, meaning="no report in time")
        for sequence, item in sorted(items.items())
        if item.report_by is not None and not item.waits and item.report_by <= now
    ]


# How events change it.


def written(items: Items, sequence: int, sending: Sending) -> dict[int, Outbound]:
    """Follow a message that was written."""
    attempt, report_by = (0, None) if sending.held else (1, sending.report_by)
    item = Outbound("queued", attempt, report_by, None, False, sending.held, sending.expires_at, sending.tag)
    return _pruned({**items, sequence: item})


def reported(items: Items, event: events.DeliveryReported) -> dict[int, Outbound]:
    """Take a report, or its absence, into the account."""
    item = items.get(event.sequence) or Outbound(attempt=event.attempt)
    waits = event.retry_at or None
    found = dict(items)
    found[event.sequence] = replace(
        item,
        state=event.state,
        attempt=event.attempt,
        report_by=None,
        retry_at=waits,
        holds=event.holds,
        held=False,
        answered=waits is None and bool(event.reported),
    )
    if event.holds:
        for sequence, later in items.items():
            over = later.answered or later.waits or later.state in FINAL
            if sequence > event.sequence and not over:
                # The gateway has put it aside, as it must, or the order would be lost.
                found[sequence] = replace(later, state="queued", held=True, report_by=None)
    return _pruned(found)


def counts_anew(items: Items, event: events.SentAgain, window_at: int) -> bool:
    """Say whether a message takes from a window that was opened after it was given the last time."""
    item = items.get(event.sequence) or Outbound()
    return max(event.sequence, item.given_at) < window_at


def given(items: Items, event: events.SentAgain, at: int) -> dict[int, Outbound]:
    """A message was given to the gateway again."""
    item = items.get(event.sequence) or Outbound()
    anew = replace(
        item,
        state="queued",
        attempt=event.attempt,
        report_by=event.report_by,
        retry_at=None,
        holds=False,
        held=False,
        answered=False,
        expires_at=event.expires_at,
        tag=event.tag,
        given_at=at,
    )
    return {**items, event.sequence: anew}


def _pruned(items: dict[int, Outbound]) -> dict[int, Outbound]:
    """Forget the oldest of those of which nothing is expected any more."""
    if len(items) <= KEPT:
        return items
    settled = [sequence for sequence, item in items.items() if item.report_by is None and not item.waits]
    for sequence in sorted(settled)[: len(items) - KEPT]:
        del items[sequence]
    return items
