"""Agents' sessions: who is logged in on which connection (GUARANTEES 6).

A connection may hold several agents' sessions, and an agent may have sessions on several connections; the
actor learns of the first and of the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from actors.agent.machine import LastSessionLost, SessionOpened
from actors.journal import Address
from actors.runtime import System
from actors.telling import Told
from config.process import ProcessSettings
from daemon.connection import AgentSession, Connection
from daemon.logins import LoginDesk
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from protocol.errors import Code
from protocol.messages import Ack, LoggedIn, Login, LoginWithToken, Logout
from protocol.teamwork import StillHere


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
        #: The last sign of life of each agent.
        self.seen_at: dict[Address, float] = {}

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
        agent = self._system.desks[account[0]].agents.get(account[1])
        return agent.password if agent else None

    def _logged_in(
        self, connection: Connection, message: Login, good: bool, password_hash: str | None
    ) -> None:
        """The password pool has answered; on the reactor's thread, in a later turn.

        The desk may have changed since: a password counts only while it is the agent's.
        """
        account = (connection.tenant, message.agent)
        if not good or self._password_hash(account) != password_hash:
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
            self._open_session(connection, message)

    def login_with_token(self, connection: Connection, message: LoginWithToken) -> None:
        """Open a session for a token of ours."""
        agent = self._system.desks[connection.tenant].agents.get(message.agent)
        if agent is None or not self._logins.check_token(
            message.token, connection.tenant, message.agent, connection.key, agent.password, self._system.now
        ):
            self._numbers.logins_failed += 1
            self._outbound.refuse(
                connection, message, Code.NOT_AUTHENTICATED, "the token is not valid here, or not any more"
            )
            return
        self._open_session(connection, message)

    def _open_session(self, connection: Connection, message: Login | LoginWithToken) -> None:
        agent = self._system.desks[connection.tenant].agents.get(message.agent)
        if agent is None:
            self._outbound.refuse(
                connection, message, Code.NOT_AUTHENTICATED, "unknown agent or wrong password"
            )
            return
        address = ("agent", connection.tenant, message.agent)
        sender = f"agent/{message.agent}"
        recent = self._system.commands.of(connection.tenant, sender)
        connection.agents[message.agent] = AgentSession(address, sender, recent, agent.password)
        holders = self._holders.setdefault(address, [])
        if connection not in holders:
            holders.append(connection)
        expires_at = self._system.now + self._settings().timing.token_s
        token = self._logins.make_token(
            connection.tenant, message.agent, connection.key, agent.password, expires_at
        )
        self._system.tell_from_outside(address, SessionOpened())
        told = Told(message, connection.tenant, sender, connection)
        self._system.reply(told, LoggedIn(message.id, message.agent, token, expires_at))
        self._log.info("agent.session_opened", tenant=connection.tenant, agent=message.agent)

    def logout(self, connection: Connection, message: Logout) -> None:
        """End a session because the agent wants to; the agent leaves with the last one."""
        session = connection.agents.pop(message.agent, None)
        told = Told(message, connection.tenant, f"agent/{message.agent}", connection)
        if session is None:
            self._system.reply(told, Ack(message.id, self._system.head))
            return
        self._outbound.unsubscribe(connection, f"agent/{message.agent}")
        holders = self._holders[session.address]
        holders.remove(connection)
        if holders:
            self._system.reply(told, Ack(message.id, self._system.head))
            return
        del self._holders[session.address]
        self._system.tell_from_outside(session.address, told)

    def still_here(self, connection: Connection, message: StillHere) -> None:
        """Note a sign of life of an agent who is logged in on this connection (B3)."""
        self.seen_at[connection.agents[message.agent].address] = self._system.now

    def let_go_all(self, connection: Connection, reason: str) -> None:
        """The connection is gone, and with it its sessions."""
        for session in connection.agents.values():
            self._let_go(connection, session.address, reason)
        connection.agents = {}

    def desk_changed(self, connection: Connection) -> None:
        """End the sessions of agents that have left the desk, or whose password is another; no others."""
        for agent, session in list(connection.agents.items()):
            if self._password_hash((connection.tenant, agent)) != session.password_hash:
                text = f"agent {agent!r} is no longer in the desk, or has a new password"
                self._end_session(connection, agent, text)

    def _let_go(self, connection: Connection, address: Address, reason: str) -> None:
        """A connection no longer holds an agent's session; the agent must learn of the last one."""
        holders = self._holders.get(address, [])
        if connection in holders:
            holders.remove(connection)
        if not holders:
            self._holders.pop(address, None)
            self._system.tell_from_outside(address, LastSessionLost(reason[:200]))

    def _end_session(self, connection: Connection, agent: str, reason: str) -> None:
        """End one agent's session on a connection that goes on, and tell the peer."""
        session = connection.agents.pop(agent)
        self._outbound.unsubscribe(connection, f"agent/{agent}")
        self._let_go(connection, session.address, reason)
        self._outbound.refuse(connection, None, Code.NOT_AUTHENTICATED, reason)
        self._log.info("agent.session_ended", tenant=connection.tenant, agent=agent)
