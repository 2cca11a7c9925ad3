"""What an agent's own sessions are told of the agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors import events
from actors.agent.machine import why_logged_out
from protocol import news as wire, teamwork
from protocol.messages import News
from protocol.views import MovedView


def _handed_over(_: str, event: events.HandedOver) -> News:
    return teamwork.HandedOver(
        [
            MovedView(moved.conversation, moved.outcome, moved.to_agent, moved.to_department, moved.reason)
            for moved in event.results
        ]
    )


#: The news of each event that the agent is told of; the lease is nobody's but the daemon's.
NEWS: Mapping[type[Any], Callable[[str, Any], News]] = {
    events.LoggedIn: lambda _, event: wire.PresenceChanged(event.presence, "logged in"),
    events.PresenceChosen: lambda _, event: wire.PresenceChanged(event.presence, event.reason),
    events.LoggedOut: lambda _, event: wire.PresenceChanged("offline", why_logged_out(event)),
    events.InactivityWarned: lambda _, event: teamwork.LogoutWarning(event.logout_at),
    events.ActiveAgain: lambda _, __: teamwork.LogoutWarning(0.0),
    events.HandedOver: _handed_over,
}
