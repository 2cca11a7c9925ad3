"""The desk of a play: two departments of different kinds, three channels of different weight, five people."""

from __future__ import annotations

from random import Random
from typing import get_args

from config.routing import Order
from tests.stage import desk_text

WEIGHTS = {"web": 1, "app": 1, "mail": 2}
#: Each gateway's channels.
GATEWAYS = {"web": ["web", "app"], "post": ["mail"]}
#: Where everybody sits at first.
CONSOLES = {"desk": ["a1", "a2", "boss"], "phone": ["a3", "a4"]}
AGENTS = ["a1", "a2", "a3", "a4", "boss"]
DEPARTMENTS = ["help", "sales"]
CONTACTS = ["ann", "bob", "cho", "dee", "eve", "fay", "gus", "hal", "ida", "jon"]

#: Everything that anybody says begins with this, and goes on with a number.
SAID = "hello #"

PEOPLE = {
    "a1": 'departments = ["help", "sales"]',
    "a2": "skills = { wine = 5 }",
    "a3": 'departments = ["sales"]\nskills = { wine = 2 }',
    "a4": "skills = { wine = 3 }",
    "boss": 'departments = ["help", "sales"]\nrole = "supervisor"\nskills = { wine = 9 }',
}
RING = "rings = [{ after_s = 45, relax = ['skills'], departments = ['sales'] }]"
#: Solved conversations close while there is still time to see it.
STYLES = {
    "returning": "[styles.returning]\nclose_after_s = 120",
    "slow": "[styles.slow]\nclose_after_s = 240\nreleases = ['pending', 'on_hold']",
}
#: The reply window of what has one in a play: so many messages for so long after each of the customer's.
WINDOW_SENDS, WINDOW_S = 1, 240.0
WINDOW = f"""[windows.short]
name = "Short"
rules = [{{ trigger = 'message', sends = {WINDOW_SENDS}, duration_s = {WINDOW_S:.0f} }}]"""
#: How often a message is given to a gateway, and after how long without a report nobody knows about it.
ATTEMPTS_MAX, REPORT_S = 3, 90
#: After how long without a word of the gateway a visitor counts as gone.
VISIT_S = 400.0


class Shop:
    """What the seed makes of the desk; ``text`` with another capacity is the same shop on another day."""

    def __init__(self, chance: Random) -> None:
        self.mode = chance.choice(("push", "push", "direct", "pull"))
        self.order = chance.choice(("longest_wait", "longest_wait", *get_args(Order)))
        self.consent = chance.choice(("required", "required", "immediate"))
        self.when_lost = chance.choice(("queue", "queue", "on_reply", "keep"))
        self.inactivity_s = chance.choice((0, 0, 600))
        self.reply_s = chance.choice((0, 90))
        self.overtaken_max = chance.choice((0, 0, 5))
        self.overflow = chance.random() < 0.3
        #: Of each channel: what its agents' ends mean, and what gives capacity back (F2-F7).
        self.styles = {channel: chance.choice(("live_chat", *STYLES)) for channel in ("app", "mail")}
        #: How far messages to customers are followed, and who may be written to for a while only (G6, I).
        self.receipts = {
            "app": chance.choice(("none", "none", "read")),
            "mail": chance.choice(("none", "sent", "delivered")),
        }
        self.head_of_line = chance.choice(("hold", "hold", "pass"))
        self.windowed = frozenset(chance.choice(((), (), ("app",), ("mail",), ("app", "mail"))))

    def text(self, capacity: int) -> str:
        """Return the desk file."""
        help_lines = f"{RING}\nfirst_reply_timeout_s = {self.reply_s}\nfirst_reply_missed = 'requeue'"
        help_lines += f"\novertaken_max = {self.overtaken_max}"
        if self.overflow:
            help_lines += "\noverflow = 'sales'\nat_limit = 'overflow'\nwait_max_s = 300"
        return desk_text(
            agents=0,
            capacity=capacity,
            departments={
                "help": help_lines,
                "sales": f"mode = '{self.mode}'\norder = '{self.order}'\novertaken_max = 0\n"
                "previous_agent_window_s = 7",
            },
            people=PEOPLE,
            channels={
                "web": f"visit_timeout_s = {VISIT_S:.0f}",
                "app": f"department = 'sales'\npriority = 2\n{self._channel('app')}",
                "mail": "kind = 'sms'\nweight = 2\nskills = { wine = 3 }\ngateway = 'post'\n"
                f"{self._channel('mail')}",
            },
            policies=f"grace_s = 60\nbusy_fallback = 'never'\ntransfer_consent = '{self.consent}'\n"
            f"when_lost = '{self.when_lost}'\ninactivity_logout_s = {self.inactivity_s}",
            extra="\n".join(["[gateways.post]\n[consoles.phone]", WINDOW, *STYLES.values()]),
        )

    def _channel(self, name: str) -> str:
        lines = f"style = '{self.styles[name]}'\nreceipts = '{self.receipts[name]}'"
        lines += f"\nhead_of_line = '{self.head_of_line}'\ndelivery_attempts_max = {ATTEMPTS_MAX}"
        lines += f"\ndelivery_timeout_s = {REPORT_S}"
        return lines + ("\nwindow = 'short'" if name in self.windowed else "")
