"""The client machine: reconnects, resumes and resends, without doing any I/O.

What goes in: ``connected``, ``received``, ``lost``, ``tick``, and the user's requests. What comes out:
``frames`` to send, ``events`` for the user, the ``link`` (CONNECTING: open a *new* socket; WAITING or
STOPPED: have none), and the ``deadline`` of the next ``tick``. ``now`` is in seconds and only grows; ids and
chance are arguments. Not thread-safe.

Over a lost connection live: commands without an answer (resent under the same ids, in the same order), agent
sessions (opened again by token), subscriptions (resumed after the last number that the user has finished
with).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from msgspec import MsgspecError, structs

from protocol.client.agents import AgentSession
from protocol.client.events import Answered, Connected, Disconnected, Event, Failed, HintHeard, Stopped
from protocol.client.link import HOPELESS, TABLE, Link, Reaction, Step, backoff_s, reaction
from protocol.client.outstanding import Command, Item, Outstanding, agent_of
from protocol.client.standing import Standing
from protocol.client.subscription import Subscription
from protocol.codec import FRAME_BYTES, client_codec, daemon_codec, encode
from protocol.customers import AgentHint, CustomerHint, Hinted
from protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from protocol.fields import Message
from protocol.messages import (
    VERSION,
    Ack,
    Answer,
    Delivery,
    FromDaemon,
    Gap,
    Goodbye,
    Hello,
    LoggedIn,
    Logout,
    MediaAnswer,
    Ping,
    Pong,
    Refused,
    SessionEnded,
    Snapshot,
    Subscribed,
    Welcome,
)
from protocol.session import Role, Session, speaks_our_version
from protocol.teamwork import StillHere

#: How long a connection may take to be made, and then to be welcomed.
OPENING_S_MAX = 10.0
#: A daemon drops the frames of a peer that sends more of them than its welcome allows, so this client keeps
#: to a part of that, and packs more into each frame instead.
SHARE_OF_FRAMES = 0.75
#: How often the daemon is told that an agent is still there, at most.
STILL_HERE_S = 5.0

_check = client_codec(FRAME_BYTES)


def size_of(message: Message) -> int:
    """Return how many bytes the message takes. Raises LocalProtocolError if the wire forbids it.

    One bad message would have its whole frame refused, and innocent commands with it: so it never leaves.
    """
    try:
        frame = encode([message])
        _check.decode(frame)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.code, error.message) from error
    except (MsgspecError, UnicodeEncodeError, TypeError, OverflowError) as error:
        raise LocalProtocolError(Code.BAD_FRAME, str(error)) from error
    return len(frame)


class ClientMachine:
    """The client's side, whole: the link, the commands, and what stands over connections."""

    def __init__(self, hello: Hello, new_id: Callable[[], bytes], chance: Callable[[], float]) -> None:
        self.link = Link.WAITING
        #: Counts connections, so that the driver can tell a socket of an earlier one.
        self.attempt = 0
        #: What the daemon said last; None until the client was let in for the first time.
        self.welcome: Welcome | None = None
        self._hello = hello
        self._client = hello.client or new_id()
        self._chance = chance
        self._session: Session[FromDaemon] | None = None
        #: Of the connection that was lost last: some of its frames may have been read already.
        self._given_up: Session[FromDaemon] | None = None
        self._outstanding = Outstanding()
        self._urgent: deque[Message] = deque()
        self._events: list[Event] = []
        self._standing = Standing(self._outstanding, self._urgent, self._events, new_id, chance)
        self._failures = 0
        self._retry_at = -math.inf
        self._since = 0.0
        self._heard_at = 0.0
        self._said_at = 0.0
        self._pinged_at = 0.0
        self._pings = 0
        self._frames_per_second = 1.0
        self._frames_at_once = 1.0
        self._frames_left = 1.0
        self._counted_at = 0.0
        #: The daemon has dropped a frame unread: until then nothing is sent, and then everything again.
        self._held_until: float | None = None
        #: When the daemon was told last that an agent is still there.
        self._still_here_at: dict[str, float] = {}

    # What comes out.

    @property
    def waiting(self) -> int:
        """How many commands have no answer yet."""
        return len(self._outstanding)

    def events(self) -> list[Event]:
        """Return what has happened since the last call."""
        events = self._events.copy()
        self._events.clear()
        return events

    def frames(self, now: float) -> list[bytes]:
        """Return what has to go out now, in order."""
        frames: list[bytes] = []
        session = self._session
        if session is None or not self._may_send(now):
            return frames
        self._fill(session, now)
        while (frame := session.take(now)) is not None:
            self._said_at = now
            self._frames_left -= 1.0
            frames.append(frame)
        return frames

    @property
    def deadline(self) -> float | None:
        """When ``tick`` has something to do, if nothing else happens before."""
        if self.link is Link.WAITING:
            return self._retry_at
        if self.link is Link.STOPPED:
            return None
        if self.link is not Link.OPEN or self.welcome is None:
            return self._since + OPENING_S_MAX
        lost_at = self._heard_at + self.welcome.lease_s
        if self._held_until is not None:
            return min(self._held_until, lost_at)
        if self._frames_left < 1.0:
            # One frame's time is enough to wait, whether or not there is anything to send then.
            return min(self._counted_at + 1.0 / self._frames_per_second, lost_at)
        return min(self._ping_at(self.welcome), lost_at, self._standing.deadline, self._outstanding.deadline)

    # What goes in: the connection.

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.link is Link.WAITING:
            if now >= self._retry_at and self._move(Step.DUE):
                self.attempt += 1
                self._since = now
        elif self.link is Link.OPEN and self.welcome is not None:
            self._tick_open(self.welcome, now)
        elif self.link is not Link.STOPPED and now - self._since >= OPENING_S_MAX:
            self.lost(now, "no welcome came")

    def connected(self, now: float) -> None:
        """The new socket is connected to something."""
        if not self._move(Step.CONNECTED):
            return
        self._since = self._heard_at = self._said_at = self._pinged_at = self._counted_at = now
        self._frames_left = 1.0
        self._held_until = self._given_up = None
        self._session = Session(Role.CLIENT, daemon_codec(), now, OPENING_S_MAX)
        self._session.send(structs.replace(self._hello, client=self._client, attempt=self.attempt))

    def received(self, frame: bytes, now: float) -> None:
        """A frame has come over the present connection."""
        session = self._session or self._given_up
        if session is None or self.link is Link.STOPPED:
            return
        try:
            messages = session.receive(frame, now)
        except RemoteProtocolError as error:
            self.lost(now, str(error))
            return
        self._heard_at = now
        for message in messages:
            if self._session is session:
                why = self._hear(message, now)
                if why is not None:
                    self.lost(now, why)
            elif isinstance(message, Goodbye) and message.code == Code.REPLACED:
                # What else was read is of a connection that is over: a stream that it began would be taken
                # for one that the next connection has. But who is replaced must not have a next one.
                self.stop(now, message.code, message.message)

    def lost(self, now: float, why: str, retry_after_s: float = 0.0) -> None:
        """The present connection is of no use any more."""
        # A connection counts as good only after a while: a daemon that drops us at once is not to be
        # hammered.
        lease_s = self.welcome.lease_s if self.welcome is not None else 0.0
        lasted = self.link is Link.OPEN and now - self._since >= lease_s
        if not self._move(Step.LOST):
            return
        self._failures = 1 if lasted else self._failures + 1
        wait_s = max(backoff_s(self._failures, self._chance()), retry_after_s)
        self._retry_at = now + wait_s
        self._session, self._given_up = None, self._session
        self._held_until = None
        self._urgent.clear()
        self._standing.lost()
        self._events.append(Disconnected(why, wait_s))

    # What goes in: the user's requests.

    def command(self, command: Command) -> None:
        """Carry a command to the daemon, however long it takes. Raises LocalProtocolError."""
        if command.id in self._outstanding:
            raise LocalProtocolError(Code.ID_REUSED, "a command with this id has no answer yet")
        agent = agent_of(command)
        if agent is not None and not self._standing.knows(agent):
            raise LocalProtocolError(Code.OUT_OF_ORDER, f"{agent} is not logged in here")
        self._outstanding.add(command, size_of(command))

    def still_here(self, agent: str, now: float) -> None:
        """Something was clicked: the daemon is told every few seconds at most, and only while it can hear."""
        due = now >= self._still_here_at.get(agent, -math.inf) + STILL_HERE_S
        if due and self.link is Link.OPEN and self._standing.may_go(agent):
            self._still_here_at[agent] = now
            self._urgent.append(StillHere(agent))

    def hint(self, hint: CustomerHint | AgentHint) -> None:
        """Somebody is typing, or has read: that is told now, or not at all."""
        size_of(hint)
        if self.link is Link.OPEN and self._standing.may_go(getattr(hint, "agent", None)):
            self._urgent.append(hint)

    def login(
        self, identifier: bytes, agent: str, password: str | None = None, token: str | None = None
    ) -> None:
        """Open an agent's session, and keep it open over reconnects. Raises LocalProtocolError."""
        session = AgentSession(agent, identifier, password, token)
        size_of(session.request(identifier))
        self._standing.login(session, connected=self.link is Link.OPEN)

    def subscribe(
        self, identifier: bytes, stream: str, after: int | None = None, journal: str = "", window: int = 256
    ) -> None:
        """Ask for a stream, and resume it over reconnects. Raises LocalProtocolError."""
        subscription = Subscription(stream, identifier, after, journal, window)
        size_of(subscription.request(identifier))
        self._standing.subscribe(subscription, connected=self.link is Link.OPEN)

    def finished(self, stream: str, number: int, history: int, now: float) -> None:
        """The user has finished with everything in the stream up to ``number``."""
        self._standing.finish(stream, number, history, now)

    def stop(self, now: float, code: str = "bye", message: str = "") -> None:
        """End for good. When the connection is open, one last frame says goodbye."""
        if self.link is Link.OPEN and code == "bye":
            self._standing.tell_received(now, everything=True)
            self._urgent.append(Goodbye())
        else:
            self._session = None
        if self._move(Step.STOP):
            self._events.append(Stopped(code, message))

    # Time.

    def _ping_at(self, welcome: Welcome) -> float:
        # A daemon that is sent much and answers nothing has to be asked too, or it would seem lost.
        return min(self._said_at, max(self._heard_at, self._pinged_at)) + welcome.heartbeat_s

    def _tick_open(self, welcome: Welcome, now: float) -> None:
        if now >= self._heard_at + welcome.lease_s:
            self.lost(now, f"nothing was heard of the daemon for {now - self._heard_at:.1f} s")
            return
        if self._held_until is not None and now >= self._held_until:
            self._held_until = None
            self._standing.repeat()
            self._outstanding.rewind()
        if self._held_until is None and now >= self._ping_at(welcome):
            self._pings += 1
            self._pinged_at = now
            self._urgent.append(Ping(self._pings))
        self._standing.tick(now)

    # Sending.

    def _may_send(self, now: float) -> bool:
        """Keep within the frames that the daemon takes in a second."""
        earned = (now - self._counted_at) * self._frames_per_second
        self._frames_left = min(self._frames_at_once, self._frames_left + earned)
        self._counted_at = now
        if self.link is Link.STOPPED:
            return True  # These are the last words.
        return self._held_until is None and self._frames_left >= 1.0

    def _fill(self, session: Session[FromDaemon], now: float) -> None:
        """Give the session all that may go out now."""
        if self.link is Link.OPEN:
            self._standing.tell_received(now)
        while self._urgent:
            session.send(self._urgent.popleft())
        if self.link is not Link.OPEN:
            return
        while (item := self._outstanding.take(now, self._standing.may_go)) is not None:
            if isinstance(item.command, Logout):
                self._standing.mute(item.command.agent)
            session.send(item.command)

    # Hearing.

    def _move(self, step: Step) -> bool:
        following = TABLE[self.link].get(step)
        if following is None:
            return False
        self.link = following
        return True

    def _hear(self, message: FromDaemon, now: float) -> str | None:
        """Take one message in. Returns why the connection is of no use any more, or None."""
        match message:
            case Delivery():
                return self._standing.hear_delivery(message, now)
            case Refused():
                return self._hear_refused(message, now)
            case Welcome():
                self._hear_welcome(message, now)
            case Goodbye():
                return self._hear_goodbye(message, now)
            case LoggedIn():
                self._standing.hear_logged_in(message)
            case SessionEnded():
                self._standing.hear_session_ended(message)
            case Subscribed():
                self._standing.hear_subscribed(message, now)
            case Gap():
                self._standing.hear_gap(message)
            case Snapshot():
                self._standing.hear_snapshot(message)
            case Hinted():
                self._events.append(HintHeard(message))
            case Pong():
                pass
            case _:
                self._hear_answer(message)
        return None

    def _hear_welcome(self, welcome: Welcome, now: float) -> None:
        if not speaks_our_version(welcome.version):
            self.stop(now, Code.VERSION, f"the daemon speaks {welcome.version}, this client {VERSION}")
            return
        self._move(Step.WELCOMED)
        self.welcome = welcome
        if self._session is not None:
            self._session.frame_bytes = welcome.frame_bytes
        self._since = self._pinged_at = self._counted_at = now
        self._frames_per_second = SHARE_OF_FRAMES * welcome.frames_per_second
        self._frames_at_once = self._frames_left = max(1.0, SHARE_OF_FRAMES * welcome.frame_burst)
        self._events.append(Connected(welcome))
        self._standing.welcome(welcome.journal)
        for item in self._outstanding:
            if item.size > welcome.frame_bytes:
                self._fail(item, Refused(Code.TOO_LARGE, f"a frame may have {welcome.frame_bytes} bytes"))
        self._outstanding.rewind()

    def _hear_goodbye(self, goodbye: Goodbye, now: float) -> str | None:
        if goodbye.code == Code.REPLACED:
            self.stop(now, goodbye.code, goodbye.message)
            return None
        if self.link is Link.GREETED:
            self._hear_refused_hello(goodbye.code, goodbye.message, 0.0, now)
            return None
        return f"the daemon said goodbye: {goodbye.code} {goodbye.message}".rstrip()

    def _hear_refused_hello(self, code: str, message: str, retry_after_s: float, now: float) -> None:
        # A client that was let in before comes back: its key may be missing while keys are exchanged.
        if code == Code.VERSION or (code in HOPELESS and self.welcome is None):
            self.stop(now, code, message)
        else:
            self.lost(now, f"the daemon refused hello: {code} {message}".rstrip(), retry_after_s)

    def _hear_answer(self, answer: Ack | Answer | MediaAnswer) -> None:
        item = self._outstanding.remove(answer.id)
        if item is None:
            return
        self._events.append(Answered(answer.id, answer))
        if isinstance(item.command, Logout):
            self._standing.forget_agent(item.command.agent, "bye", "logged out")

    def _hear_refused(self, refused: Refused, now: float) -> str | None:
        if self.link is Link.GREETED:
            self._hear_refused_hello(refused.code, refused.message, refused.retry_after_s, now)
            return None
        item = self._outstanding.get(refused.id)
        if item is not None:
            return self._hear_refused_command(item, refused, now)
        if not refused.id and refused.code == Code.BUSY:
            # A frame was dropped unread, and which one is not said.
            self._held_until = now + (refused.retry_after_s or backoff_s(1, self._chance()))
            return None
        if not refused.id:
            # It names nothing: which of our messages it means cannot be known, so all of them are in doubt.
            return f"the daemon refused a frame: {refused.code} {refused.message}".rstrip()
        return self._standing.hear_refused(refused, now)

    def _hear_refused_command(self, item: Item, refused: Refused, now: float) -> str | None:
        if refused.code != Code.BUSY:
            item.failures += 1
        what = reaction(refused.code, item.failures)
        if what is Reaction.RECONNECT:
            return f"the daemon does not know this connection: {refused.message}"
        if what is Reaction.RETRY:
            pause_s = refused.retry_after_s or backoff_s(item.failures, self._chance())
            self._outstanding.retry(item, now + pause_s)
        else:
            self._fail(item, refused)
        return None

    def _fail(self, item: Item, why: Refused) -> None:
        self._outstanding.remove(item.command.id)
        self._events.append(
            Failed(
                item.command.id,
                why.code,
                why.message,
                why.retry_after_s,
                why.window_closes_at,
                why.sends_left,
            )
        )
