"""What operators ask for through the admin socket: asked on its thread, carried out on the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

import structlog

from config.problems import ConfigurationError
from daemon.admin import ANSWER_TIMEOUT_S, Answer, Request, refusal
from daemon.reactor import Reactor


class Later(NamedTuple):
    """An answer that has to be fetched first: ``begin`` is given whom to tell, on the reactor's thread."""

    begin: Callable[[Callable[[Answer], None]], None]


#: Looks at a request without changing anything, and returns what carries it out. May raise anything.
Plan = Callable[[Request], Callable[[], Answer | Later]]

log = structlog.get_logger(__name__)


class Orders:
    """The requests under way. An answer leaves when the turn is flushed that has carried the request out."""

    def __init__(self, reactor: Reactor, plan: Plan) -> None:
        self._reactor = reactor
        self._plan = plan
        self._under_way: set[Future[Answer]] = set()
        self._stopped = False

    def handle(self, request: Request) -> Answer:
        """Have a request carried out and wait for the answer; called on the admin thread."""
        future: Future[Answer] = Future()
        self._under_way.add(future)  # Before the look at _stopped: so `stop` sees it, or we see `stop`.
        try:
            if self._stopped:
                return _stopping()
            self._reactor.post(lambda: self._carry_out(request, future))
            return future.result(timeout=ANSWER_TIMEOUT_S)
        finally:
            self._under_way.discard(future)

    def _carry_out(self, request: Request, future: Future[Answer]) -> None:
        answer = self._planned(request)()
        if isinstance(answer, Later):
            answer.begin(lambda fetched: _settle(future, fetched))
        else:
            self._reactor.after_flush.append(lambda: _settle(future, answer))

    def _planned(self, request: Request) -> Callable[[], Answer | Later]:
        """Look at a request: nothing is recorded yet, so whatever is odd about it ends here."""
        try:
            return self._plan(request)
        except ConfigurationError as error:
            refused = refusal("the configuration has problems", [str(problem) for problem in error.problems])
        except Exception as error:
            log.exception("admin.request_failed", request=str(request.get("do")))
            refused = refusal(f"the daemon cannot make sense of this request ({type(error).__name__})")
        return lambda: refused

    def stop(self) -> None:
        """Answer everybody who still waits; called when no turn will come any more."""
        self._stopped = True
        for future in list(self._under_way):
            _settle(future, _stopping())


def _stopping() -> Answer:
    return refusal("the daemon is stopping")


def _settle(future: Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)
