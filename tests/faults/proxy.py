"""A network between clients and the daemon that does badly on purpose: bytes late, slow, cut, gone, or wrong.

One proxy stands before one socket. It works on bytes, so it is all the same to it whether they are encrypted.
What it does follows from its seed and is kept in ``log``.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Self

#: The bytes that are carried in one go when nothing else is said.
PIECE = 65_536


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = (reader, writer)
        #: By direction, "up" and "down": what happens to the bytes.
        self.mute = {"up": False, "down": False}
        #: Ends what bytes wait for.
        self.over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._writers = [writer]

    async def carry(self) -> None:
        """Carry bytes both ways until one end is closed."""
        try:
            reader, writer = await asyncio.open_unix_connection(self.proxy.target)
        except OSError:
            self.cut()
            return
        self._writers.append(writer)
        self._tasks = [
            asyncio.ensure_future(self._pump("up", self.client[0], writer)),
            asyncio.ensure_future(self._pump("down", reader, self.client[1])),
        ]
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        self.cut()

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy = self.proxy
        with suppress(ConnectionError, OSError):
            while piece := await reader.read(proxy.piece):
                if proxy.late_s:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.over.wait(), proxy.late_s * proxy.chance.random())
                if self.mute[way]:
                    continue
                if proxy.wrong and proxy.chance.random() < proxy.wrong:
                    piece = proxy.spoil(piece)
                writer.write(piece)
                await writer.drain()

    def cut(self) -> None:
        """End it, both ways, at once."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        self.proxy.links.pop(self, None)


class Proxy:
    """Listens beside the daemon's socket and carries what comes to it, in a thread of its own."""

    def __init__(self, target: Path, seed: int) -> None:
        self.target = str(target)
        self.path = target.with_name(f"{target.name}-proxy")
        self.chance = Random(seed)
        self.links: dict[Link, None] = {}
        self.log: list[str] = []
        #: How late bytes are at the most, how many are carried in one go, and how many pieces are spoilt.
        self.late_s = 0.0
        self.piece = PIECE
        self.wrong = 0.0
        self.spoilt = 0
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"ipc://{self.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._cut_all()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._connected, self.path)

    def _run(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)  # type: ignore[arg-type]

    def _call(self, work: object) -> None:
        done: Future[None] = Future()

        def call() -> None:
            work()  # type: ignore[operator]
            done.set_result(None)

        self._loop.call_soon_threadsafe(call)
        done.result(5)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, reader, writer)
        self.links[link] = None
        await link.carry()

    def spoil(self, piece: bytes) -> bytes:
        """Turn one bit round."""
        place = self.chance.randrange(len(piece))
        self.spoilt += 1
        return piece[:place] + bytes([piece[place] ^ 1 << self.chance.randrange(8)]) + piece[place + 1 :]

    def _cut_all(self) -> None:
        for link in list(self.links):
            link.cut()

    def trouble(self) -> None:
        """Have the next thing go wrong."""
        self._call(self._trouble)

    def _trouble(self) -> None:
        chance = self.chance
        self.late_s, self.piece, self.wrong = 0.0, PIECE, 0.0
        what = chance.choice(("cut", "cut", "late", "small pieces", "one way", "black hole", "wrong bytes"))
        self.log.append(what)
        links = list(self.links)
        match what:
            case "cut":
                self._cut_all()
            case "late":
                self.late_s = chance.choice((0.002, 0.02, 0.1))
            case "small pieces":
                self.piece = chance.choice((1, 7, 100))
            case "wrong bytes":
                self.wrong = 0.2
            case _:
                for link in links:
                    for way in ("up", "down") if what == "black hole" else (chance.choice(("up", "down")),):
                        link.mute[way] = True

    def heal(self) -> None:
        """Nothing goes wrong any more; what has vanished is cut."""

        def mend() -> None:
            self.late_s, self.piece, self.wrong = 0.0, PIECE, 0.0
            for link in list(self.links):
                if any(link.mute.values()):
                    link.cut()

        self._call(mend)
