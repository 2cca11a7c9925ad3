"""What people may say, and what it becomes: limits, media, canned replies and cards.

What an agent sends is checked against the desk and the channel, and refused before a provider would refuse
it; every refusal names the limit. What a customer sends has been said already: it is refused only where it
refers to a medium that the tenant does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from actors import events
from actors.conversation import outbox
from actors.conversation.limits import Rules, contents_of, rules_of, text_bytes_max, text_length_max
from actors.conversation.orders import Refusal
from actors.conversation.state import Conversation, Facts, Outcome
from actors.conversation.window import concerned
from actors.media import Medium, referred_to
from config.desk import Channel
from config.messages import PLACEHOLDER, RESERVED
from protocol.content import (
    CannedReply,
    Card,
    Content,
    Image,
    LinkCard,
    MiniProgramCard,
    Outgoing,
    Text,
    Voice,
)
from protocol.errors import Code
from protocol.messages import AgentMessage

T = TypeVar("T")

#: Where a link may lead. Others are run by what shows them, not opened.
LINKS = ("https://", "http://")
NAMES = {Image: "image", Voice: "voice", LinkCard: "link_card", MiniProgramCard: "mini_program_card"}


def written(state: Conversation, command: AgentMessage, facts: Facts, author: str = "") -> Outcome:
    """Return what an agent's message causes: in the assignee's name, whoever has written it."""
    content, rules = command.content, facts.rules or rules_of(facts.desk)
    made = prepared(state, content, facts, rules)
    if isinstance(made, Refusal):
        return made
    asked = content if isinstance(content, CannedReply | Card) else None
    shown_as = rules.shown_as.get(state.assignee, "")
    wrote = events.AgentWrote(state.assignee, state.contact, made, author, shown_as, asked)
    return outbox.send(state, wrote, facts) if concerned(state, facts) else [wrote]


def received(content: Content, facts: Facts) -> Content | Refusal:
    """Return what a customer has sent, with what is known of its medium."""
    return content if isinstance(content, Text) else _with_medium(content, facts)


def same_content(sent: Outgoing, content: Content, asked: CannedReply | Card | None = None) -> bool:
    """Say whether this was sent when ``content`` came of it (G3): what the daemon fills in does not count."""
    return sent == asked if asked is not None else _bare(sent) == _bare(content)


def _bare(content: Outgoing) -> Outgoing:
    if isinstance(content, Image):
        return replace(content, media_type="", size_bytes=0, width=0, height=0)
    if isinstance(content, Voice):
        return replace(content, media_type="", size_bytes=0)
    return content


def prepared(state: Conversation, content: Outgoing, facts: Facts, rules: Rules) -> Content | Refusal:
    """Return what is stored and delivered of what an agent sends, or why it cannot be sent."""
    made = _resolved(state, content, facts, rules)
    if isinstance(made, Refusal):
        return made
    channel = facts.desk.channels.get(state.channel)
    if isinstance(made, Text):
        return _text_refusal(made.text, channel, facts) or made
    name = NAMES[type(made)]
    if channel is None or name not in contents_of(channel):
        takes = ", ".join(("text", *contents_of(channel))) if channel is not None else "nothing"
        return Refusal(Code.CONTENT, f"the channel {state.channel} does not take {name}; it takes {takes}")
    if isinstance(made, LinkCard) and not made.url.startswith(LINKS):
        return Refusal(Code.CONTENT, f"a link leads to https:// or http://, not to {made.url[:60]!r}")
    filled = _with_medium(made, facts)
    if isinstance(filled, Image | Voice):
        return _medium_refusal(filled, channel, facts) or filled
    return filled


def _resolved(state: Conversation, content: Outgoing, facts: Facts, rules: Rules) -> Content | Refusal:
    if isinstance(content, CannedReply):
        return _of_reply(state, content, facts, rules)
    return _of_card(state, content, facts) if isinstance(content, Card) else content


# Texts.


def _text_refusal(text: str, channel: Channel | None, facts: Facts) -> Refusal | None:
    """The shortest of all limits holds (H2)."""
    policies = facts.desk.policies
    limits = [(policies.text_length_max, "the desk allows {} (H2)")]
    if channel is not None and (length := text_length_max(channel)) is not None:
        limits.append((length, f"the channel, of the kind {channel.kind}, takes {{}}"))
    most, whose = min(limits)
    if len(text) > most:
        return Refusal(Code.TOO_LARGE, f"the text has {len(text)} characters, {whose.format(most)}")
    if channel is not None and (takes := text_bytes_max(channel)) is not None:
        size = len(text.encode())
        if size > takes:
            what = (
                f"the text has {size} bytes of UTF-8, the channel, of the kind {channel.kind}, takes {takes}"
            )
            return Refusal(Code.TOO_LARGE, what)
    if policies.reserved_characters == "refuse" and (found := [mark for mark in RESERVED if mark in text]):
        what = f"the text has {' and '.join(found)}, which the desk keeps for placeholders (H3)"
        return Refusal(Code.CONTENT, what)
    return None


def _of_reply(state: Conversation, asked: CannedReply, facts: Facts, rules: Rules) -> Text | Refusal:
    reply = facts.desk.replies.get(asked.reply)
    if reply is None:
        return Refusal(Code.NOT_ALLOWED, f"the desk has no canned reply {asked.reply!r}")
    text = in_language(reply.texts, asked.language, state.language, facts.desk.policies.language)
    if text is None:
        return _no_language("canned reply", asked.reply, asked.language, reply.texts)
    agent = facts.desk.agents.get(state.assignee)
    known = {
        "customer_name": state.name,
        "agent_name": rules.shown_as.get(state.assignee) or (agent.name if agent is not None else ""),
        **asked.arguments,
    }
    missing = [name for name in dict.fromkeys(PLACEHOLDER.findall(text)) if not known.get(name)]
    if missing:
        names = ", ".join(f"<{name}>" for name in missing)
        what = f"nothing fills {names} in the canned reply {asked.reply!r}; give it in `arguments` (H3)"
        return Refusal(Code.CONTENT, what)
    return Text(PLACEHOLDER.sub(lambda found: known[found[1]], text), asked.reply)


# Cards.


def _of_card(state: Conversation, asked: Card, facts: Facts) -> LinkCard | MiniProgramCard | Refusal:
    card = facts.desk.cards.get(asked.card)
    if card is None:
        return Refusal(Code.NOT_ALLOWED, f"the desk has no card {asked.card!r}")
    text = in_language(card.texts, asked.language, state.language, facts.desk.policies.language)
    if text is None:
        return _no_language("card", asked.card, asked.language, card.texts)
    image, image_url = card.image or "", card.image_url or ""
    if card.kind == "link":
        url = text.url or card.url or ""
        return LinkCard(text.title, url, text.text, image, image_url, asked.card)
    page = text.page or card.page or ""
    return MiniProgramCard(text.title, card.application or "", page, image, image_url, asked.card)


def _no_language(what: str, name: str, language: str, texts: Mapping[str, object]) -> Refusal:
    has = ", ".join(texts)
    return Refusal(Code.CONTENT, f"the {what} {name!r} has no text in {language!r}; it has {has}")


def in_language(texts: Mapping[str, T], wanted: str, spoken: str, default: str) -> T | None:
    """Return the text in the language that is ``wanted``; None if there is none.

    Where none in particular is wanted: in the one that the customer has ``spoken``, else in the ``default``
    one, else the first. A tag that is not there is looked for without its last part, and then among all of
    the same language.
    """
    if wanted:
        found = _tag(texts, wanted)
        return None if found is None else texts[found]
    tags = (_tag(texts, language) for language in (spoken, default))
    return texts[next(filter(None, tags), next(iter(texts)))]


def _tag(texts: Mapping[str, object], language: str) -> str | None:
    by_tag = {tag.lower(): tag for tag in texts}
    wanted = language.replace("_", "-").lower()
    primary = wanted.partition("-")[0]
    while wanted:
        if wanted in by_tag:
            return by_tag[wanted]
        wanted = wanted.rpartition("-")[0]
    return next((tag for low, tag in by_tag.items() if low.partition("-")[0] == primary), None)


# Media.


def _with_medium(
    content: Image | Voice | LinkCard | MiniProgramCard, facts: Facts
) -> Image | Voice | LinkCard | MiniProgramCard | Refusal:
    """Fill in what is known of the medium that the content refers to."""
    media = referred_to(content)
    if not media:
        return content
    medium = facts.media(media)
    if medium is None:
        return Refusal(Code.NOT_ALLOWED, f"the tenant has no medium {media}; upload it first")
    kind = "voice" if isinstance(content, Voice) else "image"
    if medium.kind != kind:
        return Refusal(Code.CONTENT, f"the medium is {medium.media_type}, which is no {kind}")
    return _filled(content, medium)


def _filled(
    content: Image | Voice | LinkCard | MiniProgramCard, medium: Medium
) -> Image | Voice | LinkCard | MiniProgramCard:
    if isinstance(content, Image):
        return replace(
            content,
            media_type=medium.media_type,
            size_bytes=medium.size_bytes,
            width=medium.width,
            height=medium.height,
        )
    if isinstance(content, Voice):
        return replace(content, media_type=medium.media_type, size_bytes=medium.size_bytes)
    return content


def _medium_refusal(content: Image | Voice, channel: Channel, facts: Facts) -> Refusal | None:
    """The desk and the channel say which media agents may send, and how large (H5)."""
    policies = facts.desk.policies
    types: tuple[str, ...]
    if isinstance(content, Image):
        what, types, most = "image", policies.image_types, policies.image_bytes_max
        takes = channel.image_bytes_max
    else:
        what, types, most = "voice message", policies.voice_types, policies.voice_bytes_max
        takes = channel.voice_bytes_max
    if content.media_type not in types:
        allowed = ", ".join(types) or "none"
        return Refusal(Code.CONTENT, f"the {what} is {content.media_type}, the desk allows {allowed} (H5)")
    if content.size_bytes > most:
        what = f"the {what} has {content.size_bytes} bytes, the desk allows {most} (H5)"
        return Refusal(Code.TOO_LARGE, what)
    if takes is not None and content.size_bytes > takes:
        return Refusal(
            Code.TOO_LARGE, f"the {what} has {content.size_bytes} bytes, the channel takes {takes}"
        )
    return None
