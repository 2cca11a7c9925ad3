"""The gateway of README.md, as it stands there, against a real daemon with keys."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.client import make_key_pair, save_key_pair, save_public_key
from protocol.content import Image
from tests.daemon.pictures import png
from tests.plays.theatre import House, desk_text
from tests.rules import ROOT

EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(60)
def test_the_gateway_of_the_readme_carries_texts_and_outlives_what_is_no_text(tmp_path: Path) -> None:
    (example,) = EXAMPLE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    keys, office = make_key_pair(), make_key_pair()
    desk = desk_text(agents=["anna"], gateways={"shop": keys.public}, consoles={"office": office.public})
    with House(desk.replace("[channels.web]", "[channels.terminal]"), curve=True) as house:
        assert house.keys is not None
        save_key_pair(tmp_path / "terminal.secret", keys)
        save_public_key(tmp_path / "server.public", house.keys.public)
        program = tmp_path / "gateway.py"
        program.write_text(example.replace("tcp://127.0.0.1:5570", house.gateways), encoding="utf-8")
        gateway = subprocess.Popen(
            [sys.executable, "-u", str(program)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert gateway.stdin is not None
            assert gateway.stdout is not None
            anna = house.console(keys=office).agent("anna")
            gateway.stdin.write("kim: Hello?\n")
            gateway.stdin.flush()
            talk = anna.accepts(anna.is_offered()).conversation
            anna.client.say("anna", talk, Image(anna.client.upload("anna", png()).media))
            anna.says(talk, "This is the one.")
            assert gateway.stdout.readline().startswith("to kim: Image(")
            assert gateway.stdout.readline() == "to kim: This is the one.\n"
        finally:
            gateway.kill()
            gateway.communicate()
