"""The agents of the Codeer side, but for the Guide."""

from __future__ import annotations

from app.models import Json
from app.sandbox.steps import AgentSpec, Form, Past, Say, Script, Think, Tool, Usage, Values

FORM: dict[str, Json] = {
    "id": "form-visit",
    "title": "A visit to the studio",
    "description": "A few questions, so that the day fits. Only the ones marked as required have to be answered.",
    "fields": [
        {"id": "f1", "type": "shortText", "name": "full_name", "label": "Name", "question": "What is your name?",
         "required": True, "placeholder": "Ada Lovelace"},
        {"id": "f2", "type": "number", "name": "guests", "label": "Guests", "question": "How many of you are coming?",
         "required": True, "helpText": "Counting yourself."},
        {"id": "f3", "type": "date", "name": "day", "label": "Day", "question": "Which day would suit you?", "required": True,
         "helpText": "Year, month, day: 2026-03-09."},
        {"id": "f4", "type": "dropdown", "name": "course", "label": "Course", "question": "Which course would you like?",
         "required": True, "options": [{"value": "wheel", "label": "Throwing on the wheel"},
                                       {"value": "hand", "label": "Building by hand"},
                                       {"value": "glaze", "label": "Glazing"}]},
        {"id": "f5", "type": "radio", "name": "level", "label": "Experience", "question": "Have you worked with clay before?",
         "required": True, "options": [{"value": "new", "label": "Never"}, {"value": "some", "label": "A little"},
                                       {"value": "much", "label": "A lot"}]},
        {"id": "f6", "type": "checkbox", "name": "extras", "label": "Extras", "question": "What shall we have ready?",
         "required": False, "options": [{"value": "apron", "label": "An apron"}, {"value": "tea", "label": "Tea"},
                                        {"value": "parking", "label": "A parking space"}]},
        {"id": "f7", "type": "longText", "name": "wishes", "label": "Wishes", "question": "Anything we should know?",
         "required": False, "placeholder": "Allergies, a birthday, a favourite bowl that broke …"},
    ],
}  # fmt: skip
"""One field of every type the vendor has."""

CODEER_AGENTS = (
    AgentSpec(
        "codeer", "b0a7c1de-0002-4c1d-9a3e-5d6f00000002", "Parrot", "Repeats what you say, exactly.",
        questions=("Hello!", "Say this back to me, **bold** and all."),
    ),
    AgentSpec(
        "codeer", "b0a7c1de-0003-4c1d-9a3e-5d6f00000003", "Metronome",
        "Streams as many tokens as you ask for, as fast as you ask.",
        questions=("stream 400 at 80", "stream 5000"),
    ),
    AgentSpec(
        "codeer", "b0a7c1de-0004-4c1d-9a3e-5d6f00000004", "Researcher",
        "Looks things up step by step, then answers with a table and some code.",
        tools=({"type": "retrieve_context_objs", "name": "Knowledge base"}, {"type": "search_web", "name": "Web search"}),
        questions=("Which glaze suits stoneware?", "Compare three ways to fire a kiln."),
    ),
    AgentSpec(
        "codeer", "b0a7c1de-0005-4c1d-9a3e-5d6f00000005", "Intake", "Asks you to fill in a form, then answers from it.",
        tools=({"type": "request_form", "name": "Form", "custom_form_schema": FORM},),
        questions=("I would like to book a visit.",),
    ),
)  # fmt: skip

_REPORT = """### What I found

The three firings that come up again and again differ mostly in heat and in patience:

| Firing | Temperature | Time | Good for |
|:--|--:|--:|:--|
| Earthenware | 1,050 °C | 8 h | bright colours, tiles |
| Stoneware | 1,240 °C | 11 h | everyday pots, ovenproof |
| Porcelain | 1,300 °C | 13 h | thin walls, translucence |

A kiln does not jump to its peak. It climbs in steps, and this is the whole rule of thumb:

```python
def hours(peak: int, rate: int = 150, soak: float = 0.5) -> float:
    \"\"\"How long a firing takes: the climb at `rate` degrees an hour, and a soak at the top.\"\"\"
    return round(peak / rate + soak, 1)


print(hours(1240))  # 8.8
```

**In short:** for something you will eat from every day, take stoneware. The second source agrees with the knowledge base on the
temperatures; they differ by an hour on the time, which is the soak.
"""


def researcher(prompt: str, past: Past) -> Script:
    """Thinks, looks in two places, answers with a table and a code block."""
    topic = " ".join(prompt.split())[:80] or "kilns"
    words = " ".join(word for word in topic.lower().rstrip("?!.").split() if len(word) > 3)[:60] or topic
    yield Think(
        f"The question: {topic.rstrip(' ?!.')}. First what is already known here, then one look outside to check the figures."
    )
    yield Tool(
        "retrieve_context_objs", {"query": words, "limit": 3},
        {"hits": 3, "sources": ["Studio handbook, page 12", "Kiln log, March", "Glaze notes"]},
        seconds=0.15, summary="Looking in the knowledge base",
    )  # fmt: skip
    yield Tool(
        "search_web", {"query": f"{words} firing temperature"},
        {"results": [{"title": "Firing ranges at a glance", "url": "https://example.com/firing"},
                     {"title": "Why stoneware lasts", "url": "https://example.com/stoneware"}]},
        seconds=0.2, summary="Checking the figures on the web",
    )  # fmt: skip
    yield Think("Both agree on the temperatures. A table compares best; a few lines of code make the rule of thumb usable.")
    again = "As before, from the top.\n\n" if past else ""
    yield Say(again + _REPORT, 400)
    yield Usage(len(prompt) // 4 + 180, len(_REPORT) // 4)


def intake(prompt: str, past: Past) -> Script:
    """Asks for the form; goes on from its values."""
    del past
    yield Say("Gladly. A few questions first, so that the day fits.\n", 200)
    yield Usage(len(prompt) // 4 + 40, 14)
    given = yield Form(FORM)
    values = given.values if isinstance(given, Values) else {}
    text = _confirmation(values)
    yield Say(text, 200)
    yield Usage(len(prompt) // 4 + 60, len(text) // 4)


def _confirmation(values: dict[str, Json]) -> str:
    name = str(values.get("full_name") or "there")
    fields: list[dict[str, Json]] = FORM["fields"]
    rows = ["| Question | Your answer |", "|:--|:--|"]
    rows += [f"| {one['label']} | {_shown(one, values.get(one['name']))} |" for one in fields]
    unknown = sorted(set(values) - {str(one["name"]) for one in fields})
    extra = f"\nI did not ask for {', '.join(f'`{name}`' for name in unknown)}, and left it aside.\n" if unknown else ""
    return f"Thank you, {name}. This is what I wrote down:\n\n" + "\n".join(rows) + "\n" + extra + "\nSee you at the studio.\n"


def _shown(one: dict[str, Json], value: Json) -> str:
    if value is None or value in ("", []):
        return "—"
    labels = {option["value"]: option["label"] for option in one.get("options", [])}
    chosen = value if isinstance(value, list) else [value]
    return (
        ", ".join(str(labels.get(item, item)) if isinstance(item, str) else str(item) for item in chosen)
        .replace("|", "\\|")
        .replace("\n", " ")
    )
