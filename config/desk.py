"""The desk file: one tenant's departments, agents, channels, gateways, consoles and policies.

A new setting is one line in its section. A reference to another table is a note on the type (`refers_to`), so
the checker follows it without code of its own.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from config.across import check_across
from config.annotations import Section, Violation, note
from config.checking import Checked, check
from config.keys import PublicKey, decodes
from config.kinds import Count, Identifier, Name, Seconds, SecondsOrNone, Slug
from config.messages import (
    Card,
    ChannelKind,
    ContentKind,
    ImageType,
    Language,
    Reply,
    TextLength,
    VoiceType,
)
from config.problems import ConfigurationError, in_reading_order
from config.routing import ROLES, Department, DepartmentId, Role, Skills, unknown_zone
from config.schema import schema_of
from config.source import Source, parse_source, read_source
from config.styles import Style, StyleId
from config.windows import WINDOWS, Window

GatewayId = Annotated[str, note(refers_to="gateways")]
RoleId = Annotated[str, note(refers_to="roles", besides=tuple(ROLES))]
WindowId = Annotated[str, note(refers_to="windows", besides=tuple(WINDOWS))]
PasswordHash = Annotated[
    str,
    Meta(
        pattern=r"^\$argon2id\$v=\d{1,3}\$m=\d{1,9},t=\d{1,9},p=\d{1,9}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$",
        max_length=512,
    ),
    note(secret=True, says='an argon2id hash, whole, beginning with "$argon2id$"; never the password itself'),
]


class Agent(Section, frozen=True):
    """`[agents.<id>]`: somebody who answers. `capacity` is counted in units; see a channel's `weight`."""

    name: Name
    password: PasswordHash
    departments: Annotated[tuple[DepartmentId, ...], Meta(min_length=1)]
    capacity: Annotated[int, Meta(ge=1, le=10_000)] = 4
    languages: tuple[Language, ...] = ()
    skills: Skills = field(default_factory=dict)
    """What the agent can do, and how well: 1 to 10."""
    limits: Mapping[ChannelKind, Count] = field(default_factory=dict)
    """The most conversations at once by kind of channel, beside the capacity."""
    role: RoleId = "agent"
    shown_as: Name | None = None
    """What the customer sees as the agent (H8)."""

    def violations(self) -> Iterator[Violation]:
        """Each department and language once."""
        for key, values in (("departments", self.departments), ("languages", self.languages)):
            if len(set(values)) < len(values):
                yield Violation(key, "names the same one twice")


class Channel(Section, frozen=True):
    """`[channels.<id>]`: an account at a provider; its gateway speaks for it, its department answers."""

    name: Name
    kind: ChannelKind
    gateway: GatewayId
    department: DepartmentId
    weight: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """How many units of an agent's capacity one conversation takes."""
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    skills: Skills = field(default_factory=dict)
    """What an agent must be able to do, and how well at least."""
    language: Language | None = None
    """The customers' language, where they do not say it."""
    visit_timeout_s: Seconds = 86_400
    """A visitor of whom the gateway has said nothing for so long is taken for gone (C4)."""
    text_length_max: TextLength | None = None
    """The longest text, in characters; without it what is known of the kind of channel."""
    text_bytes_max: Count | None = None
    """The same in bytes of UTF-8."""
    contents: tuple[ContentKind, ...] | None = None
    """What agents may send beside texts; without it what is known of the kind of channel."""
    image_bytes_max: Count | None = None
    voice_bytes_max: Count | None = None
    style: StyleId = "live_chat"
    """How its conversations end and come back; web visitors who are not known have `live_chat` (F7)."""
    window: WindowId | None = None
    """When the provider lets us write; by default the window that is called like the kind."""
    receipts: Literal["none", "sent", "delivered", "read"] = "none"
    """How far the gateway reports what becomes of each message; `none`: done when the gateway has it."""
    head_of_line: Literal["hold", "pass"] = "hold"
    """Whether later messages of a conversation wait for one that has to be sent again, or pass it."""
    delivery_attempts_max: Annotated[int, Meta(ge=1, le=100)] = 8
    delivery_timeout_s: Seconds = 300
    """After so long without a report it is unknown what has become of a message."""


class Peer(Section, frozen=True):
    """A process outside that connects. Its key may be left out only where the daemon listens in plain."""

    public_key: PublicKey | None = None

    def violations(self) -> Iterator[Violation]:
        """A key that Z85 can decode."""
        if self.public_key is not None and not decodes(self.public_key):
            yield Violation(
                "public_key", "is not a public key: some five of its characters mean more than four bytes"
            )


class Gateway(Peer, frozen=True):
    """`[gateways.<id>]`: carries the messages of one or more channels."""


class Console(Peer, frozen=True):
    """`[consoles.<id>]`: an agent's device, or a web console's server; its connections may log agents in."""


