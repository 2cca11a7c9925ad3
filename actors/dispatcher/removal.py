"""Channels that have left the desk (F13): their conversations are told, those in memory at once.

Those that are parked are looked for in the store, a few at a step, so that no turn is long and memory does
not fill. A restart begins anew with the channels that were not finished: whoever was told is over by then,
and is found no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors import events
from actors.conversation.actor import ConversationActor
from actors.conversation.orders import ChannelGone
from actors.journal import LookupRow

if TYPE_CHECKING:
    from actors.dispatcher.actor import DispatcherActor

#: How many parked conversations are told in one step …
STEP = 100
#: … and how long after the next step comes, in seconds.
STEP_S = 0.25

BEGINNING = LookupRow("", "")


class Removal:
    """What one tenant's dispatcher still has to tell."""

    __slots__ = ("_after", "_dispatcher", "due_at")

    def __init__(self, dispatcher: DispatcherActor) -> None:
        self._dispatcher = dispatcher
        self._after = BEGINNING
        #: When the next step is due, if any channel is to be cleared.
        self.due_at = 0.0

    def tell_those_in_memory(self, channels: frozenset[str]) -> None:
        """These channels have just left."""
        dispatcher = self._dispatcher
        for (_, tenant, ident), actor in dispatcher.system.actors.items():
            mine = isinstance(actor, ConversationActor) and tenant == dispatcher.address[1]
            if mine and actor.state.channel in channels:  # type: ignore[attr-defined]
                dispatcher.tell_conversation(ident, ChannelGone())

    def step_if_due(self, now: float) -> float | None:
        """Tell some of those that are parked, if it is time; return when there is more to do."""
        dispatcher = self._dispatcher
        while dispatcher.state.leaving:
            if now < self.due_at:
                return self.due_at
            channel = dispatcher.state.leaving[0]
            store, tenant = dispatcher.system.store, dispatcher.address[1]
            found = store.under(tenant, f"{channel}/", self._after, STEP)
            for row in found:
                dispatcher.tell_conversation(row.id, ChannelGone())
            self.due_at = now + STEP_S
            if len(found) == STEP:
                self._after = found[-1]
            else:
                self._after = BEGINNING
                dispatcher.take_in([events.ChannelCleared(channel)])
        return None
