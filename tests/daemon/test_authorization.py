"""Who may send what, proved at the door: every pair of principal and message, every relation of the table.

The desk: ``owner`` and ``peer`` serve ``help``, which is below ``head``, where ``boss`` is; ``other`` is in
``sales``, beside ``help``, with every permission but ``search``. ``owner`` has a conversation of ``ann``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest

from actors.authorization import ALLOWED, Principal, Relation, Rule
from config.routing import Permission
from daemon.archive.asking import HistoryQuestions
from protocol.channels import DeliveryReport
from protocol.content import Text
from protocol.customers import AbuseList, Block, ReadAbuseList, ReadCustomer, SetDoNotDisturb
from protocol.errors import Code
from protocol.fields import Message
from protocol.history import History, ReadHistory, ReadTicket
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    FromClient,
    Hello,
    Hint,
    Login,
    LoginWithToken,
    Logout,
    ReadThread,
    Received,
    Refused,
    SetPresence,
    Subscribe,
    Thread,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    Colleagues,
    EndConference,
    EndSession,
    Explain,
    HandOver,
    Invite,
    Join,
    Leave,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    Reasons,
    RefuseInvitation,
    SetOrder,
    StillHere,
    Take,
    TakeNext,
    Transfer,
    WhyIdle,
    WhyNot,
)
from tests.archives import Library
from tests.daemon.doors import Door
from tests.protocol.examples import smallest
from tests.stage import HASH

WEB, ELSEWHERE, DESK, OTHERS = b"\0webb", b"\0else", b"\0desk", b"\0othr"
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
KINDS: tuple[type[Message], ...] = get_args(FromClient)
NOBODY = "no-such-id"


def desk(permissions: tuple[str, ...] = PERMISSIONS) -> str:
    """Return the desk; ``boss`` has these permissions."""
    agents = "\n".join(
        f'[agents.{name}]\nname = "{name}"\npassword = "{HASH}"\n'
        f'departments = ["{department}"]\nrole = "{role}"'
        for name, department, role in (
            ("owner", "help", "plain"),
            ("peer", "help", "plain"),
            ("boss", "head", "granted"),
            ("other", "sales", "elsewhere"),
        )
    )
    granted = ", ".join(f'"{permission}"' for permission in permissions)
    elsewhere = ", ".join(f'"{permission}"' for permission in PERMISSIONS if permission != "search")
    return f"""tenant = "acme"
[departments.head]
name = "Head"
[departments.help]
name = "Help"
parent = "head"
[departments.sales]
name = "Sales"
parent = "head"
[roles.plain]
[roles.granted]
permissions = [{granted}]
[roles.elsewhere]
permissions = [{elsewhere}]
{agents}
[gateways.web]
[gateways.elsewhere]
[consoles.desk]
[consoles.others]
[channels.web]
name = "Web"
kind = "web"
gateway = "web"
department = "help"
[channels.shop]
name = "Shop"
kind = "web"
gateway = "elsewhere"
department = "help"
"""


class Scene:
    """All are there. ``owner`` has ``talk``; ``bob`` waits, in ``waits``; ``over`` is over."""

    def __init__(self, permissions: tuple[str, ...] = PERMISSIONS) -> None:
        self.door = door = Door(desk=desk(permissions))
        self.library = Library(door.stage)
        door.outbound.questions.past = HistoryQuestions(door.system, door.outbound, self.library)
        for role, peer, name in (
            ("gateway", WEB, "web"),
            ("gateway", ELSEWHERE, "elsewhere"),
            ("console", DESK, "desk"),
            ("console", OTHERS, "others"),
        ):
            door.says(role, peer, Hello("1.0", role, "test", name))
        door.logs_in(DESK, "owner", "peer", "boss", "other")
        for agent in ("peer", "boss", "other"):
            door.says("console", DESK, SetPresence(door.new_id(), agent, "transfer_only"))
        self.talk = self.begins("ann")
        self.does(Accept(door.new_id(), "owner", self.talk, door.stage.live_offer(self.talk)))
        door.says("console", DESK, SetPresence(door.new_id(), "owner", "transfer_only"))
        self.waits = self.begins("bob")
        self.over = self.begins("eve")
        door.says("gateway", WEB, CustomerLeft(door.new_id(), "web", "eve"))

    def begins(self, contact: str) -> str:
        """A customer begins a conversation."""
        heard = self.door.says(
            "gateway", WEB, CustomerMessage(self.door.new_id(), "web", contact, Text("hi"))
        )
        ack = next(message for message in heard if isinstance(message, Ack))
        return ack.conversation

    def does(self, message: Any, peer: bytes = DESK) -> Any:
        """Return the answer to a console's message."""
        role = "gateway" if peer in (WEB, ELSEWHERE) else "console"
        heard = self.door.says(role, peer, message)
        return next((each for each in heard if getattr(each, "id", None) == message.id), None)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def refused(answer: Any) -> tuple[str, str] | None:
    return (answer.code, answer.message) if isinstance(answer, Refused) else None


