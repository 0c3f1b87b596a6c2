from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.models import (
    Agent,
    Attachment,
    Conversation,
    Failure,
    PartKind,
    PromptState,
    Request,
    RequestKind,
    Status,
    Stop,
    Usage,
    Verdict,
    Wire,
)
from app.store import Store
from app.text import storable
from app.transcript import Part, Turn
from tests.store.conftest import PROFILE

text = st.text(st.characters(), max_size=30)
clean = text.map(storable)
floats = st.floats(0, 2e9, allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(text, values, max_size=3)
maybe_int = st.none() | st.integers(0, 2**40)
attachments = st.builds(Attachment, text, text, text, st.integers(0, 2**70), text, text)
requests = st.builds(Request, text, st.sampled_from(RequestKind), text, values)
usages = st.builds(Usage, maybe_int, maybe_int, maybe_int, st.none() | text)
failures = st.builds(Failure, text, text, st.none() | st.integers(100, 599), st.none() | text, st.none() | text)
agents = st.builds(
    Agent, clean, clean, clean, clean, clean, st.tuples(text), st.tuples(text, text), clean, st.booleans(), objects
)
talks = st.builds(
    Conversation, clean, clean, clean, clean, clean, st.sampled_from(Status), clean, clean, clean, clean, st.booleans(), objects
)


@st.composite
def parts(draw: Any, number: int) -> Part:
    part = Part(
        id=f"{number}{draw(clean)}",
        kind=draw(st.sampled_from(PartKind)),
        done=draw(st.booleans()),
        name=draw(clean),
        input=draw(values),
        output=draw(clean),
        summary=draw(clean),
        server=draw(clean),
        asks=draw(st.booleans()),
        failed=draw(st.booleans()),
        lane=draw(clean),
        data=draw(objects),
        wire_id=draw(clean),
        started=draw(floats),
        ended=draw(floats),
    )
    part.text = draw(clean)
    return part


@st.composite
def turns(draw: Any) -> Turn:
    return Turn(
        uid=draw(clean),
        position=draw(floats),
        text=draw(clean),
        attachments=tuple(draw(st.lists(attachments, max_size=2))),
        state=draw(st.sampled_from(PromptState)),
        prompt_id=draw(clean),
        group=draw(clean),
        message_id=draw(clean),
        stop=draw(st.none() | st.sampled_from(Stop)),
        waiting=tuple(draw(st.lists(requests, max_size=2))),
        failure=draw(st.none() | failures),
        usage=draw(st.none() | usages),
        verdict=draw(st.none() | st.sampled_from(Verdict)),
        comment=draw(clean),
        agent=draw(clean),
        started=draw(floats),
        ended=draw(floats),
        after=draw(clean),
        parts=[draw(parts(number)) for number in range(draw(st.integers(0, 3)))],
    )


def plain(turn: Turn) -> dict[str, Any]:
    fields = {name: getattr(turn, name) for name in Turn.__dataclass_fields__ if name != "parts"}
    own = [name for name in Part.__dataclass_fields__ if name != "_chunks"]
    fields["parts"] = [{name: getattr(part, name) for name in own} | {"text": part.text} for part in turn.parts]
    return fields


@settings(max_examples=60, deadline=None, derandomize=True)
@given(turn=turns(), changed=turns(), talk=talks, agent=agents)
def test_every_field_comes_back(turn: Turn, changed: Turn, talk: Conversation, agent: Agent) -> None:
    async def go() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = await Store.open(Path(folder) / "parlour.db")
            account = await store.account(PROFILE)
            stored = await store.save_conversation(account, talk, cursor="c")
            assert stored.conversation == talk
            assert stored.cursor == "c"
            await store.save_agents(account, [agent])
            assert [known.agent for known in await store.agents(account)] == [agent]
            await store.record(stored.pk, turns=[turn])
            assert [plain(one) for one in await store.turns(stored.pk)] == [plain(turn)]
            changed.uid, changed.verdict = turn.uid, changed.verdict or turn.verdict
            changed.comment = changed.comment or turn.comment
            await store.record(stored.pk, turns=[changed])
            assert [plain(one) for one in await store.turns_between(stored.pk, [turn.uid])] == [plain(changed)]
            await store.aclose()

    asyncio.run(go())


async def test_what_json_cannot_hold_is_kept_as_text(store: Store, talk: Any) -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    raws = [{"n": float("nan")}, {"n": [float("inf")]}, {"n": 10**5000}, deep, "\ud800", {"big": 2**63}]
    await store.record(talk.pk, events=[(Wire(f"t{number}", raw), 1.0) for number, raw in enumerate(raws)])
    found = [event.wire.raw for event in await store.events(talk.pk)]
    assert found[0] == {"n": "nan"}
    assert found[1] == {"n": ["inf"]}
    assert found[2] == {"n": hex(10**5000)}
    assert isinstance(found[3], str)
    assert found[4:] == ["\ud800", {"big": 2**63}]
    while isinstance(deep, list):
        deep = deep[0]


async def test_text_with_nul_and_surrogates(store: Store, talk: Any) -> None:
    turn = Turn("u", 1.0, "a\0b\ud800c", prompt_id="9223372036854775808")
    await store.record(talk.pk, turns=[turn])
    (found,) = await store.turns(talk.pk)
    assert found.text == "a\0b\ufffdc"
    assert found.prompt_id == "9223372036854775808"
    (head,) = await store.turn_heads(talk.pk)
    assert head.chars == 5
