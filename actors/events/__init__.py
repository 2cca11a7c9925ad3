"""Everything that can have happened, as the journal keeps it.

Names say what has happened; times are seconds since 1970. A new field goes to the end of its event, with a
default: an event is an array in the journal.
"""

from __future__ import annotations

from actors.events.agent import (
    ActiveAgain as ActiveAgain,
    HandedOver as HandedOver,
    HandOverBegun as HandOverBegun,
    InactivityWarned as InactivityWarned,
    LeaseLost as LeaseLost,
    LeaseRegained as LeaseRegained,
    LoggedIn as LoggedIn,
    LoggedOut as LoggedOut,
    Moved as Moved,
    PresenceChosen as PresenceChosen,
)
from actors.events.base import (
    Event as Event,
    Why as Why,
)
from actors.events.conversation import (
    AgentWrote as AgentWrote,
    Assigned as Assigned,
    AssigneeBack as AssigneeBack,
    AssigneeGone as AssigneeGone,
    ConferenceEnded as ConferenceEnded,
    CustomerWrote as CustomerWrote,
    DeliveryReported as DeliveryReported,
    EndCancelled as EndCancelled,
    Ended as Ended,
    EndScheduled as EndScheduled,
    FirstReplyMissed as FirstReplyMissed,
    Greeted as Greeted,
    GreetingLeftOut as GreetingLeftOut,
    Interrupted as Interrupted,
    InvitationEnded as InvitationEnded,
    Invited as Invited,
    Ledger as Ledger,
    MemberJoined as MemberJoined,
    MemberLeft as MemberLeft,
    Muted as Muted,
    NoteWritten as NoteWritten,
    OfferDeclined as OfferDeclined,
    Offered as Offered,
    OfferExpired as OfferExpired,
    OfferWithdrawn as OfferWithdrawn,
    Queued as Queued,
    Rated as Rated,
    Released as Released,
    Renamed as Renamed,
    Reopened as Reopened,
    Said as Said,
    Sending as Sending,
    SentAgain as SentAgain,
    Solved as Solved,
    Started as Started,
    StatusSet as StatusSet,
    Tagged as Tagged,
    TransferEnded as TransferEnded,
    TransferStarted as TransferStarted,
    Triggered as Triggered,
    Unmuted as Unmuted,
    WindowLapsed as WindowLapsed,
)
from actors.events.customer import (
    Acted as Acted,
    Blocked as Blocked,
    DoNotDisturbSet as DoNotDisturbSet,
    PageViewed as PageViewed,
    VisitBegun as VisitBegun,
    VisitEnded as VisitEnded,
)
from actors.events.dispatcher import (
    ChannelCleared as ChannelCleared,
    DeskApplied as DeskApplied,
    Healed as Healed,
    OrderChanged as OrderChanged,
    SetAside as SetAside,
    ShadowApplied as ShadowApplied,
)

AnyEvent = (
    Started
    | Queued
    | CustomerWrote
    | AgentWrote
    | Offered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | Assigned
    | Released
    | Ended
    | SetAside
    | LoggedIn
    | PresenceChosen
    | LeaseLost
    | LeaseRegained
    | LoggedOut
    | DeskApplied
    | Greeted
    | TransferStarted
    | TransferEnded
    | Invited
    | InvitationEnded
    | MemberJoined
    | MemberLeft
    | ConferenceEnded
    | FirstReplyMissed
    | AssigneeGone
    | AssigneeBack
    | InactivityWarned
    | ActiveAgain
    | HandOverBegun
    | HandedOver
    | ShadowApplied
    | OrderChanged
    | Healed
    | VisitBegun
    | PageViewed
    | VisitEnded
    | Acted
    | DoNotDisturbSet
    | Blocked
    | Solved
    | StatusSet
    | Reopened
    | EndScheduled
    | EndCancelled
    | Interrupted
    | Muted
    | Unmuted
    | NoteWritten
    | Tagged
    | Renamed
    | Rated
    | GreetingLeftOut
    | Triggered
    | WindowLapsed
    | DeliveryReported
    | SentAgain
    | ChannelCleared
)