# The whole table.


@pytest.mark.parametrize("principal", Principal)
@pytest.mark.parametrize("kind", KINDS)
def test_every_message_of_the_vocabulary_has_an_answer_for_every_principal(
    principal: Principal, kind: type[Message]
) -> None:
    door = Door(desk=desk())
    peer = WEB if principal is Principal.GATEWAY else DESK
    door.says(principal.value, peer, Hello("1.0", principal.value, "test", "web" if peer == WEB else "desk"))
    heard = door.says(principal.value, peer, smallest(kind))
    denied = [m for m in heard if isinstance(m, Refused) and m.message == f"a {principal} may not send this"]
    assert bool(denied) is (kind not in ALLOWED[principal])
    assert all(message.code == Code.NOT_ALLOWED for message in denied)


def test_every_relation_is_somebodys_and_every_permission_stands_in_the_table() -> None:
    rules = [rule for allowed in ALLOWED.values() for rule in allowed.values()]
    assert {rule.relation for rule in rules} == set(Relation)
    assert {rule.permission for rule in rules if rule.permission} == set(PERMISSIONS)


AGENTS = [kind for kind in KINDS if "agent" in kind.__struct_fields__ and kind not in (Login, LoginWithToken)]


@pytest.mark.parametrize("kind", AGENTS)
def test_nobody_speaks_for_an_agent_who_is_not_logged_in_on_the_connection(
    scene: Scene, kind: type[Message]
) -> None:
    if kind is Logout:
        pytest.skip("logging out twice is no fault")
    message: Any = smallest(kind)
    fields = {name: getattr(message, name) for name in kind.__struct_fields__} | {"agent": "owner"}
    heard = scene.door.says("console", OTHERS, kind(**fields))
    assert [each.code for each in heard if isinstance(each, Refused)] == [Code.NOT_AUTHENTICATED]


@pytest.mark.parametrize("kind", [CustomerMessage, CustomerLeft, CustomerRating, ReadPosition])
def test_nobody_speaks_for_the_customers_of_another_gateways_channel(scene: Scene, kind: type[Any]) -> None:
    def ask(channel: str) -> tuple[str, str]:
        more = {CustomerMessage: {"content": Text("x")}, CustomerRating: {"score": 5}}.get(kind, {})
        found = refused(scene.does(kind(scene.door.new_id(), channel, "ann", **more), ELSEWHERE))
        assert found is not None
        return found[0], found[1].replace(channel, "")

    assert ask("web") == ask(NOBODY)
    assert ask("web")[0] == Code.NOT_ALLOWED


@pytest.mark.parametrize("peer", [ELSEWHERE, OTHERS])
def test_nobody_reads_the_stream_of_another(scene: Scene, peer: bytes) -> None:
    streams = ("channel/web", "agent/owner", f"channel/{NOBODY}", f"agent/{NOBODY}", "nothing/at-all")
    answers = {refused(scene.does(Subscribe(scene.door.new_id(), stream), peer)) for stream in streams}
    ((code, _),) = [answer for answer in answers if answer]
    assert code == Code.NOT_ALLOWED
    role = "gateway" if peer == ELSEWHERE else "console"
    assert isinstance(scene.door.says(role, peer, Received("channel/web", 1))[0], Refused)


