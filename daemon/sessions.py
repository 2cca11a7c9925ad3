"""Agents' sessions: who is logged in on which connection (GUARANTEES 6).

A connection may hold several agents' sessions, and an agent may have sessions on several connections (PEERS
c8): the lease is the agent's. The actor learns of the first session and of the loss of the last one, and
decides; what it has decided is read from the lease (``actors/lease.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from actors.agent.machine import DeskChanged, LastSessionLost, SessionOpened, SignOfLife
from actors.journal import Address
from actors.lease import Session
from actors.runtime import System
from actors.telling import Told
from config.desk import Agent
from config.process import ProcessSettings
from daemon.connection import AgentSession, Connection
from daemon.logins import LoginDesk
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from protocol.errors import Code
from protocol.messages import Ack, LoggedIn, Login, LoginWithToken, Logout, SessionEnded


class Log(Protocol):
    """What is asked of a logger."""

    def info(self, event: str, **facts: Any) -> Any:
        """Log an ordinary event."""

    def warning(self, event: str, **facts: Any) -> Any:
        """Log what an operator should look at."""


class AgentSessions:
    """All agents' sessions of the process."""

    def __init__(
        self,
        system: System,
        settings: Callable[[], ProcessSettings],
        logins: LoginDesk,
        outbound: Outbound,
        numbers: Numbers,
        log: Log,
    ) -> None:
        self._system = system
        self._settings = settings
        self._logins = logins
        self._outbound = outbound
        self._numbers = numbers
        self._log = log
        self._holders: dict[Address, list[Connection]] = {}

    def login(self, connection: Connection, message: Login) -> None:
        """Look at a password, off the reactor's thread; what came of it is answered in a later turn."""
        account = (connection.tenant, message.agent)
        back_off = self._logins.back_off
        wait_s = back_off.wait_s(account, self._system.now)
        if wait_s > 0:
            self._outbound.refuse(connection, message, Code.BUSY, "too many wrong passwords", wait_s)
            return
        password_hash = self._password_hash(account)

        def done(good: bool) -> None:
            self._logged_in(connection, message, good, password_hash)

        if self._logins.pool.verify(password_hash, message.password, done):
            back_off.began(account)
        else:
            self._outbound.refuse(connection, message, Code.BUSY, "too many logins at once", 1.0)

    def _password_hash(self, account: tuple[str, str]) -> str | None:
        """Return the password hash of an agent (tenant, name) in the desk in force."""
        agent = self._agent(account)
        return agent.password if agent else None

    def _agent(self, account: tuple[str, str]) -> Agent | None:
        return self._system.desks[account[0]].agents.get(account[1])

    def _logged_in(
        self, connection: Connection, message: Login, good: bool, password_hash: str | None
    ) -> None:
        """The password pool has answered; on the reactor's thread, in a later turn.

        The desk may have changed since: a password counts only while it is the agent's.
        """
        account = (connection.tenant, message.agent)
        agent = self._agent(account)
        if agent is None or not good or agent.password != password_hash:
            self._logins.back_off.failed(account, self._system.now)
            self._numbers.logins_failed += 1
            self._log.warning("login.failed", tenant=account[0], agent=account[1])
            if not connection.closed:
                self._outbound.refuse(
                    connection, message, Code.NOT_AUTHENTICATED, "unknown agent or wrong password"
                )
            return
        self._logins.back_off.succeeded(account)
        if not connection.closed:
            self._open_session(connection, message, agent)

    def login_with_token(self, connection: Connection, message: LoginWithToken) -> None:
        """Open a session for a token of ours."""
        address = ("agent", connection.tenant, message.agent)
        # What has come before in this turn may have logged the agent out: a token of that login is void.
        self._catch_up(address)
        lease = self._system.leases.get(address)
        agent = self._agent((connection.tenant, message.agent))
        if agent is not None and self._token_good(
            connection, message, agent, lease.tokens_from if lease else 0
        ):
            self._open_session(connection, message, agent)
            return
        self._numbers.logins_failed += 1
        if lease is not None and agent is not None and self._token_good(connection, message, agent, 0):
            # Meant for the client: it shall not log in by itself, with a password it has kept.
            self._outbound.send(connection, SessionEnded(message.agent, lease.ended[:500]))
        text = "the token is not valid here, or not any more"
        self._outbound.refuse(connection, message, Code.NOT_AUTHENTICATED, text)

    def _token_good(self, connection: Connection, message: LoginWithToken, agent: Agent, since: int) -> bool:
        """Say whether a token is good, if its login has not ended on purpose before the epoch ``since``."""
        tenant, now = connection.tenant, self._system.now
        return self._logins.check_token(
            message.token, tenant, message.agent, connection.key, agent.password, now, since
        )

    def _open_session(self, connection: Connection, message: Login | LoginWithToken, agent: Agent) -> None:
        address = ("agent", connection.tenant, message.agent)
        sender = f"agent/{message.agent}"
        self._catch_up(address)
        leased = Session(self._system.leases[address])
        self._system.tell(address, SessionOpened(by_hand=isinstance(message, Login)))
        recent = self._system.commands.of(connection.tenant, sender)
        connection.agents[message.agent] = AgentSession(address, sender, recent, agent.password, leased)
        holders = self._holders.setdefault(address, [])
        if connection not in holders:
            holders.append(connection)
        expires_at = self._system.now + self._settings().timing.token_s
        token = self._logins.make_token(
            connection.tenant, message.agent, connection.key, agent.password, expires_at, leased.epoch
        )
        told = Told(message, connection.tenant, sender, connection)
        self._system.reply(told, LoggedIn(message.id, message.agent, token, expires_at))
        self._log.info("agent.session_opened", tenant=connection.tenant, agent=message.agent)

    def _catch_up(self, address: Address) -> None:
        """Have the agent's actor decide on what it was told in this turn, so that its lease says what is so.

        Mostly it was told nothing. So when all come back in one turn, as after a restart, the dispatcher
        knows all of them before it decides.
        """
        self._system.deliver()
        actor = self._system.actors.get(address)
        if actor is not None and actor.inbox:
            self._system.run()

    def logout(self, connection: Connection, message: Logout) -> None:
        """End a session because the agent wants to; the agent leaves with the last one.

        A repeat gets its first answer, and ends no session that was opened since (G3).
        """
        session = connection.agents.get(message.agent)
        told = Told(message, connection.tenant, f"agent/{message.agent}", connection)
        if session is None:
            self._system.reply(told, Ack(message.id, self._system.head))
            return
        told = msgspec.structs.replace(told, recent=session.recent, session=session.leased)
        if self._system.first_entry(told) is not None:
            self._system.tell(session.address, told)
            return
        del connection.agents[message.agent]
        self._outbound.unsubscribe(connection, f"agent/{message.agent}")
        if self._drop(connection, session):
            self._system.tell(session.address, told)
        else:
            self._system.reply(told, Ack(message.id, self._system.head))

    def speaks(self, connection: Connection, message: Any) -> AgentSession | None:
        """Return the session of the agent who says something, which is a sign of life (B1); or refuse it.

        Nobody waits for the answer to a mere ``still_here``; who is not logged in is told so all the same.
        """
        session = connection.agents.get(message.agent)
        if session is None:
            text = "the agent is not logged in on this connection"
            self._outbound.refuse(connection, message, Code.NOT_AUTHENTICATED, text)
            return None
        leased = session.leased
        lease = leased.lease
        if leased.epoch != lease.epoch:
            self._catch_up(session.address)
        if leased.epoch != lease.epoch:
            self._outbound.refuse(connection, message, Code.NOT_AUTHENTICATED, leased.refusal())
            return None
        lease.active_at = self._system.now
        if lease.warned:
            self._system.tell(session.address, SignOfLife())
        return session

    def let_go_all(self, connection: Connection, reason: str) -> None:
        """The connection is gone, and with it its sessions."""
        for session in connection.agents.values():
            self._let_go(connection, session, reason)
        connection.agents = {}

    def desk_changed(self, connection: Connection) -> None:
        """End the sessions of agents that have left the desk, or whose password is another; no others.

        To all others other times may apply.
        """
        for agent, session in list(connection.agents.items()):
            if self._password_hash((connection.tenant, agent)) != session.password_hash:
                text = "the agent is no longer in the desk, or has a new password"
                self._end_session(connection, agent, text)
            else:
                self._system.tell(session.address, DeskChanged())

    def end_dead(self) -> None:
        """End the sessions whose epoch is over, on every connection, and say why; a newer login stays.

        The connections go on: other agents speak over them.
        """
        ended, self._system.leases.ended = self._system.leases.ended, []
        for address in ended:
            agent = address[2]
            for connection in self._holders.get(address, [])[:]:
                leased = connection.agents[agent].leased
                if not leased.alive:
                    self._end_session(connection, agent, leased.lease.ended)

    def _drop(self, connection: Connection, session: AgentSession) -> bool:
        """A connection no longer holds an agent's session; True when it was the last that was alive."""
        holders = self._holders[session.address]
        holders.remove(connection)
        if not holders:
            del self._holders[session.address]
        self._catch_up(session.address)
        agent = session.address[2]
        others = any(holder.agents[agent].leased.alive for holder in holders)
        return session.leased.alive and not others

    def _let_go(self, connection: Connection, session: AgentSession, reason: str) -> None:
        """The agent must learn of the loss of the last session."""
        if self._drop(connection, session):
            lost = LastSessionLost(reason[:200], session.leased.epoch)
            self._system.tell(session.address, lost)

    def _end_session(self, connection: Connection, agent: str, reason: str) -> None:
        """End one agent's session on a connection that goes on, and tell the peer."""
        session = connection.agents.pop(agent)
        self._outbound.unsubscribe(connection, f"agent/{agent}")
        self._let_go(connection, session, reason)
        self._outbound.send(connection, SessionEnded(agent, reason[:500]))
        self._log.info("agent.session_ended", tenant=connection.tenant, agent=agent)
