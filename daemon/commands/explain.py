"""`switchboard explain`: why a conversation came to somebody, why not to another, why an agent is idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from actors.dispatcher.reasons import SENTENCES, Reason
from daemon.commands.asking import ask
from daemon.commands.options import admin_socket, config_option, socket_option, tenant_option
from daemon.commands.showing import moment, printable

#: How the outcome of a decision is told.
OUTCOMES = {
    "open": "offered to {agent}, who has not answered yet",
    "accepted": "offered to {agent}, who has accepted",
    "declined": "offered to {agent}, who has declined",
    "expired": "offered to {agent}, who has not answered in time",
    "withdrawn": "offered to {agent}, and taken back",
    "taken": "taken by {agent} by hand",
    "direct": "given to {agent} at once",
    "transferred": "transferred to {agent}{by}",
    "proactive": "begun by {agent} with a visitor",
    "handed_over": "handed over to {agent}{by}",
    "returned": "back with {agent}, without a queue: the customer has written again",
    "reopened": "opened again by {agent}",
    "muted": "kept from everybody{by}: do not disturb",
    "unmuted": "back with {agent}: do not disturb was lifted{by}",
    "released": "{agent} has lost it to the queue of {department}",
    "queued": "put into the queue of {department}",
    "transfer": "to be transferred to {target}{by}: not answered yet",
    "transfer accepted": "transfer to {target}{by}: accepted",
    "transfer declined": "transfer to {target}{by}: declined",
    "transfer expired": "transfer to {target}{by}: not answered in time",
    "transfer withdrawn": "transfer to {target}{by}: taken back",
    "transfer unavailable": "transfer to {target}{by}: not possible any more",
}


@click.command()
@click.argument("conversation", required=False)
@click.option("--why-not", metavar="AGENT", help="Say why the conversation does not come to this agent.")
@click.option("--why-idle", metavar="AGENT", help="Say why this agent gets nothing. Without CONVERSATION.")
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's answer as it is.")
@tenant_option
@socket_option
@config_option
def command(
    conversation: str | None,
    why_not: str | None,
    why_idle: str | None,
    as_json: bool,
    tenant: str | None,
    socket: Path | None,
    config: Path | None,
) -> None:
    """Say why.

    With CONVERSATION: every decision about it, what came of it, and the reasons. The codes in parentheses
    are those of docs/routing.md.
    """
    if (conversation is None) == (why_idle is None) or (why_not is not None and why_idle is not None):
        raise click.UsageError("say either CONVERSATION, perhaps with --why-not AGENT, or --why-idle AGENT")
    request = {
        "do": "explain",
        "conversation": conversation,
        "agent": why_idle or why_not,
        "idle": why_idle is not None,
        "tenant": tenant,
    }
    answer = ask(admin_socket(socket, config), request)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for line in _told(answer):
        click.echo(printable(line))


def _told(answer: dict[str, Any]) -> Iterator[str]:
    if "decisions" in answer:
        yield from _decided(answer)
        return
    about = f"{answer['conversation']} to {answer['agent']}" if "conversation" in answer else answer["agent"]
    if not answer["reasons"]:
        yield f"{about}: nothing stands in the way"
        return
    yield f"{about}:"
    for reason in answer["reasons"]:
        subject = f", {reason['about']}" if reason.get("about") else ""
        yield f"  {reason['sentence']} ({reason['code']}{subject})"


def _decided(answer: dict[str, Any]) -> Iterator[str]:
    whose = f", assigned to {answer['assignee']}" if answer["assignee"] else ""
    where = f"{answer['status']} in {answer['department']}{whose}"
    yield f"{answer['conversation']} of {answer['tenant']}: {where}"
    if not answer["decisions"]:
        yield "  nothing has been decided about it yet"
    for decision in answer["decisions"]:
        yield f"{moment(decision['at'])}  {_outcome(decision)}"
        # What has made the dispatcher look may be what has decided as well: once is enough.
        codes = dict.fromkeys(decision.get(key, "") for key in ("trigger", "rule", "choice", "tie_break"))
        yield from (f"  {_sentence(code)}" for code in codes if code)
        facts = "; ".join(_facts(decision))
        if facts:
            yield f"  {facts}."


def _outcome(decision: dict[str, Any]) -> str:
    agent, department, by = (decision.get(key, "") for key in ("agent", "department", "by"))
    target = agent or f"the queue of {department}"
    told = OUTCOMES.get(decision["outcome"], str(decision["outcome"]))
    return told.format(agent=agent, department=department, target=target, by=f" by {by}" if by else "")


def _sentence(code: str) -> str:
    """Return the reason of a code; what is no code is a reason in somebody's own words."""
    return f"{SENTENCES[Reason(code)]} ({code})" if code in set(Reason) else f"The reason given: {code}"


def _facts(decision: dict[str, Any]) -> Iterator[str]:
    """Say the numbers of a decision, as far as there are any; what is zero was left out of the answer."""
    if decision.get("waited_s"):
        yield f"The customer had waited {decision['waited_s']:.1f} s"
    if decision.get("considered"):
        yield f"eligible: {decision['considered']}"
    if decision.get("excluded"):
        counts = ", ".join(f"{many} {code}" for code, many in sorted(decision["excluded"].items()))
        yield f"not eligible: {counts}"
    if decision.get("capacity"):
        yield f"load: {decision.get('used', 0)} of {decision['capacity']} units"
    if decision.get("ring"):
        yield f"rings open: {decision['ring']}"
    if decision.get("policy"):
        yield f"desk: {decision['policy']}"
