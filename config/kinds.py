"""Types of settings that more than one section uses, with their bounds."""

from typing import Annotated

from msgspec import Meta

from config.annotations import note

COUNT_MAX = 1_000_000_000
YEAR_S = 31_536_000

Identifier = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9_.@-]{0,63}$"),
    note(says='an id: up to 64 of a-z, 0-9 and "_.@-", beginning with a letter or digit'),
]
Slug = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    note(says="a slug: up to 63 of a-z, 0-9 and inner hyphens"),
]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=COUNT_MAX)]
CountOrNone = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Seconds = Annotated[float, Meta(gt=0, le=YEAR_S)]
SecondsOrNone = Annotated[float, Meta(ge=0, le=YEAR_S)]
