"""Why: every reason that the dispatcher can give, by its code, with one sentence each.

docs/routing.md prints this table; a test holds them together.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A stable code. In journals, metrics, answers and refusals it is always the same word."""

    # What made the dispatcher look.
    ARRIVAL = "arrival"
    CAPACITY_FREED = "capacity_freed"
    AGENT_AVAILABLE = "agent_available"
    TIMER = "timer"
    POLICY_CHANGED = "policy_changed"
    PICKED = "picked"
    RESTART = "restart"

    # Why this conversation.
    LONGEST_WAIT = "longest_wait"
    NEWEST = "newest"
    PRIORITY = "priority"
    DEADLINE = "deadline"
    OVERTAKEN = "overtaken"
    CHOSEN_BY_HAND = "chosen_by_hand"
    ONLY_ONE_WAITING = "only_one_waiting"

    # Why this agent.
    PREVIOUS_AGENT = "previous_agent"
    LONGEST_IDLE = "longest_idle"
    LEAST_LOADED = "least_loaded"
    ROUND_ROBIN = "round_robin"
    BEST_SKILL = "best_skill"
    BUSY_FALLBACK = "busy_fallback"
    ASKED_AGAIN = "asked_again"

    # Why not this agent.
    UNKNOWN_AGENT = "unknown_agent"
    OFFLINE = "offline"
    NOT_REACHABLE = "not_reachable"
    BUSY = "busy"
    AWAY = "away"
    NOT_ANSWERING = "not_answering"
    TRANSFER_ONLY = "transfer_only"
    FINISHING = "finishing"
    OTHER_DEPARTMENT = "other_department"
    SKILL_MISSING = "skill_missing"
    LANGUAGE_MISSING = "language_missing"
    NO_ROOM = "no_room"
    CHANNEL_LIMIT = "channel_limit"
    DECLINED = "declined"
    IS_ASSIGNEE = "is_assignee"

    # Why not this conversation.
    NOT_WAITING = "not_waiting"
    OFFERED_TO_ANOTHER = "offered_to_another"
    TAKEN_BY_ANOTHER = "taken_by_another"
    ENDED = "ended"
    PULL_ONLY = "pull_only"
    PICKING_NOT_ALLOWED = "picking_not_allowed"
    NOT_ITS_TURN = "not_its_turn"
    KEPT_FOR_PREVIOUS_AGENT = "kept_for_previous_agent"
    KEEPS_ROOM = "keeps_room"
    OUT_OF_ACTION = "out_of_action"
    NOBODY_WAITS = "nobody_waits"

    # Why a customer's place was changed.
    QUEUE_FULL = "queue_full"
    WAITED_TOO_LONG = "waited_too_long"
    UNKNOWN_DEPARTMENT = "unknown_department"
    CUSTOMER_LEFT = "customer_left"
    ASSIGNEE_GONE = "assignee_gone"
    FIRST_REPLY_MISSED = "first_reply_missed"
    TRANSFERRED = "transferred"
    HANDED_OVER = "handed_over"
    DO_NOT_DISTURB_LIFTED = "do_not_disturb_lifted"

    # Why it is over, or interrupted.
    CHANNEL_REMOVED = "channel_removed"
    DO_NOT_DISTURB = "do_not_disturb"
    BLOCKED = "blocked"
    NOT_REOPENED = "not_reopened"
    WRAP_UP_MISSED = "wrap_up_missed"