@pytest.mark.rule("guarantee-G15")
def test_an_agent_of_nowhere_and_a_wrong_token_are_the_same_answer(scene: Scene) -> None:
    answers = {
        refused(scene.does(LoginWithToken(scene.door.new_id(), agent, "token"), OTHERS))
        for agent in ("owner", NOBODY)
    }
    ((code, _),) = [answer for answer in answers if answer]
    assert (len(answers), code) == (1, Code.NOT_AUTHENTICATED)


# Strangers: what is not theirs, and what does not exist, are the same answer.

Make = Callable[[Scene, bytes, str], Message]

STRANGERS: dict[type[Message], Make] = {
    Accept: lambda s, i, c: Accept(i, "other", c, "offer"),
    Decline: lambda s, i, c: Decline(i, "other", c, "offer"),
    AgentMessage: lambda s, i, c: AgentMessage(i, "other", c, Text("x")),
    End: lambda s, i, c: End(i, "other", c),
    CancelEnd: lambda s, i, c: CancelEnd(i, "other", c),
    SetStatus: lambda s, i, c: SetStatus(i, "other", c, "pending"),
    Reopen: lambda s, i, c: Reopen(i, "other", c),
    AddNote: lambda s, i, c: AddNote(i, "other", c, "x"),
    Tag: lambda s, i, c: Tag(i, "other", c, ["x"]),
    Transfer: lambda s, i, c: Transfer(i, "other", c, "other"),
    CancelTransfer: lambda s, i, c: CancelTransfer(i, "other", c),
    Invite: lambda s, i, c: Invite(i, "other", c, "peer"),
    CancelInvitation: lambda s, i, c: CancelInvitation(i, "other", c, "peer"),
    Join: lambda s, i, c: Join(i, "other", c, "invitation"),
    RefuseInvitation: lambda s, i, c: RefuseInvitation(i, "other", c, "invitation"),
    Leave: lambda s, i, c: Leave(i, "other", c),
    EndConference: lambda s, i, c: EndConference(i, "other", c),
    Take: lambda s, i, c: Take(i, "other", c),
    ReadThread: lambda s, i, c: ReadThread(i, "other", c),
    Explain: lambda s, i, c: Explain(i, "other", c),
    WhyNot: lambda s, i, c: WhyNot(i, "other", c, "other"),
    ReadHistory: lambda s, i, c: ReadHistory(i, "other", c),
    ReadTicket: lambda s, i, c: ReadTicket(i, "other", c),
    SetDoNotDisturb: lambda s, i, c: SetDoNotDisturb(i, "other", c),
    Block: lambda s, i, c: Block(i, "other", c),
    ReadCustomer: lambda s, i, c: ReadCustomer(i, "other", conversation=c),
}
#: What a gateway says of a conversation, as the channel of another gateway.
FROM_GATEWAYS = {DeliveryReport}


def test_every_message_about_a_conversation_is_tried_by_a_stranger() -> None:
    """A hint has no answer at all: tests/daemon/test_hints.py."""
    about = {kind for kind in KINDS if "conversation" in kind.__struct_fields__}
    assert about - {*get_args(Hint)} - FROM_GATEWAYS == set(STRANGERS)


@pytest.mark.rule("guarantee-G15", "L2")
@pytest.mark.parametrize("kind", STRANGERS)
def test_a_strangers_conversation_is_as_if_it_did_not_exist(scene: Scene, kind: type[Message]) -> None:
    answers = {
        refused(scene.does(STRANGERS[kind](scene, scene.door.new_id(), conversation)))
        for conversation in (scene.talk, scene.waits, scene.over, NOBODY)
    }
    ((code, _),) = [answer for answer in answers if answer]
    assert (len(answers), code in (Code.NOT_ALLOWED, Code.OFFER_GONE)) == (1, True)