class Policies(Section, frozen=True):
    """`[policies]`: how this tenant wants it. `text_length_max` is in characters."""

    presence_initial: Literal["online", "busy", "away", "offline"] = "online"
    busy_fallback: Literal["only_one", "nobody_online", "never"] = "only_one"
    """When a busy agent gets new work (A3): as the only one who is there, when nobody is online, or never."""
    inactivity_logout_s: SecondsOrNone = 0
    """After so long without a command or a click the agent is logged out (B1); 0 is never."""
    inactivity_warning_s: Seconds = 60
    grace_s: SecondsOrNone = 60
    """How long an agent without a living connection is waited for (G11)."""
    when_lost: Literal["queue", "on_reply", "keep"] = "queue"
    """The assignee is gone: to the queue at once, with the customer's next message (D11), or never."""
    when_away: Literal["queue", "on_reply", "keep"] = "keep"
    """The same for an assignee who goes away without a hand-over."""
    hand_over_refused: Literal["queue", "keep"] = "queue"
    """Where a colleague has no room or nobody is there: to the queue, or kept by the one who leaves (A4)."""
    transfer_consent: Literal["required", "immediate"] = "required"
    """Whether a transfer waits until it is accepted (G4)."""
    transfer_timeout_s: Seconds = 60
    invitation_timeout_s: Seconds = 60
    beyond_capacity: bool = False
    """Whether transfers and hand-overs may go beyond the receiver's capacity."""
    wrap_up_reasons: tuple[Name, ...] = ()
    wrap_up_required: bool = False
    """Whether agents must give a reason when a conversation or a conference ends, or is transferred (F12)."""
    mask_payment: bool = False
    """Whether card numbers, IBANs and US social-security numbers are hidden from agents (M3)."""
    mask_personal: bool = False
    """Whether e-mail addresses and phone numbers are masked for agents (M3-M5)."""
    wrap_up_timeout_s: SecondsOrNone = 0
    """How long an agent may take to wrap up what the customer has ended (F11); 0 is for ever."""
    text_length_max: TextLength = 1000
    reserved_characters: Literal["allow", "refuse"] = "allow"
    """Whether agents may write `<` and `>`, which mark the placeholders of canned replies (H3)."""
    language: Language = "en"
    """For canned replies and cards that the customer's own language has no text of."""
    image_types: tuple[ImageType, ...] = ("image/jpeg", "image/png")
    """What agents may send as pictures, by their bytes and not by their names (H5)."""
    image_bytes_max: Count = 2_097_152
    voice_types: tuple[VoiceType, ...] = (
        "audio/aac",
        "audio/amr",
        "audio/amr-wb",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/webm",
    )
    voice_bytes_max: Count = 2_097_152
    timezone: str = "UTC"
    """Where the tenant's days begin and end: for the lists of today (C5)."""
    welcome: Annotated[str, Meta(min_length=1)] | None = None

    def violations(self) -> Iterator[Violation]:
        """A known time zone, a welcome within the limit, and a warning that comes before the logout."""
        yield from unknown_zone("timezone", self.timezone)
        if 0 < self.inactivity_logout_s <= self.inactivity_warning_s:
            what = f"must be less than inactivity_logout_s, which is {self.inactivity_logout_s:g}"
            yield Violation("inactivity_warning_s", what)
        if self.welcome is not None and len(self.welcome) > self.text_length_max:
            what = f"has {len(self.welcome)} characters, but text_length_max is {self.text_length_max}"
            yield Violation("welcome", what)


class Desk(Section, frozen=True):
    """A tenant as its desk file describes it. The tables map ids to entries, in the file's order."""

    tenant: Slug
    departments: Mapping[Identifier, Department] = {}
    styles: Mapping[Identifier, Style] = {}
    roles: Mapping[Identifier, Role] = {}
    agents: Mapping[Identifier, Agent] = {}
    channels: Mapping[Identifier, Channel] = {}
    windows: Mapping[Identifier, Window] = {}
    gateways: Mapping[Identifier, Gateway] = {}
    consoles: Mapping[Identifier, Console] = {}
    replies: Mapping[Identifier, Reply] = {}
    cards: Mapping[Identifier, Card] = {}
    policies: Policies = Policies()

    def violations(self) -> Iterator[Violation]:
        """No canned reply that is too long to be sent."""
        most = self.policies.text_length_max
        for identifier, reply in self.replies.items():
            for language, text in reply.texts.items():
                if len(text) > most:
                    what = f"has {len(text)} characters, but text_length_max is {most}"
                    yield Violation("replies", what, below=(identifier, "texts", language))

    def window_of(self, channel: Channel) -> tuple[str, Window]:
        """Return a channel's reply window with its id."""
        ident = channel.window or channel.kind
        return ident, self.windows.get(ident) or WINDOWS[ident]


def load_desk(path: Path) -> Desk:
    """Read and check a desk file. Raises ConfigurationError with every problem."""
    return _settled(check_desk(read_source(path)))


def parse_desk(text: str, file_name: str) -> Desk:
    """Check a desk file's text; problems call it `file_name`. Raises as `load_desk` does."""
    return _settled(check_desk(parse_source(text, file_name)))


def check_desk(source: Source) -> Checked:
    """Check a desk that has been read already, without raising."""
    checked = check(source, Desk, Path())
    across = check_across(source)
    if not across:
        return checked
    return Checked(None, in_reading_order([*checked.problems, *across]))


def desk_digest(text: str) -> str:
    """Return the SHA-256 of a desk file's text as 64 hexadecimal digits: says which desk a daemon runs."""
    return hashlib.sha256(text.encode()).hexdigest()


def desk_schema() -> dict[str, Any]:
    """Return the JSON Schema of a desk file."""
    return schema_of(Desk)


def _settled(checked: Checked) -> Desk:
    if checked.problems:
        raise ConfigurationError(checked.problems)
    assert isinstance(checked.settings, Desk)
    return checked.settings
