"""What an agent, a server, a file or a clipboard may say to a terminal, and a home in which everything says it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.models import (
    Agent,
    Attachment,
    Conversation,
    Failure,
    PartKind,
    Profile,
    PromptState,
    Request,
    RequestKind,
    Status,
    Stop,
    Usage,
    Wire,
)
from app.store import Store
from app.transcript import Part, Turn

PAYLOADS = {
    "clipboard": "\x1b]52;c;cm0gLXJmIH4K\x07",
    "title": "\x1b]0;pwned\x07",
    "icon and title": "\x1b]2;pwned\x1b\\",
    "hyperlink": "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "notification": "\x1b]9;pwned\x07",
    "notification 777": "\x1b]777;notify;a;b\x07",
    "DECRQSS": "\x1bP$qm\x1b\\",
    "reset": "\x1bc",
    "erase": "\x1b[2J\x1b[3J",
    "status report": "\x1b[6n",
    "title report": "\x1b[21t",
    "C1 CSI": "\x9b2J",
    "C1 OSC": "\x9d52;c;cm0K\x9c",
    "alternate screen off": "\x1b[?1049l",
    "bidi": "\u202egnp.exe\u202c\u2066x\u2069\u061c\u200e\u200f",
    "tags": "\U000e0072\U000e006d\U000e0020\U000e007f",
    "zero width": "a\u200bd\u2060m\u200ci\u200dn\ufeff\u00ad",
    "bell, backspace, return": "safe\x07\x08\x08\x08\x08evil\rover",
    "null, delete, shift": "\x00\x7f\x0e\x0f\x05\u2028\u2029\x85\ud800",
}
"""Nineteen ways."""
MARKUP = "[@click=app.quit]press[/] [/foo] [red [bold]x[/bold] [link=http://evil.example]y[/link] [/]"
ALL = " ".join(PAYLOADS.values())
ORIGIN = "http://127.0.0.1:9"
PROFILE = Profile("codeer", "codeer", f"{ORIGIN}/api/v1")
ENVIRONMENT = {"CODEER_API_KEY": "key-of-nobody-0123456789", "CODEER_API_BASE": PROFILE.base}
LAYOUTS = (
    "plain {0} end",
    "**bold {0} bold** and *{0}* and ~~{0}~~",
    "# heading {0}",
    "| a {0} | b |\n|---|---|\n| {0} | {0} |",
    "```python\nprint('{0}')\n# {0}\n```",
    "`inline {0}` [a link {0}](http://example.org/{0}) ![image {0}](http://example.org/x.png)",
    "- item {0}\n  1. inner {0}\n> quote {0}",
    "<b onclick='{0}'>html {0}</b> &#27;]0;x&#7; http://example.org/{0}",
)


def _part(ident: str, kind: PartKind, text: str, **more: object) -> Part:
    part = Part(ident, kind, done=True, started=1000.0, ended=1001.0, **more)  # type: ignore[arg-type]
    part.text = text
    return part


def turn(uid: str, position: float, said: str) -> Turn:
    """A turn in which every string is ``said``."""
    made = Turn(uid, position, said, (Attachment(said, media_type=said, size=9, id="f"),), PromptState.SENT, started=1000.0)
    made.parts = [
        _part(f"{uid}-thinking", PartKind.THINKING, said),
        _part(
            f"{uid}-tool",
            PartKind.TOOL,
            "",
            name=said,
            input={said: said, "command": said},
            output=said,
            summary=said,
            server=said,
        ),
        _part(f"{uid}-lane", PartKind.TOOL, "", name=said, input=said, output=said, failed=True, lane=said),
        *(_part(f"{uid}-{at}", PartKind.TEXT, layout.format(said)) for at, layout in enumerate(LAYOUTS)),
        _part(f"{uid}-half", PartKind.TEXT, said[: len(said) // 2]),
        _part(f"{uid}-other half", PartKind.TEXT, said[len(said) // 2 :]),
        _part(f"{uid}-notice", PartKind.NOTICE, said),
        _part(f"{uid}-file", PartKind.ARTIFACT, said, name=said, data={"url": said}),
    ]
    made.stop, made.failure = Stop.FAILED, Failure(said, said, 500, said, said)
    made.usage, made.comment = Usage(1, 2, 3, said), said
    return made


async def seed(home: Path, says: Iterable[str] = (ALL, MARKUP)) -> None:
    """A home whose agents, conversations, turns, requests and events all say these things."""
    store = await Store.open(home / "parlour.db")
    try:
        account = await store.account(PROFILE)
        names = list(says)
        await store.save_agents(
            account, [Agent(str(at), said, said, said, said, (said,), (said, said), said) for at, said in enumerate(names)]
        )
        for at, said in enumerate(names):
            talk = Conversation(
                f"70{at}", said, agent_id=str(at), agent_name=said, agent_version=said, environment=said, status=Status.WAITING
            )
            stored = await store.save_conversation(account, talk)
            wires = [(Wire(said, {"type": said, said: said, "text": said}, f"evt_{at}", said, said), 1000.0)]
            await store.record(stored.pk, turns=[turn(f"t{at}", 1.0, said)], events=wires)
            asking = Turn(f"a{at}", 2.0, said, state=PromptState.SENT, started=1002.0, stop=Stop.NEEDS_APPROVAL)
            asking.waiting = (Request(f"req_{at}", RequestKind.APPROVAL, said, {"command": said, said: [said]}),)
            await store.record(stored.pk, turns=[asking])
            await store.save_draft(stored.pk, said)
    finally:
        await store.aclose()