@pytest.mark.rule("guarantee-G15")
def test_a_gateway_reports_on_no_conversation_of_a_channel_that_is_not_its_own(scene: Scene) -> None:
    def report(channel: str, conversation: str) -> Any:
        command = DeliveryReport(scene.door.new_id(), channel, conversation, 1, "sent")
        return refused(scene.does(command, ELSEWHERE))

    talks = (scene.talk, scene.waits, scene.over, NOBODY)
    assert {report("web", talk) for talk in talks} == {report("web", NOBODY)}
    answers = {report("shop", talk) for talk in talks}
    assert {answer[0] for answer in answers if answer} == {Code.NOT_ALLOWED}
    assert len(answers) == 1, "another channel's conversation, and none at all"


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize(
    "make",
    [
        lambda i, name: EndSession(i, "other", name),
        lambda i, name: WhyIdle(i, "other", name),
        lambda i, name: WhyNot(i, "other", NOBODY, name),
    ],
)
def test_a_strangers_colleague_is_as_if_he_did_not_exist(scene: Scene, make: Callable[..., Any]) -> None:
    answers = {refused(scene.does(make(scene.door.new_id(), name))) for name in ("owner", NOBODY)}
    ((code, _),) = [answer for answer in answers if answer]
    assert (len(answers), code) == (1, Code.NOT_ALLOWED)


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize(
    "make",
    [
        lambda i, name: SetOrder(i, "other", name, "newest"),
        lambda i, name: ReadQueue(i, "other", name),
        lambda i, name: TakeNext(i, "other", name),
    ],
)
def test_a_strangers_queue_is_as_if_it_did_not_exist(scene: Scene, make: Callable[..., Any]) -> None:
    def ask(name: str) -> tuple[str, str]:
        found = refused(scene.does(make(scene.door.new_id(), name)))
        assert found is not None
        return found[0], found[1].replace(name, "")

    assert ask("help") == ask("nowhere")


# Permissions: each alone is enough, and all the others are not.

GRANTED: dict[type[Message], tuple[Callable[[Scene, bytes], Message], type[Message]]] = {
    EndSession: (lambda s, i: EndSession(i, "boss", "peer"), Ack),
    SetOrder: (lambda s, i: SetOrder(i, "boss", "help", "newest"), Ack),
    AgentMessage: (lambda s, i: AgentMessage(i, "boss", s.talk, Text("x")), Ack),
    End: (lambda s, i: End(i, "boss", s.talk), Ack),
    CancelEnd: (lambda s, i: CancelEnd(i, "boss", s.talk), Ack),
    SetStatus: (lambda s, i: SetStatus(i, "boss", s.talk, "pending"), Ack),
    Reopen: (lambda s, i: Reopen(i, "boss", s.over), Ack),
    AddNote: (lambda s, i: AddNote(i, "boss", s.talk, "x"), Ack),
    Tag: (lambda s, i: Tag(i, "boss", s.talk, ["x"]), Ack),
    Transfer: (lambda s, i: Transfer(i, "boss", s.talk, "peer"), Ack),
    CancelTransfer: (lambda s, i: CancelTransfer(i, "boss", s.talk), Ack),
    EndConference: (lambda s, i: EndConference(i, "boss", s.talk), Ack),
    ReadThread: (lambda s, i: ReadThread(i, "boss", s.talk), Thread),
    ReadColleagues: (lambda s, i: ReadColleagues(i, "boss"), Colleagues),
    Explain: (lambda s, i: Explain(i, "boss", s.talk), Message),
    WhyNot: (lambda s, i: WhyNot(i, "boss", s.waits, "owner"), Reasons),
    WhyIdle: (lambda s, i: WhyIdle(i, "boss", "owner"), Reasons),
    SetDoNotDisturb: (lambda s, i: SetDoNotDisturb(i, "boss", s.talk), Ack),
    Block: (lambda s, i: Block(i, "boss", s.talk), Ack),
    ReadAbuseList: (lambda s, i: ReadAbuseList(i, "boss", "blocked"), AbuseList),
    ReadHistory: (lambda s, i: ReadHistory(i, "boss", s.talk), History),
}
RULES: dict[type[Message], Rule] = {
    kind: rule for kind, rule in ALLOWED[Principal.CONSOLE].items() if rule.permission is not None
}