SENTENCES: dict[Reason, str] = {
    Reason.ARRIVAL: "The conversation has come into the queue.",
    Reason.CAPACITY_FREED: "The agent has room again.",
    Reason.AGENT_AVAILABLE: "The agent has become available.",
    Reason.TIMER: "A time has come: a wider ring, the end of a pause or of the previous agent's window.",
    Reason.POLICY_CHANGED: "The desk or the order of the queue was changed.",
    Reason.PICKED: "The agent asked for it.",
    Reason.RESTART: "The daemon has come back from the journal.",
    Reason.LONGEST_WAIT: "It has waited longest of all that the agent can take.",
    Reason.NEWEST: "The queue serves the newest first.",
    Reason.PRIORITY: "It has the highest priority of all that the agent can take.",
    Reason.DEADLINE: "Its service-level deadline is the next.",
    Reason.OVERTAKEN: "As many later arrivals as the policy allows had passed it.",
    Reason.CHOSEN_BY_HAND: "It was chosen by hand: from the list, or by whoever transfers it.",
    Reason.ONLY_ONE_WAITING: "No other conversation waits for the agent.",
    Reason.PREVIOUS_AGENT: "The agent has served this customer before.",
    Reason.LONGEST_IDLE: "The agent has been without a new conversation for longest.",
    Reason.LEAST_LOADED: "The agent has the least work for the capacity.",
    Reason.ROUND_ROBIN: "It is the agent's turn.",
    Reason.BEST_SKILL: "The agent is the most skilled of those with room.",
    Reason.BUSY_FALLBACK: "The agent is busy, but nobody else is there.",
    Reason.ASKED_AGAIN: "The agent has declined before; the pause is over, and nobody else had room.",
    Reason.UNKNOWN_AGENT: "The desk has no such agent.",
    Reason.OFFLINE: "The agent is not logged in.",
    Reason.NOT_REACHABLE: "No connection of the agent is alive.",
    Reason.BUSY: "The agent has chosen busy.",
    Reason.AWAY: "The agent has chosen away.",
    Reason.NOT_ANSWERING: "The agent did not answer an offer, and has not chosen a presence since.",
    Reason.TRANSFER_ONLY: "The agent takes only what colleagues transfer.",
    Reason.FINISHING: "The agent finishes and takes nothing new.",
    Reason.OTHER_DEPARTMENT: "The agent does not serve the department, nor does a ring that is open by now.",
    Reason.SKILL_MISSING: "The agent lacks a skill that is required, or has too little of it.",
    Reason.LANGUAGE_MISSING: "The agent does not speak the customer's language.",
    Reason.NO_ROOM: "The agent's capacity is used up, or too little is left for it.",
    Reason.CHANNEL_LIMIT: "The agent has as many conversations of this kind of channel as allowed.",
    Reason.DECLINED: "The agent has declined it, or not answered, and the pause is not over.",
    Reason.IS_ASSIGNEE: "The agent is the one who gives it away.",
    Reason.NOT_WAITING: "The conversation does not wait in a queue.",
    Reason.OFFERED_TO_ANOTHER: "The conversation is offered to another agent.",
    Reason.TAKEN_BY_ANOTHER: "Another agent was quicker.",
    Reason.ENDED: "The conversation has ended.",
    Reason.PULL_ONLY: "In this department agents take conversations themselves; nothing is offered.",
    Reason.PICKING_NOT_ALLOWED: "In this department agents may not choose by hand.",
    Reason.NOT_ITS_TURN: "Others are before it in the order of the queue.",
    Reason.KEPT_FOR_PREVIOUS_AGENT: "It is kept for the previous agent until the window is over.",
    Reason.KEEPS_ROOM: "The agent keeps room for a heavier conversation that was overtaken too often.",
    Reason.OUT_OF_ACTION: "The daemon has failed on it repeatedly and has put it out of action.",
    Reason.NOBODY_WAITS: "Nobody waits whom the agent could serve.",
    Reason.QUEUE_FULL: "As many wait in the department as its limit allows.",
    Reason.WAITED_TOO_LONG: "It has waited as long as the department's limit allows.",
    Reason.UNKNOWN_DEPARTMENT: "The desk has no such department; what is new waits in the channel's.",
    Reason.CUSTOMER_LEFT: "The customer has left.",
    Reason.ASSIGNEE_GONE: "The assignee is gone.",
    Reason.FIRST_REPLY_MISSED: "The assignee has not answered the customer in time.",
    Reason.TRANSFERRED: "It was transferred to somebody else.",
    Reason.HANDED_OVER: "The assignee has handed it over.",
    Reason.DO_NOT_DISTURB_LIFTED: "Do not disturb was lifted.",
    Reason.CHANNEL_REMOVED: "The channel was removed from the desk.",
    Reason.DO_NOT_DISTURB: "Do not disturb was switched on for the customer.",
    Reason.BLOCKED: "The customer was blocked.",
    Reason.NOT_REOPENED: "It was solved, and the customer has not written within the time of its style.",
    Reason.WRAP_UP_MISSED: "The agent has not wrapped it up in time.",
}
