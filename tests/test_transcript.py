"""The reducer: the same events give the same turns, however often they come."""

from app.models import (
    Answered,
    Event,
    Noticed,
    PartDelta,
    PartDone,
    PartKind,
    PartStarted,
    Prompted,
    PromptState,
    Request,
    RequestKind,
    Status,
    StatusChanged,
    Stop,
    Titled,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    Unknown,
    Wire,
)  # fmt: skip
from app.transcript import Transcript, Turn, What


def facts(transcript: Transcript) -> list[object]:
    return [
        (turn.uid, turn.text, turn.state, turn.prompt_id, turn.stop,
         [(part.id, part.kind, part.text, part.output, part.done) for part in turn.parts])
        for turn in transcript.turns
    ]  # fmt: skip


def live() -> Transcript:
    transcript = Transcript()
    transcript.begin("key-1", "hello")
    return transcript


EVENTS: list[Event] = [
    Prompted(prompt_id="p1", key="key-1"),
    ToolCalled(part_id="t1", name="search", input={"q": "x"}),
    ToolReturned(part_id="t1", output="2 hits"),
    PartStarted(part_id="m1"),
    PartDelta(part_id="m1", text="Hel"),
    PartDelta(part_id="m1", text="lo"),
    PartDone(part_id="m1", text="Hello."),
    TurnEnded(stop=Stop.DONE, message_id="m1"),
]


def test_a_live_turn() -> None:
    transcript = live()
    changes = [transcript.apply(event, 5.0) for event in EVENTS]
    turn = transcript.turns[0]
    assert (turn.state, turn.prompt_id, turn.stop, turn.answer, turn.message_id) == (
        PromptState.SENT,
        "p1",
        Stop.DONE,
        "Hello.",
        "m1",
    )
    assert [change.text for change in changes if change.what is What.DELTA] == ["Hel", "lo"]
    assert turn.parts[0].output == "2 hits"


def test_the_history_read_again_changes_nothing() -> None:
    transcript = live()
    for event in EVENTS:
        transcript.apply(event, 5.0)
    before = facts(transcript)
    history = [event for event in EVENTS if not isinstance(event, PartDelta | PartStarted)]
    history[0] = Prompted(prompt_id="p1", text="hello")
    for event in history * 2:
        transcript.apply(event)
    assert facts(transcript) == before


def test_a_finished_part_replaces_its_preview_and_late_deltas_are_dropped() -> None:
    transcript = live()
    transcript.apply(PartDelta(part_id="m", text="wrong"))
    transcript.apply(PartDone(part_id="m", text="right"))
    assert transcript.apply(PartDelta(part_id="m", text="!")).what is What.NOTHING
    assert transcript.turns[0].answer == "right"


def test_a_part_that_begins_again_drops_its_preview() -> None:
    transcript = live()
    transcript.apply(PartDelta(part_id="m", text="abc"))
    transcript.apply(PartStarted(part_id="m"))
    transcript.apply(PartDelta(part_id="m", text="ab"))
    assert transcript.turns[0].answer == "ab"


def test_a_prompt_found_under_two_names_is_one_turn() -> None:
    transcript = Transcript()
    transcript.begin("key-1", "hi").state = PromptState.UNKNOWN
    transcript.apply(Prompted(prompt_id="p9", text="hi"))
    transcript.apply(PartDone(part_id="m", text="there"))
    change = transcript.apply(Prompted(prompt_id="p9", key="key-1"))
    assert change.removed is not None
    assert [(turn.uid, turn.prompt_id, turn.answer) for turn in transcript.turns] == [("key-1", "p9", "there")]


def test_waiting_and_going_on() -> None:
    transcript = live()
    transcript.apply(ToolCalled(part_id="e1", name="Bash", asks=True))
    request = Request("e1", RequestKind.APPROVAL, "Bash")
    transcript.apply(TurnEnded(stop=Stop.NEEDS_APPROVAL, waiting=(request,)))
    turn = transcript.turns[0]
    assert turn.waiting == (request,) and turn.stop is Stop.NEEDS_APPROVAL
    transcript.apply(Answered(request_id="e1", allow=False, reason="no"))
    assert turn.waiting == () and turn.stop is None and turn.parts[0].data["reason"] == "no"
    transcript.apply(TurnEnded(stop=Stop.DONE))
    assert turn.stop is Stop.DONE


def test_running_again_clears_the_wait() -> None:
    transcript = live()
    transcript.apply(TurnEnded(stop=Stop.NEEDS_INPUT))
    transcript.apply(StatusChanged(status=Status.RUNNING))
    assert transcript.turns[0].stop is None


def test_the_first_end_wins_but_unknown_can_be_learnt() -> None:
    transcript = live()
    transcript.apply(TurnEnded(stop=Stop.DONE))
    transcript.apply(TurnEnded(stop=Stop.FAILED))
    assert transcript.turns[0].stop is Stop.DONE
    unknown = live()
    unknown.apply(TurnEnded(stop=Stop.UNKNOWN))
    unknown.apply(TurnEnded(stop=Stop.DONE))
    assert unknown.turns[0].stop is Stop.DONE


def test_history_finds_its_place_between_known_turns() -> None:
    turns = [Turn("a", 1.0, "one", prompt_id="p1"), Turn("c", 2.0, "three", prompt_id="p3")]
    transcript = Transcript(turns)
    for event in (
        Prompted(prompt_id="p1", text="one"),
        Prompted(prompt_id="p2", text="two"),
        Prompted(prompt_id="p3", text="three"),
    ):
        transcript.apply(event)
    assert [turn.text for turn in transcript.turns] == ["one", "two", "three"]
    assert [turn.position for turn in transcript.turns] == sorted(turn.position for turn in transcript.turns)


def test_events_without_a_prompt_have_a_turn_of_their_own() -> None:
    transcript = Transcript()
    transcript.apply(PartDone(part_id="m", text="unasked", wire=Wire("agent.message", id="e5")))
    assert transcript.turns[0].answer == "unasked" and transcript.turns[0].text == ""


def test_titles_notices_and_unknown_events() -> None:
    transcript = live()
    assert transcript.apply(Titled(title="T")).what is What.CONVERSATION
    transcript.apply(Noticed(text="retrying", wire=Wire("session.error", id="n1")))
    transcript.apply(Noticed(text="retrying", wire=Wire("session.error", id="n1")))
    assert transcript.apply(Unknown(wire=Wire("new.thing"))).what is What.NOTHING
    assert transcript.title == "T"
    assert [part.kind for part in transcript.turns[0].parts] == [PartKind.NOTICE]


def test_many_deltas_are_joined_once() -> None:
    transcript = live()
    for _ in range(20_000):
        transcript.apply(PartDelta(part_id="m", text="abcd"))
    assert len(transcript.turns[0].answer) == 80_000
