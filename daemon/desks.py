"""Bringing desks into force: at start from their files, on SIGHUP from changed files, on ``switchboard
apply`` from a text.

The desk in force is in the journal. A file is applied when it has changed since it was last loaded; so what
``apply`` brought in survives a restart, and an edited file is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.runtime import System
from config.desk import Desk, desk_digest, parse_desk
from config.difference import difference
from config.problems import ConfigurationError, Problem
from config.process import ProcessSettings
from config.together import check_together


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
        texts: dict[str, tuple[Path, str]] = {}
        problems: list[Problem] = []
        for path in self._settings().daemon.desks:
            try:
                text = path.read_text(encoding="utf-8")
                texts[parse_desk(text, str(path)).tenant] = (path, text)
            except ConfigurationError as error:
                problems.extend(error.problems)
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(path), None, "", f"cannot be read: {error}", None))
        if problems:
            raise ConfigurationError(problems)
        changed = {
            tenant: (path, text)
            for tenant, (path, text) in texts.items()
            if self._dispatcher(tenant).state.file_digest != desk_digest(text)
        }
        for path, text in changed.values():
            self._check(text, str(path))
        return {tenant: self._apply(text, str(path), "file") for tenant, (path, text) in changed.items()}

    def apply(self, text: str, file: str, *, dry_run: bool) -> list[str]:
        """Bring a desk into force, or with ``dry_run`` only say what would change.

        Raises ConfigurationError with every problem; then nothing has changed.
        """
        desk = self._check(text, file)
        if dry_run:
            return self._changes(desk)
        return self._apply(text, file, "apply")

    def _check(self, text: str, file: str) -> Desk:
        desk = parse_desk(text, file)
        together = {tenant: known for tenant, known in self._system.desks.items() if tenant != desk.tenant}
        problems = [*check_together(self._settings(), {**together, file: desk}), *self._stranded(desk, file)]
        if problems:
            raise ConfigurationError(problems)
        return desk

    def _stranded(self, desk: Desk, file: str) -> list[Problem]:
        """A department in which somebody waits cannot be taken away."""
        if desk.tenant not in self._system.desks:
            return []
        waiting = self._dispatcher(desk.tenant).view.waiting()
        return [
            Problem(
                file,
                None,
                f"departments.{department}",
                f"is missing, but {many} conversations wait in it",
                "keep it until they are answered",
            )
            for department, many in sorted(waiting.items())
            if department not in desk.departments
        ]

    def _changes(self, desk: Desk) -> list[str]:
        return [str(change) for change in difference(self._system.desks.get(desk.tenant), desk)]

    def _apply(self, text: str, file: str, source: str) -> list[str]:
        desk = parse_desk(text, file)
        changes = self._changes(desk)
        message = ApplyDesk(text, desk_digest(text), source, changes)
        self._system.tell_from_outside(("dispatcher", desk.tenant, ""), message)
        self._system.run()
        self._changed(desk.tenant)
        return changes

    def _dispatcher(self, tenant: str) -> DispatcherActor:
        address = ("dispatcher", tenant, "")
        actor = self._system.actors.get(address) or self._system.wake(address)
        assert isinstance(actor, DispatcherActor)
        return actor
