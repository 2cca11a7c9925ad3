"""The base of every message of the wire, and the kinds of fields that they share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

#: A client-made id: 16 bytes, unique for its sender. Ids that grow with time (as the SDK makes them) are the
#: cheapest to look up.
CommandId = Annotated[bytes, Meta(min_length=16, max_length=16, description="client-made id, 16 bytes")]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Contact = Annotated[str, Meta(min_length=1, max_length=256, description="the customer's key in the channel")]
Stream = Annotated[str, Meta(min_length=3, max_length=160, description="'agent/<id>' or 'channel/<id>'")]
Number = Annotated[int, Meta(ge=0, le=2**62)]
Reason = Annotated[str, Meta(max_length=500)]


class Message(Struct, frozen=True, tag_field="type", omit_defaults=True, gc=False):
    """The base of every message."""
