import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sandbox import metronome
from app.sandbox.agents import AGENTS, of_side, play
from app.sandbox.codeer_agents import FORM
from app.sandbox.guide import QUESTIONS
from app.sandbox.qoder_agents import fitting
from app.sandbox.steps import AgentSpec, Ask, Call, Form, Result, Say, Tool, Usage, Values, Verdict

ALL = {(agent.side, agent.name): agent for agent in AGENTS}


def perform(agent, prompt, *answers, past=()):
    script, given, steps = play(agent, prompt, past), list(answers), []
    try:
        step = next(script)
        while True:
            steps.append(step)
            step = script.send(given.pop(0)) if isinstance(step, Ask | Call | Form) and given else next(script)
    except StopIteration:
        return steps


def said(steps):
    return "".join(step.text for step in steps if isinstance(step, Say))


def test_the_catalogue_is_the_one_promised_and_its_ids_are_distinct():
    assert [one.name for one in of_side("codeer")] == ["Guide", "Parrot", "Metronome", "Researcher", "Intake"]
    assert [one.name for one in of_side("qoder")] == ["Builder", "Clerk", "Scribe", "Parrot"]
    assert len({one.id for one in AGENTS}) == len(AGENTS)
    assert all(one.description and len(one.questions) <= 3 for one in AGENTS)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda one: f"{one.side}-{one.name}")
@pytest.mark.parametrize("prompt", ["", "hello", "stream 3", "Where is A-7001?", "x" * 5000])
def test_every_agent_says_something_twice_the_same_way_and_tells_what_it_cost(agent, prompt):
    first, second = perform(agent, prompt), perform(agent, prompt)
    assert first == second
    assert isinstance(first[-1], Usage)
    assert prompt == "" or said(first)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text())
def test_the_parrot_is_exact(text):
    assert said(perform(ALL["codeer", "Parrot"], text)) == text


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 3000))
def test_the_metronome_plays_exactly_as_many_tokens_and_the_same_ones(count):
    text = metronome.text(count)
    assert len(text) == 4 * count
    assert metronome.text(count + 50).startswith(text)


def test_the_metronome_mixes_its_markdown_and_keeps_a_pace():
    steps = perform(ALL["codeer", "Metronome"], "please stream 2000 at 80.5")
    assert steps[0].rate == 80.5
    for mark in ("## ", "- ", "  - ", "|--", "```python", "> ", "1. ", "`", "*", "](", "速度"):
        assert mark in steps[0].text
    assert "1000000" in said(perform(ALL["codeer", "Metronome"], "stream 9999999"))
    assert "stream 400 at 80" in said(perform(ALL["codeer", "Metronome"], "play something"))


def test_the_guide_answers_its_own_questions_and_admits_what_it_does_not_know():
    guide = ALL["codeer", "Guide"]
    answers = {said(perform(guide, question)) for question in QUESTIONS}
    assert len(answers) == len(QUESTIONS) and not any("not sure" in text for text in answers)
    assert "not sure" in said(perform(guide, "qwertz?"))
    assert "profile add" in said(perform(guide, "How do I add my own key?"))
    assert "`F1`" in said(perform(guide, "Which keys do I press?"))
    suggested = {question for text in answers for question in re.findall(r"\*([A-Z][^*]+\?)\*", text)}
    assert suggested and not any("not sure" in said(perform(guide, question)) for question in suggested)


def test_the_intake_asks_for_every_kind_of_field_and_repeats_what_it_was_told():
    kinds = {field["type"] for field in FORM["fields"]}
    assert kinds == {"shortText", "longText", "number", "dropdown", "radio", "checkbox", "date"}
    values = {
        "full_name": "Ada | K.",
        "guests": 2,
        "day": "2026-03-09",
        "course": "wheel",
        "level": "new",
        "extras": ["tea", "apron"],
    }
    text = said(perform(ALL["codeer", "Intake"], "a visit", Values({**values, "shoe": 1})))
    assert (
        "Throwing on the wheel" in text
        and "Tea, An apron" in text
        and "2026-03-09" in text
        and "Ada \\| K." in text
        and "`shoe`" in text
    )


def test_the_researcher_thinks_uses_tools_and_answers_with_a_table_and_code():
    steps = perform(ALL["codeer", "Researcher"], "Which glaze?")
    assert [step.name for step in steps if isinstance(step, Tool)] == ["retrieve_context_objs", "search_web"]
    assert "|:--|" in said(steps) and "```python" in said(steps)


def test_the_builder_asks_twice_and_takes_no_for_an_answer():
    builder = ALL["qoder", "Builder"]
    yes = perform(builder, "a farewell", Verdict(True), Verdict(True))
    assert [step.name for step in yes if isinstance(step, Ask)] == ["Write", "Bash"] and "tests pass" in said(yes)
    no = perform(builder, "a farewell", Verdict(False, "not today"))
    assert [step.name for step in no if isinstance(step, Ask)] == ["Write"] and "not today" in said(no)
    half = perform(builder, "a farewell", Verdict(True), Verdict(False))
    assert "did not run" in said(half)


def test_the_clerk_reports_what_the_tool_gave():
    clerk = ALL["qoder", "Clerk"]
    good = perform(clerk, "where is b-77?", Result("shipped\ntoday"))
    assert next(step for step in good if isinstance(step, Call)).input == {"number": "B-77"}
    assert "> shipped\n> today" in said(good)
    assert "failed" in said(perform(clerk, "?", Result("no", failed=True)))


def test_a_created_agent_shows_what_was_configured():
    tool = {
        "type": "custom",
        "name": "weigh",
        "input_schema": {"type": "object", "properties": {"kg": {"type": "number", "minimum": 3}}},
    }
    agent = AgentSpec("qoder", "agent_1", "Mine", model="auto", tools=(tool,), system="Be kind.", resources=("file a.txt",))
    steps = perform(agent, "hello", Result("3 kg"))
    assert steps[0] == Call("weigh", {"kg": 3})
    text = said(steps)
    assert text.index("3 kg") < text.index("hello") and all(
        word in text for word in ("Mine", "auto", "Be kind.", "weigh", "file a.txt")
    )
    plain = AgentSpec("qoder", "agent_2", "Plain")
    assert said(perform(plain, "stream 10")) == metronome.text(10)


def test_arguments_fit_their_schema():
    assert fitting({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}) == {"a": "example"}
    assert fitting({"enum": ["x", "y"]}) == "x"
    assert fitting({"type": "array", "items": {"type": "integer", "minimum": 4}, "minItems": 2}) == [4, 4]
    assert fitting({"anyOf": [{"type": "boolean"}]}) is True
    assert fitting({"type": "string", "minLength": 9}) == "examplexx"
    assert fitting({"type": ["null", "string"]}) is None
    assert fitting({"default": 0}) == 0
