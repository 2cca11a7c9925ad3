"""The reply window of a conversation's customer as a ledger: what he does opens it, sending spends it (I).

    (ledger, trigger, now, demands) -> ledger         what a trigger opens, merged by maximum, never a sum
    (ledger, now, demands, automatic) -> leave or not  asked before anything is sent to the customer

A new trigger sets time and count each to the larger of what there is and what the rule gives; what has closed
counts as nothing. A connection is a window too: open until the customer disconnects. After its time an extra
may be left. What is automatic never spends the last message. Where a provider refuses although the ledger
allows, the provider is right: the ledger is corrected.
"""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from actors.conversation import limits
from actors.conversation.limits import Demands
from actors.conversation.orders import Begin, BeginProactively, Refusal, VisitChanged
from actors.events import AnyEvent
from actors.events.conversation import CustomerWrote, Ledger, Said, Triggered, WindowLapsed
from config.desk import Channel
from config.windows import Extra
from protocol.channels import CustomerActed
from protocol.content import Content
from protocol.errors import Code
from protocol.messages import CustomerMessage
from protocol.views import WindowView

if TYPE_CHECKING:
    from actors.conversation.state import Conversation, Facts, Outcome

#: What a customer can do that is no message: what opens windows, and what ends a connection.
DISCONNECT = "disconnect"
TRIGGERS = ("menu_click", "follow", "scan", "session_enter", "payment", "ad_click", "connect", DISCONNECT)


class Leave(NamedTuple):
    """A message may be sent; not after ``expires_at``, if that is not 0, and marked with ``tag``."""

    expires_at: float = 0.0
    tag: str = ""


class Shut(NamedTuple):
    """No message may be sent; ``reason`` is ``closed``, ``used_up`` or ``last_one``."""

    reason: str


FREE = Leave()
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def demands_of(state: Conversation, facts: Facts) -> Demands | None:
    """Return what the conversation's channel demands; None if it has left the desk."""
    found = facts.rules.demands.get(state.channel) if facts.rules is not None else None
    if found is not None:
        return found
    channel = facts.desk.channels.get(state.channel)
    return None if channel is None else limits.demands_of(channel, facts.desk)


def concerned(state: Conversation, facts: Facts) -> bool:
    """Say whether there is anything to keep account of when somebody writes: mostly there is not."""
    rules = facts.rules or limits.rules_of(facts.desk)
    return state.window is not None or state.channel in rules.demands


# What a trigger opens.


def granted(ledger: Ledger | None, trigger: str, now: float, demands: Demands) -> Ledger | None:
    """Return the ledger after a trigger: the same one where it opens nothing.

    None stands for a window that nothing has to be kept account of: one without end, or a connection that
    was never broken.
    """
    window = demands.window
    if trigger == DISCONNECT:
        return _disconnected(ledger, now, demands)
    given = [rule for rule in window.rules if rule.trigger == trigger and rule.effective(now)]
    if not given or (ledger is None and not window.limited):
        return ledger
    name = f"{demands.window_id}/{trigger}"
    found = ledger if ledger is not None and is_open(ledger, now) else Ledger(name, sends_left=0)
    until, connected, sends_left, rule_name = found.until, found.connected, found.sends_left, found.rule
    for rule in given:
        sends_left = _larger(sends_left, rule.sends)
        connected = connected or rule.while_connected
        if rule.duration_s is None or now + rule.duration_s > until:
            rule_name = name
        if rule.duration_s is not None:
            until = max(until, now + rule.duration_s)
    extra_until, extra_left = _extra(ledger, trigger, now, window.extra)
    return Ledger(rule_name, until, connected, sends_left, extra_until, extra_left)


