"""Bringing desks into force: at start from their files, on SIGHUP from changed files, on ``switchboard
apply`` from a text.

The desk in force is in the journal. A file is applied when it has changed since it was last loaded; so what
``apply`` brought in survives a restart, and an edited file is not forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.runtime import System
from config.desk import Desk, desk_digest, parse_desk
from config.difference import difference
from config.problems import ConfigurationError, Problem
from config.process import ProcessSettings
from config.together import check_together


class Prepared(NamedTuple):
    """A desk that may be brought into force: nothing about it is odd, and these are its changes."""

    tenant: str
    message: ApplyDesk
    changes: list[str]


class Desks:
    """The desks of the process. On the reactor's thread only."""

    def __init__(
        self, system: System, settings: Callable[[], ProcessSettings], changed: Callable[[str], None]
    ) -> None:
        self._system = system
        self._settings = settings
        self._changed = changed

    def load_files(self) -> dict[str, list[str]]:
        """Apply the configured files that have changed; return the changes by tenant.

        Raises ConfigurationError with every problem of all files; then nothing has changed.
        """
        return self.bring_in(self.prepare_files(self._settings()))

    def prepare_files(self, settings: ProcessSettings) -> list[Prepared]:
        """Look at the desk files of these settings, and return the changed ones. Changes nothing.

        Raises ConfigurationError with every problem of all files.
        """
        texts: dict[str, tuple[str, str]] = {}
        problems: list[Problem] = []
        for path in settings.daemon.desks:
            try:
                text = path.read_text(encoding="utf-8")
                texts[parse_desk(text, str(path)).tenant] = (str(path), text)
            except ConfigurationError as error:
                problems.extend(error.problems)
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(path), None, "", f"cannot be read: {error}", None))
        if problems:
            raise ConfigurationError(problems)
        changed = {
            file: text
            for tenant, (file, text) in texts.items()
            if self._dispatcher(tenant).state.file_digest != desk_digest(text)
        }
        return self._prepare(changed, settings, "file")

    def prepare(self, text: str, file: str) -> Prepared:
        """Look at a desk; ``file`` is its name in problems. Changes nothing.

        Raises ConfigurationError with every problem; and what an odd text makes the parser raise.
        """
        return self._prepare({file: text}, self._settings(), "apply")[0]

    def _prepare(self, texts: dict[str, str], settings: ProcessSettings, source: str) -> list[Prepared]:
        """Look at texts by the names of their files, together and with the desks in force."""
        desks = {file: parse_desk(text, file) for file, text in texts.items()}
        fresh = {desk.tenant for desk in desks.values()}
        others = {tenant: known for tenant, known in self._system.desks.items() if tenant not in fresh}
        problems = check_together(settings, {**others, **desks}) if desks else []
        stranded = [problem for file, desk in desks.items() for problem in self._stranded(desk, file)]
        if problems or stranded:
            raise ConfigurationError([*problems, *stranded])
        prepared = []
        for file, desk in desks.items():
            changes = [str(change) for change in difference(self._system.desks.get(desk.tenant), desk)]
            message = ApplyDesk(texts[file], desk_digest(texts[file]), source, changes)
            prepared.append(Prepared(desk.tenant, message, changes))
        return prepared

    def bring_in(self, prepared: list[Prepared]) -> dict[str, list[str]]:
        """Bring desks into force; return the changes by tenant."""
        for tenant, message, _ in prepared:
            self._system.tell(("dispatcher", tenant, ""), message)
            self._system.run()
            self._changed(tenant)
        return {tenant: changes for tenant, _, changes in prepared}

    def _stranded(self, desk: Desk, file: str) -> list[Problem]:
        """A department in which somebody waits, or is being offered, cannot be taken away."""
        if desk.tenant not in self._system.desks:
            return []
        reports = self._dispatcher(desk.tenant).view.conversations.values()
        waiting = Counter(report.department for report in reports if report.waiting or report.offered_to)
        return [
            Problem(
                file,
                None,
                f"departments.{department}",
                f"is missing, but {many} conversations wait in it",
                "Keep it until they are answered.",
            )
            for department, many in sorted(waiting.items())
            if department not in desk.departments
        ]

    def _dispatcher(self, tenant: str) -> DispatcherActor:
        address = ("dispatcher", tenant, "")
        actor = self._system.actors.get(address) or self._system.wake(address)
        assert isinstance(actor, DispatcherActor)
        return actor
