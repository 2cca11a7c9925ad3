"""What the client keeps up over every connection: agent sessions and subscriptions. Pure.

Each method that hears something returns why the connection is of no use any more, or None.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from protocol.client.agents import AgentSession
from protocol.client.events import (
    AgentLost,
    Answered,
    Delivered,
    Event,
    Failed,
    GapFound,
    HistoryChanged,
    SnapshotTaken,
    StreamEnded,
)
from protocol.client.link import Reaction, backoff_s, reaction
from protocol.client.outstanding import Outstanding
from protocol.client.subscription import Arrival, Subscription
from protocol.errors import Code, LocalProtocolError
from protocol.fields import Message
from protocol.messages import (
    Delivery,
    Gap,
    LoggedIn,
    Received,
    Refused,
    SessionEnded,
    Snapshot,
    Subscribed,
)

#: How long a finished delivery may wait for others before the daemon is told of it.
RECEIVED_DELAY_S = 0.2

Wanted = AgentSession | Subscription


class Standing:
    """Agent sessions and subscriptions. What to send goes into ``urgent``, what happened into ``events``."""

    def __init__(
        self,
        outstanding: Outstanding,
        urgent: deque[Message],
        events: list[Event],
        new_id: Callable[[], bytes],
        chance: Callable[[], float],
    ) -> None:
        self._outstanding = outstanding
        self._urgent = urgent
        self._events = events
        self._new_id = new_id
        self._chance = chance
        self._journal = ""
        self._agents: dict[str, AgentSession] = {}
        self._subscriptions: dict[str, Subscription] = {}
        #: On their way over this connection.
        self._asked: dict[bytes, Wanted] = {}
        #: Refused with BUSY or the like: when to ask again.
        self._ask_again: list[tuple[float, Wanted]] = []
        #: Streams of which the daemon has to be told what is received, and when.
        self._untold: dict[str, float] = {}

    # What the user wants.

    def knows(self, agent: str) -> bool:
        """True when the agent's session is open or will be."""
        return agent in self._agents

    def may_go(self, agent: str | None) -> bool:
        """True when the agent's commands can be sent now."""
        return agent is None or (agent in self._agents and self._agents[agent].open)

    def login(self, session: AgentSession, *, connected: bool) -> None:
        """Open an agent's session, and keep it open."""
        self._agents[session.agent] = session
        if connected:
            self._ask(session)

    def subscribe(self, subscription: Subscription, *, connected: bool) -> None:
        """Ask for a stream, and keep asking. Raises LocalProtocolError."""
        stream, agent = subscription.stream, subscription.agent
        if stream in self._subscriptions:
            raise LocalProtocolError(Code.OUT_OF_ORDER, f"{stream} is subscribed already")
        if agent is not None and agent not in self._agents:
            raise LocalProtocolError(Code.OUT_OF_ORDER, f"{agent} is not logged in here")
        self._subscriptions[stream] = subscription
        if connected and self.may_go(agent):
            self._ask(subscription)

    def finish(self, stream: str, number: int, history: int, now: float) -> None:
        """The user has finished with everything in the stream up to ``number``."""
        subscription = self._subscriptions.get(stream)
        if subscription is not None:
            subscription.finish(number, history)
            self._note_untold(subscription, now)

    def forget_agent(self, agent: str, code: str, message: str) -> None:
        """The agent's session is over: so are its commands and its stream."""
        self._agents.pop(agent, None)
        for item in self._outstanding:
            if item.agent == agent:
                self._outstanding.remove(item.command.id)
                # What was sent before may be stored; a definite code would deny that (G2).
                self._events.append(Failed(item.command.id, Code.SILENT if item.tried else code, message))
        self._end_stream(f"agent/{agent}", code, message)

    # The connection.

    def welcome(self, journal: str) -> None:
        """A connection is open: ask for everything again. An agent's stream has to wait for its login."""
        self._journal = journal
        for session in self._agents.values():
            self._ask(session)
        for subscription in self._subscriptions.values():
            if subscription.agent is None:
                self._ask(subscription)

    def lost(self) -> None:
        """The connection is over: nothing is open, nothing is on its way."""
        self._asked.clear()
        self._ask_again.clear()
        self._untold.clear()
        for session in self._agents.values():
            session.open = False
        for subscription in self._subscriptions.values():
            subscription.live = False

    def repeat(self) -> None:
        """Something that was sent over this connection was not read: send again what has no answer."""
        for identifier, wanted in self._asked.items():
            self._urgent.append(wanted.request(identifier))
        for subscription in self._subscriptions.values():
            if subscription.live and subscription.told:
                self._urgent.append(Received(subscription.stream, subscription.told))

    def mute(self, agent: str) -> None:
        """The agent logs out: the daemon wants to hear no more of his stream."""
        subscription = self._subscriptions.get(f"agent/{agent}")
        if subscription is not None:
            subscription.live = False
            self._untold.pop(subscription.stream, None)

    def tick(self, now: float) -> None:
        """Ask again where that is due."""
        if not self._ask_again:
            return
        due = [wanted for at, wanted in self._ask_again if at <= now]
        self._ask_again = [(at, wanted) for at, wanted in self._ask_again if at > now]
        for wanted in due:
            self._ask(wanted)

    def tell_received(self, now: float, *, everything: bool = False) -> None:
        """Tell the daemon what the user has finished with, where that is due."""
        if everything:
            self._untold = dict.fromkeys(self._subscriptions, now)
        if not self._untold:
            return
        for stream in [stream for stream, at in self._untold.items() if at <= now]:
            del self._untold[stream]
            subscription = self._subscriptions.get(stream)
            if subscription is not None and subscription.untold:
                self._urgent.append(Received(stream, subscription.tell()))

    @property
    def deadline(self) -> float:
        """When something is due."""
        if not self._untold and not self._ask_again:
            return math.inf
        return min([*self._untold.values(), *(at for at, _ in self._ask_again)])

    # Sessions.

    def hear_logged_in(self, logged_in: LoggedIn) -> None:
        """An agent's session is open: its stream and its commands may go."""
        session = self._asked.pop(logged_in.id, None)
        if not isinstance(session, AgentSession) or not self._is_current(session):
            return
        session.opened(logged_in.token)
        self._answer(session, logged_in)
        subscription = self._subscriptions.get(f"agent/{session.agent}")
        if subscription is not None and not subscription.live:
            self._ask(subscription)
        self._outstanding.release(session.agent)

    def hear_session_ended(self, ended: SessionEnded) -> None:
        """The daemon has logged an agent out: whoever watches must ask the agent for the password again.

        By itself the client does not log in: it would bring back somebody who is not there.
        """
        session = self._agents.get(ended.agent)
        if session is not None and (session.open or session.token is not None):
            self._events.append(AgentLost(ended.agent, Code.NOT_AUTHENTICATED, ended.reason))
            self.forget_agent(ended.agent, Code.NOT_AUTHENTICATED, ended.reason)

    def hear_refused(self, refused: Refused, now: float) -> str | None:
        """A login or a subscription was refused."""
        wanted = self._asked.pop(refused.id, None)
        if wanted is None or not self._is_current(wanted) or self._has_other_way(wanted, refused):
            return None
        if refused.code != Code.BUSY:
            wanted.failures += 1
        what = reaction(refused.code, wanted.failures)
        if what is Reaction.RECONNECT:
            return f"the daemon does not know this connection: {refused.message}"
        if what is Reaction.RETRY:
            pause_s = refused.retry_after_s or backoff_s(wanted.failures, self._chance())
            self._ask_again.append((now + pause_s, wanted))
        else:
            self._give_up(wanted, refused)
        return None

    def _has_other_way(self, wanted: Wanted, refused: Refused) -> bool:
        """Ask in the other way, if there is one: by password, or without numbers."""
        if isinstance(wanted, AgentSession):
            if refused.code != Code.NOT_AUTHENTICATED or not wanted.token_refused():
                return False
        else:
            if refused.code != Code.HISTORY_CHANGED or wanted.finished is None:
                return False
            wanted.forget()
            self._events.append(HistoryChanged(wanted.stream))
        self._ask(wanted)
        return True

    def _give_up(self, wanted: Wanted, refused: Refused) -> None:
        if isinstance(wanted, Subscription):
            self._end_stream(wanted.stream, refused.code, refused.message)
            return
        if wanted.waiter is not None:
            self._events.append(Failed(wanted.waiter, refused.code, refused.message))
        else:
            self._events.append(AgentLost(wanted.agent, refused.code, refused.message))
        self.forget_agent(wanted.agent, refused.code, refused.message)

    # Streams.

    def hear_subscribed(self, subscribed: Subscribed, now: float) -> None:
        """Deliveries follow."""
        # Known by its stream: a request that was sent twice has two answers, and each begins the stream anew.
        self._asked.pop(subscribed.id, None)
        subscription = self._subscriptions.get(subscribed.stream)
        if subscription is None:
            return
        if not subscription.begin(subscribed.after, self._journal):
            self._events.append(GapFound(subscription.stream, subscribed.after + 1))
        self._answer(subscription, subscribed)
        self._note_untold(subscription, now)

    def hear_gap(self, gap: Gap) -> None:
        """Deliveries follow, but not the next one."""
        subscription = self._subscriptions.get(gap.stream)
        if subscription is None or gap.first_available < 1:
            return
        if not subscription.skip(gap.first_available, self._journal):
            self._events.append(GapFound(gap.stream, gap.first_available))
        self._answer(subscription, Subscribed(gap.id, gap.stream, gap.first_available - 1))

    def hear_snapshot(self, snapshot: Snapshot) -> None:
        """The state of an agent; deliveries follow."""
        subscription = self._subscriptions.get(snapshot.stream)
        if subscription is not None:
            subscription.restart(snapshot.number, self._journal)
            self._events.append(SnapshotTaken(snapshot.stream, snapshot))

    def hear_delivery(self, delivery: Delivery, now: float) -> str | None:
        """One more, or one again."""
        subscription = self._subscriptions.get(delivery.stream)
        if subscription is None:
            return None
        arrival = subscription.take(delivery.number)
        if arrival is Arrival.HOLE:
            return f"{delivery.stream} has a hole before number {delivery.number}"
        if arrival is Arrival.NEW:
            self._events.append(Delivered(delivery.stream, subscription.history, delivery))
        elif arrival is Arrival.REPEATED:
            self._note_untold(subscription, now)
        return None

    # Common to both.

    def _ask(self, wanted: Wanted) -> None:
        """Log in or subscribe over the present connection."""
        if self._is_current(wanted):
            identifier = self._new_id()
            self._asked[identifier] = wanted
            self._urgent.append(wanted.request(identifier))

    def _is_current(self, wanted: Wanted) -> bool:
        if isinstance(wanted, AgentSession):
            return self._agents.get(wanted.agent) is wanted
        return self._subscriptions.get(wanted.stream) is wanted

    def _answer(self, wanted: Wanted, answer: LoggedIn | Subscribed) -> None:
        if wanted.waiter is not None:
            self._events.append(Answered(wanted.waiter, answer))
            wanted.waiter = None

    def _note_untold(self, subscription: Subscription, now: float) -> None:
        if subscription.untold:
            due = now if subscription.pressing else now + RECEIVED_DELAY_S
            self._untold[subscription.stream] = min(due, self._untold.get(subscription.stream, math.inf))

    def _end_stream(self, stream: str, code: str, message: str) -> None:
        subscription = self._subscriptions.pop(stream, None)
        if subscription is None:
            return
        self._untold.pop(stream, None)
        if subscription.waiter is not None:
            self._events.append(Failed(subscription.waiter, code, message))
        self._events.append(StreamEnded(stream, code, message))
