"""A desk whose channels end conversations in different styles, and whoever plays on it."""

from __future__ import annotations

from typing import Any

from protocol.content import Text
from protocol.messages import Ack, CustomerMessage, Refused
from tests.stage import Stage, desk_text

HOUR_S = 3_600.0
DAY_S = 86_400.0
STYLES = """
[styles.short]
close_after_s = 600
[styles.long]
close_after_s = 2419200
releases = ["pending", "on_hold"]
"""
CHANNELS = {
    "sms": 'kind = "sms"\nstyle = "live_chat_with_return"',
    "social": 'kind = "messenger"\nstyle = "social_messaging"',
    "long": 'kind = "messenger"\nstyle = "long"',
    "site": 'kind = "web"\nstyle = "social_messaging"',
}


def styled(policies: str = "", agents: int = 2, capacity: int = 4, **more: Any) -> Stage:
    """Return a stage with a channel for each style; ``boss`` supervises."""
    people = {"boss": 'role = "supervisor"', **more.pop("people", {})}
    desk = desk_text(agents, capacity, STYLES, channels=CHANNELS, people=people, policies=policies, **more)
    return Stage(desk=desk)


def writes(stage: Stage, channel: str, contact: str = "ann", **more: Any) -> Any:
    """A customer writes in a channel; ``more`` is what the message says besides."""
    text = more.pop("text", "hello")
    message = CustomerMessage(stage.command_id(), channel, contact, Text(text), **more)
    address, told = stage.from_gateway(message)
    return stage.tell(address, told.message, told.sender)


def talks(stage: Stage, channel: str, contact: str = "ann", agent: str = "a1", **more: Any) -> str:
    """Have a customer begin a conversation, and an agent accept it."""
    ack = writes(stage, channel, contact, **more)
    assert isinstance(ack, Ack), ack
    talk = ack.conversation
    assert stage.offered_to(talk) == agent
    assert isinstance(stage.accepts(agent, talk), Ack)
    return talk


def refused(answer: Any) -> str:
    """Return the code of a refusal."""
    assert isinstance(answer, Refused), answer
    return answer.code


def used(stage: Stage, agent: str = "a1") -> int:
    """Return how many units of an agent's capacity are in use, by the dispatcher's books."""
    return stage.dispatcher.view.agent(agent).used


def no_violations(stage: Stage) -> None:
    """Have the auditor go round, and find nothing."""
    stage.dispatcher.auditor.due_at = 0.0
    rounds = stage.dispatcher.auditor.rounds
    for _ in range(50):
        stage.pass_time(0.25)
        if stage.dispatcher.auditor.rounds > rounds:
            break
    assert not stage.dispatcher.auditor.violations