def set_up(scene: Scene, kind: type[Message]) -> None:
    """Bring about what the message is about."""
    if kind is CancelTransfer:
        answer = scene.does(Transfer(scene.door.new_id(), "owner", scene.talk, "peer"))
        assert isinstance(answer, Ack), answer
    elif kind is CancelEnd:
        answer = scene.does(End(scene.door.new_id(), "owner", scene.talk, after_s=60))
        assert isinstance(answer, Ack), answer
    elif kind is EndConference:
        answer = scene.does(Invite(scene.door.new_id(), "owner", scene.talk, "peer"))
        assert isinstance(answer, Ack), answer


def test_every_permission_of_the_table_is_tried() -> None:
    assert set(RULES) == set(GRANTED)


class Reads:
    """Notes what is to be read from the journal; nothing is."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def read(self, connection: Any, ident: bytes, positions: list[int], make: Any) -> None:
        self.asked.append(ident)


@pytest.mark.rule("L2", "G8")
@pytest.mark.parametrize("kind", GRANTED)
def test_the_permission_lets_a_supervisor_do_it_to_those_below(kind: type[Message]) -> None:
    permission = RULES[kind].permission
    assert permission is not None
    scene = Scene((permission,))
    set_up(scene, kind)
    reads = Reads()
    scene.door.outbound.questions.reader = reads
    ident = scene.door.new_id()
    answer = scene.does(GRANTED[kind][0](scene, ident))
    assert isinstance(answer, GRANTED[kind][1]) or reads.asked == [ident], answer


@pytest.mark.rule("L2")
@pytest.mark.parametrize("kind", GRANTED)
def test_without_the_permission_all_the_others_are_of_no_use(kind: type[Message]) -> None:
    permission = RULES[kind].permission
    scene = Scene(tuple(other for other in PERMISSIONS if other != permission))
    set_up(scene, kind)
    answer = scene.does(GRANTED[kind][0](scene, scene.door.new_id()))
    assert (refused(answer) or ("", ""))[0] == Code.NOT_ALLOWED, answer


@pytest.mark.parametrize("kind", [Explain, WhyIdle, WhyNot, ReadQueue, StillHere, HandOver, TakeNext])
def test_about_oneself_and_ones_own_nobody_needs_a_permission(kind: type[Message]) -> None:
    scene = Scene(())
    ident = scene.door.new_id()
    reads = Reads()
    scene.door.outbound.questions.reader = reads
    own: dict[type[Message], Message] = {
        Explain: Explain(ident, "owner", scene.talk),
        WhyIdle: WhyIdle(ident, "owner", "owner"),
        WhyNot: WhyNot(ident, "owner", scene.waits, "owner"),
        ReadQueue: ReadQueue(ident, "owner", "help"),
        StillHere: StillHere("owner"),
        HandOver: HandOver(ident, "owner", "away", "peer"),
        TakeNext: TakeNext(ident, "owner"),
    }
    heard = scene.door.says("console", DESK, own[kind])
    assert [each for each in heard if isinstance(each, Refused) and each.code == Code.NOT_ALLOWED] == []
    assert heard or reads.asked or kind is StillHere


# Under an id that was used before.


@pytest.mark.rule("guarantee-G3")
@pytest.mark.parametrize("kind", [kind for kind in AGENTS if "id" in kind.__struct_fields__])
def test_no_message_under_the_id_of_an_earlier_command_does_any_harm(kind: type[Message]) -> None:
    """A reading under such an id made the conversation fail, and three of them put it out of action."""
    scene = Scene()
    used, door = scene.door.new_id(), scene.door
    door.outbound.questions.reader = SimpleNamespace(read=lambda *_: None)  # type: ignore[assignment]
    assert isinstance(scene.does(AgentMessage(used, "owner", scene.talk, Text("Hello!"))), Ack)
    fields = {"id": used, "agent": "owner"}
    fields |= {"conversation": scene.talk} if "conversation" in kind.__struct_fields__ else {}
    message = msgspec.structs.replace(smallest(kind), **fields)
    answers = [refused(scene.does(message)) for _ in range(4)]
    assert Code.INTERNAL not in {answer[0] for answer in answers if answer}
    assert not door.system.supervisor.out
    assert isinstance(scene.does(AgentMessage(used, "owner", scene.talk, Text("Hello!"))), Ack)
