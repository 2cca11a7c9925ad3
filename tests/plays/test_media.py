"""Pictures and voice messages between real processes: brought, sent, fetched, kept and taken away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from protocol.client import AsyncConsoleClient, AsyncGatewayClient, GatewayClient
from protocol.content import CannedReply, Card, Image, LinkCard, Text, Voice
from protocol.errors import CommandRefused
from protocol.media import FetchMedia, MediaChunk, MediaStored, UploadChunk, UploadMedia, UploadState
from protocol.messages import Refused
from protocol.news import AgentSaid, CustomerSaid
from tests.daemon import pictures
from tests.plays.conftest import Town
from tests.plays.theatre import PASSWORD, PATIENCE_S, House, desk_text, until
from tests.plays.wire import Peer, new_id

#: Larger than a chunk, so that it comes in several.
PHOTO = pictures.jpeg(4000, 3000, pictures.exif(60_000) * 5)
PICTURE = pictures.png(32, 16)
REPLIES = """
[replies.hello]
title = "Hello"
texts.en = "Hello <customer_name>"
texts.uk = "Вітаю, <customer_name>"

[cards.sale]
kind = "link"
url = "https://shop.example/sale"
texts.en = { title = "Sale" }
"""


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.rule("H5", "H7")
def test_a_picture_goes_both_ways_and_is_the_same_at_the_other_end(town: Town, tmp_path: Path) -> None:
    town.opens("anna", extra=REPLIES)
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    file = tmp_path / "photo.dat"
    file.write_bytes(PHOTO)
    photo = gateway.client.upload(file)
    assert (photo.media, photo.media_type, photo.width, photo.height) == (
        name_of(PHOTO),
        "image/jpeg",
        4000,
        3000,
    )
    image = Image(photo.media, "photo.dat")
    conversation = gateway.client.customer_message("web", "olena", image, "Олена", "uk").conversation
    anna.accepts(anna.is_offered())
    (_, said) = next(entry for entry in anna.reads(conversation) if isinstance(entry[1], CustomerSaid))
    assert said.content == Image(photo.media, "photo.dat", "image/jpeg", len(PHOTO), 4000, 3000)
    assert console.client.fetch("anna", said.content.media) == PHOTO

    stored = console.client.upload("anna", PICTURE)
    console.client.say("anna", conversation, Image(stored.media, "map.png"))
    console.client.say("anna", conversation, CannedReply("hello"))
    console.client.say("anna", conversation, Card("sale"))
    heard = [gateway.hears.hears(AgentSaid).content for _ in range(3)]
    assert heard == [
        Image(stored.media, "map.png", "image/png", len(PICTURE), 32, 16),
        Text("Вітаю, Олена", "hello"),
        LinkCard("Sale", "https://shop.example/sale", card="sale"),
    ]
    assert gateway.client.fetch(stored.media) == PICTURE


@pytest.mark.rule("H6")
def test_a_voice_message_is_heard_by_the_agent(town: Town) -> None:
    town.opens("anna")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    spoken = gateway.client.upload(pictures.amr(50), "voice")
    gateway.client.customer_message("web", "pavlo", "Hello?")
    offer = anna.is_offered()
    anna.accepts(offer)
    gateway.client.customer_message("web", "pavlo", Voice(spoken.media, 1.0))
    said = anna.hears(CustomerSaid).content
    assert said == Voice(spoken.media, 1.0, "audio/amr", len(pictures.amr(50)))
    assert console.client.fetch("anna", spoken.media) == pictures.amr(50)


@pytest.mark.rule("guarantee-G15")
def test_another_tenants_picture_is_not_there(shared_house: House, town: Town) -> None:
    town.opens("anna")
    shared_house.apply(desk_text("rivals", ["boris"]))
    ours, theirs = town.gateway(), shared_house.gateway("rivals:shop")
    media = ours.client.upload(PICTURE).media
    for wanted in (media, "0" * 64):
        with pytest.raises(CommandRefused, match=f"NOT_ALLOWED.*{wanted}"):
            theirs.client.fetch(wanted)
        with pytest.raises(CommandRefused, match=f"NOT_ALLOWED.*{wanted}"):
            theirs.client.customer_message("web", "spy", Image(wanted))
    assert theirs.client.upload(PICTURE).media == media, "their own, by their own bytes"


def test_a_console_without_an_agent_gets_nothing(town: Town) -> None:
    town.opens("anna")
    media = town.gateway().client.upload(PICTURE).media
    with Peer(town.house.consoles) as peer:
        peer.says_hello("console", f"{town.tenant}:office")
        for agent in ("", "anna"):
            message = UploadMedia(new_id(), media, len(PICTURE), agent=agent)
            peer.say(message)
            assert peer.hears(Refused).code == "NOT_AUTHENTICATED"


@pytest.mark.rule("guarantee-G1")
def test_an_upload_survives_a_killed_daemon_and_so_does_what_was_stored() -> None:
    with House(desk_text(agents=["anna"])) as house:
        with Peer(house.gateways) as peer:
            peer.says_hello("gateway", "acme:shop")
            peer.say(UploadMedia(new_id(), name_of(PHOTO), len(PHOTO)))
            assert peer.hears(UploadState).offset == 0
            peer.say(UploadChunk(new_id(), name_of(PHOTO), 0, PHOTO[:100_000]))
            assert peer.hears(UploadState).offset == 100_000
            peer.say(UploadMedia(new_id(), name_of(PICTURE), len(PICTURE)))
            peer.hears(UploadState)
            peer.say(UploadChunk(new_id(), name_of(PICTURE), 0, PICTURE))
            assert peer.hears(MediaStored).media == name_of(PICTURE)
        house.kill()
        house.start()
        with Peer(house.gateways) as peer:
            peer.says_hello("gateway", "acme:shop")
            peer.say(UploadMedia(new_id(), name_of(PHOTO), len(PHOTO)))
            assert peer.hears(UploadState).offset == 100_000
        gateway = house.gateway()
        assert gateway.client.fetch(name_of(PICTURE)) == PICTURE
        assert gateway.client.upload(PHOTO).media == name_of(PHOTO)
        assert gateway.client.fetch(name_of(PHOTO)) == PHOTO


def test_the_daemon_is_killed_in_the_middle_of_an_upload_and_the_client_notices_nothing() -> None:
    with House(desk_text(agents=["anna"]), timing={"heartbeat_s": 0.2, "lease_s": 1}) as house:
        gateway = house.gateway()
        large = pictures.jpeg(100, 100, pictures.exif(65_000) * 60)
        pending = begins_upload(gateway.client, large)
        until(lambda: list((house.folder / "state/media").glob("acme/incoming/*/*")), "the upload begins")
        house.kill()
        house.start()
        assert pending() == name_of(large)
        assert gateway.client.fetch(name_of(large)) == large


def begins_upload(client: GatewayClient, data: bytes) -> Callable[[], str]:
    """Upload in a thread of its own; what is returned waits for the name of the medium."""
    future = ThreadPoolExecutor(1).submit(lambda: client.upload(data).media)
    return lambda: future.result(PATIENCE_S * 3)


def test_the_asyncio_clients_bring_and_fetch_as_well(town: Town) -> None:
    town.opens("anna")

    async def play() -> None:
        house, tenant = town.house, town.tenant
        async with (
            AsyncGatewayClient(house.gateways, name=f"{tenant}:shop") as gateway,
            AsyncConsoleClient(house.consoles, name=f"{tenant}:office") as console,
        ):
            await console.login("anna", PASSWORD)
            stored = await console.upload("anna", PHOTO)
            assert await gateway.fetch(stored.media) == PHOTO
            assert (await gateway.upload(PICTURE)).width == 32
            assert await console.fetch("anna", name_of(PICTURE)) == PICTURE

    asyncio.run(play())


def test_a_medium_to_which_nobody_refers_goes_and_one_that_was_sent_stays() -> None:
    with House(desk_text(agents=["anna"]), http=True, media={"keep_unreferenced_s": 0.1}) as house:
        gateway = house.gateway()
        sent, unsent = gateway.client.upload(PICTURE).media, gateway.client.upload(pictures.gif()).media
        gateway.client.customer_message("web", "olena", Image(sent))
        gateway.client.close()
        # The collector comes at the start, and then every ten minutes.
        house.restart()
        until(lambda: not list((house.folder / "state/media/acme").glob(f"*/{unsent}")), "it is taken away")
        gateway = house.gateway()
        assert gateway.client.fetch(sent) == PICTURE
        with pytest.raises(CommandRefused, match="NOT_ALLOWED"):
            gateway.client.fetch(unsent)
        until(lambda: house.metric("switchboard_media") == 1, "the figures say so")


def test_chunks_fit_into_the_frames_of_a_daemon_that_takes_small_ones() -> None:
    with House(desk_text(agents=["anna"]), limits={"frame_bytes": 4096, "frames_per_second": 1000}) as house:
        gateway = house.gateway()
        assert gateway.client.upload(pictures.jpeg(10, 10, pictures.exif(20_000))).width == 10


def test_a_fetch_reads_what_was_asked_for(town: Town) -> None:
    town.opens("anna")
    gateway = town.gateway()
    gateway.client.upload(PICTURE)
    gateway.client.close()
    with Peer(town.house.gateways) as peer:
        peer.says_hello("gateway", f"{town.tenant}:shop")
        peer.say(FetchMedia(new_id(), name_of(PICTURE), 5, 10))
        chunk = peer.hears(MediaChunk)
        assert (chunk.offset, chunk.size_bytes, chunk.data) == (5, len(PICTURE), PICTURE[5:15])