def _larger(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _extra(ledger: Ledger | None, trigger: str, now: float, extra: Extra | None) -> tuple[float, int | None]:
    """Return until when, and how often, may be written after the window: a message gives it anew."""
    if extra is not None and trigger == "message":
        return now + extra.duration_s, extra.sends
    return (0.0, None) if ledger is None else (ledger.extra_until, ledger.extra_left)


def _disconnected(ledger: Ledger | None, now: float, demands: Demands) -> Ledger | None:
    if not any(rule.while_connected for rule in demands.window.rules):
        return ledger
    if ledger is None:
        return Ledger(f"{demands.window_id}/connect", now, over=DISCONNECT)
    if not ledger.connected:
        return ledger
    # What a rule has given for a time stays.
    return replace(ledger, connected=False, until=max(ledger.until, now), over=DISCONNECT)


# What may be sent.


def is_open(ledger: Ledger, now: float) -> bool:
    """Say whether the window is open, whatever is left in it."""
    return ledger.connected or now < ledger.until


def may_send(ledger: Ledger | None, now: float, demands: Demands, *, automatic: bool = False) -> Leave | Shut:
    """Say whether a message may go to the customer now, and under which conditions."""
    window = demands.window
    if ledger is None or not (window.limited or ledger.over == DISCONNECT):
        return FREE
    spare = 1 if automatic else 0
    if is_open(ledger, now):
        left = ledger.sends_left
        if left is None or left > spare:
            return Leave(0.0 if ledger.connected else ledger.until)
        return Shut("last_one" if left else "used_up")
    extra = window.extra
    if extra is None or now >= ledger.extra_until or (automatic and extra.human_only):
        return Shut("closed")
    if ledger.extra_left is None or ledger.extra_left > spare:
        return Leave(ledger.extra_until, extra.tag)
    return Shut("last_one" if ledger.extra_left else "closed")


def spent(ledger: Ledger, now: float) -> Ledger:
    """Return the ledger after a message to the customer."""
    if is_open(ledger, now):
        left = ledger.sends_left
        return ledger if left is None else replace(ledger, sends_left=max(left - 1, 0))
    left = ledger.extra_left
    return ledger if left is None else replace(ledger, extra_left=max(left - 1, 0))


def refusal(ledger: Ledger, shut: Shut, now: float, demands: Demands) -> Refusal:
    """Return why nothing can be sent: the rule, since when, and what can be done."""
    name, _, trigger = ledger.rule.partition("/")
    rule = f"the reply window of the channel ({demands.window.name}; rule {trigger} of {name!r})"
    left = ledger.sends_left
    if shut.reason == "used_up":
        what = f"no message is left in {rule}"
        if not ledger.connected:
            what += f", which would be open for another {_span(ledger.until - now)}"
    elif ledger.over == DISCONNECT:
        what = f"the customer has left the page {_span(now - ledger.until)} ago, and {rule} with it"
    elif ledger.over:
        meaning = demands.window.meaning(ledger.over)
        says = f": {meaning.means}" if meaning is not None else ""
        what = f"the provider has refused the last message with code {ledger.over}{says}; {rule} is closed"
    else:
        what = f"{rule} closed {_span(now - ledger.until)} ago"
        if ledger.extra_left == 0:
            what += ", and the extra message after it is spent"
    text = f"{what}; nothing can be sent before the customer writes again"
    return Refusal(Code.WINDOW_CLOSED, text, ledger.rule, 0.0 if ledger.connected else ledger.until, left)


def _span(seconds: float) -> str:
    """Say how long a time is, for people."""
    for (size, unit), (smaller, below) in pairwise(UNITS):
        if seconds >= size:
            rest = int(seconds % size // smaller)
            return f"{int(seconds // size)} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{max(int(seconds), 0)} s"


# What corrects it.


def corrected(ledger: Ledger | None, code: str, now: float, demands: Demands) -> Ledger | None:
    """Return the ledger after a provider's refusal: the provider is right."""
    meaning = demands.window.meaning(code)
    if ledger is None or meaning is None or meaning.effect == "none":
        return ledger
    if meaning.effect == "count_used_up":
        return replace(ledger, sends_left=0)
    if is_open(ledger, now):
        return replace(ledger, until=now, connected=False, over=code)
    # Already closed by our own account: it was the extra that the provider has refused.
    return replace(ledger, extra_until=min(ledger.extra_until, now), over=code)


def view(ledger: Ledger | None) -> WindowView | None:
    """Return the window as agents may see it."""
    if ledger is None:
        return None
    return WindowView(
        ledger.rule,
        0.0 if ledger.connected else ledger.until,
        ledger.sends_left,
        ledger.extra_until,
        ledger.extra_left,
        ledger.over,
    )


# What the customer does.


def wrote(state: Conversation, command: CustomerMessage, content: Content, facts: Facts) -> CustomerWrote:
    """Return that the customer has written, with the window after it where there is anything to account."""
    window = _opened(state, "message", facts) if concerned(state, facts) else None
    return CustomerWrote(command.contact, content, command.channel, None, window)


def first_message(
    message: CustomerMessage,
    content: Content,
    said: Said | None,
    begin: Begin | None,
    channel: Channel,
    facts: Facts,
) -> CustomerWrote:
    """Return that a customer has begun a conversation: what he did before, and what was left in the one
    before, counts as well.
    """
    demands, ledger = limits.demands_of(channel, facts.desk), None
    if begin is not None:
        ledger = begin.window
        for trigger, at in sorted(begin.known.triggers, key=itemgetter(1)):
            ledger = granted(ledger, trigger, at, demands)
    found = granted(ledger, "message", facts.now, demands)
    return CustomerWrote(message.contact, content, message.channel, said, found)


def approached(order: BeginProactively, channel: Channel, facts: Facts) -> list[AnyEvent]:
    """Return the window of a visitor to whom an agent writes first: what he did, and that he is there."""
    demands, ledger, wanted = limits.demands_of(channel, facts.desk), order.window, order.told.message
    for trigger, at in sorted(order.known.triggers, key=itemgetter(1)):
        ledger = granted(ledger, trigger, at, demands)
    return [] if ledger is None else [Triggered("connect", wanted.contact, ledger, wanted.channel)]


def acted(state: Conversation, command: CustomerActed, facts: Facts) -> Outcome:
    """The customer has done something that is no message."""
    refusal = unknown_trigger(command.trigger)
    ledger = _opened(state, command.trigger, facts) if refusal is None else None
    return refusal or [Triggered(command.trigger, command.contact, ledger, command.channel)]


def visited(state: Conversation, order: VisitChanged, facts: Facts) -> Outcome:
    """Where the window is the connection (I4) it opens and closes with the visit; else nothing is kept."""
    ledger = _opened(state, order.trigger, facts)
    return [] if ledger is None else [Triggered(order.trigger, state.contact, ledger, state.channel)]


def lapsed(state: Conversation, now: float) -> list[AnyEvent]:
    """Return that the window has closed on a customer who waits for an answer; it is told once."""
    closes_at = state.window_closes_at()
    if state.window is None or closes_at is None or now < closes_at:
        return []
    return [WindowLapsed(state.channel, replace(state.window, lapsed=True))]


def unknown_trigger(trigger: str) -> Refusal | None:
    """Return the refusal of a trigger that nobody knows."""
    if trigger in TRIGGERS:
        return None
    known = ", ".join(TRIGGERS)
    return Refusal(Code.NOT_ALLOWED, f"{trigger!r} is no trigger; there are {known}")


def _opened(state: Conversation, trigger: str, facts: Facts) -> Ledger | None:
    """Return the ledger after a trigger; None where it is as before."""
    demands = demands_of(state, facts)
    ledger = None if demands is None else granted(state.window, trigger, facts.now, demands)
    return None if ledger == state.window else ledger
