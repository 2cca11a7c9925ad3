"""Coverage-guided fuzzing of the codec and the session machine, where atheris is installed.

``python -m tests.fuzz.guided CORPUS -runs=N``. Exit code 77: there is no atheris.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None

from tests.fuzz.corpus import good

NO_ATHERIS = 77


def main(arguments: list[str]) -> int:
    """Fill the corpus folder, and let libFuzzer run; it ends the process itself."""
    if atheris is None:
        sys.stderr.write("NO ATHERIS: coverage-guided fuzzing is NOT done on this machine\n")
        return NO_ATHERIS
    corpus = Path(arguments[1])
    corpus.mkdir(exist_ok=True)
    for number, frame in enumerate(good()):
        (corpus / f"good-{number}").write_bytes(frame)
    with atheris.instrument_imports(include=["protocol"]):
        from tests.fuzz.inside import Targets

        targets = Targets()

    def one_input(frame: Any) -> None:
        targets.renew()
        targets.daemon_side(bytes(frame))
        targets.client_side(bytes(frame))

    atheris.Setup(arguments, one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
