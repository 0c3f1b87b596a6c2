"""The Guide: answers questions about Parlour from this text, which is the first thing a new person reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.sandbox.steps import TOKEN, AgentSpec, Past, Say, Script, Tool, Usage

RATE = 80.0
"""Tokens a second: about as fast as one reads along."""

QUESTIONS = ("What can I do here?", "How do I add my own key?", "What happens when the connection drops?")

GUIDE = AgentSpec(
    "codeer", "b0a7c1de-0001-4c1d-9a3e-5d6f00000001", "Guide", "Knows Parlour and shows you around.", questions=QUESTIONS,
    tools=({"type": "retrieve_context_objs", "name": "Help pages"},),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Topic:
    title: str
    words: str
    """What a question about it contains, as a regular expression of whole beginnings of words."""
    text: str
    next: tuple[str, ...] = ()


_WELCOME = _Topic(
    "Welcome",
    r"hello|hi\b|hey\b|welcome|start|begin|what can|what is|parlour|around|tour|help",
    """Welcome to **Parlour**, a calm place in your terminal for talking with hosted agents.

You are in the demo: a small server on this machine stands in for the real ones, so nothing you type leaves it and nothing costs
anything. Everything else is the real program. Try, in this order:

1. **Ask me something.** The answer arrives as it is written, and you may leave while it does. It goes on without you.
2. **Talk to Researcher** to see reasoning, tool calls, a table and some code.
3. **Talk to Builder**, which asks before it changes anything. You decide, and only a deliberate key counts.
4. **Talk to Intake** to fill in a form.
5. Close Parlour and open it again. Every word is still there.

The bottom line of each screen names the keys that work right there; `F1` shows them all.
""",
    ("How do I add my own key?", "What can the command line do?"),
)

_TOPICS: tuple[_Topic, ...] = (
    _Topic(
        "Your own key",
        r"keys?\b(?! do)|profile|account|sign|log ?in|token|secret|password|credential|add|connect|vendor",
        """A **profile** is a name, a vendor and an address. Its key goes to your system's keyring, never into a file.

```sh
parlour profile add work --vendor codeer
parlour profile add lab --vendor qoder --region intl
parlour profile check work
```

The key is asked for without showing it; `--key-stdin` takes it from another program instead. In a script, set `CODEER_API_KEY`
or `QODER_ACCESS_TOKEN` and no profile is needed: it exists for that run and nothing is written down.

A key belongs to one address. If you change the address, Parlour asks again rather than show your key to a stranger.
""",
        ("Where is everything kept?", "What can the command line do?"),
    ),
    _Topic(
        "Getting around",
        r"keyboard|shortcut|which keys|keys do|mouse|navigat|press|screen|binding|menu|quit|leave",
        """The bottom line of every screen names the keys that work right there. The ones worth knowing by heart:

| Key | Does |
|:--|:--|
| `Enter` | sends; `Ctrl+J` begins a new line instead |
| `Tab` | goes between what you write and what was said |
| `Esc` | goes one step out, and stops a running answer before it leaves |
| `F1` | shows every key of where you are |
| `F2` `F3` | all agents, all conversations |
| `Ctrl+Q` | leaves; answers that are being written go on |

Nothing you have typed is thrown away on the way out: a draft waits where you left it.
""",
        ("Can I stop an answer?", "How do I find an old conversation?"),
    ),
    _Topic(
        "When the connection drops",
        r"connection|offline|drop|lost|lose|network|wifi|crash|twice|duplicate|retry|again|resend|reconnect|fail|kill|unknown|broke",
        """Then nothing is lost, and nothing is sent twice.

- Your prompt is written to disk **before** the first byte of it leaves.
- If the line breaks, Parlour reads the conversation back from the server to see what became of it, and shows the answer that
  was finished meanwhile.
- If it cannot tell whether a prompt arrived, it says **unknown** and leaves the decision to you. It never sends a prompt again
  by itself.
- Waiting, retrying and reconnecting are always shown, with the seconds.

An answer is called done only when the server itself said so.
""",
        ("Where is everything kept?", "Can I stop an answer?"),
    ),
    _Topic(
        "The command line",
        r"command|script|cli|shell|pipe|automat|json|exit|stdin|terminal|ci\b",
        """Everything works without the screens, too:

```sh
parlour ask "What is cone 6?" --profile demo --agent Guide
git diff | parlour ask - --agent Reviewer --json
parlour conversations --limit 10
parlour show CONVERSATION
```

`ask` streams the answer to standard output. `--json` prints one object at the end and nothing else, `--events` one line for every
event. The exit code tells how it went: 0 done, 3 key refused, 4 not found, 5 unavailable, 6 outcome unknown, 7 waiting for you.

`parlour --help` lists the rest.
""",
        ("How do batches work?", "How do I export a conversation?"),
    ),
    _Topic(
        "Approvals and forms",
        r"approv|allow|deny|permission|form|tool|wait|builder|intake|confirm|safe",
        """Some agents stop and ask: **Builder** before it writes or runs something, **Intake** with a form,
**Clerk** for the result of a tool of yours.

The question takes the place of the input line and shows the whole of what is about to happen. Keys you had already typed do not
answer it. Read it, then allow it or deny it, and say why if you like: the agent hears the reason.

From the shell it is `parlour approve CONVERSATION EVENT allow` or `deny`, and `parlour answer` for a form or a tool's result.
""",
        ("Can I stop an answer?", "What can I do here?"),
    ),
    _Topic(
        "Stopping an answer",
        r"stop|interrupt|cancel|escape|esc\b|abort|halt",
        """Press `Esc` while an answer is running. Where the vendor can, the agent itself is stopped; where it cannot,
Parlour says so and stops listening only when you insist.

Leaving the screen stops nothing. The answer goes on, and the list of conversations shows that it does.

In `parlour ask`, the first `Ctrl+C` interrupts the turn and the second leaves the agent running.
""",
        ("What happens when the connection drops?",),
    ),
    _Topic(
        "Finding things again",
        r"search|find|history|old|earlier|yesterday|conversation|export|save|markdown|html|copy|keep|kept|where|store|disk|data|privacy|private",
        """Everything you have seen is kept in one database on this machine, readable by you alone.

- The history lists all conversations of all profiles, newest first, and searches in every word of them.
- `parlour search "cone 6"` does the same from the shell; `parlour sync` fetches what you have not opened yet, after asking.
- `parlour export CONVERSATION --format md --output kiln.md` writes one out. `json`, `jsonl` and `html`
  work as well, and a file that exists is never overwritten without `--force`.

Set `PARLOUR_HOME` to keep all of it in a folder of your choice.
""",
        ("How do I rate an answer?", "What happens when the connection drops?"),
    ),
    _Topic(
        "Ratings",
        r"rate|rating|feedback|thumb|good|bad|review|improve",
        """Put the cursor on an answer and press `+` or `-`; a comment is welcome and never required.

```sh
parlour rate CONVERSATION last up --comment "Exactly right."
parlour review
```

`review` lists the answers that nobody has rated, and the ones somebody was not happy with.
""",
        ("How do I export a conversation?",),
    ),
    _Topic(
        "Batches",
        r"batch|many|csv|jsonl|bulk|list of questions|hundred|thousand",
        """A batch asks one agent many questions at once. Put one on each line of a JSONL file, or in a CSV with a
column `message`:

```sh
parlour batch create questions.csv --agent Guide --wait
parlour batch results ID --output answers.jsonl
```

Rows are matched by their own id and never by position, so a row that failed or is missing is named. More than 1,000 rows are
split for you.
""",
        ("What can the command line do?",),
    ),
    _Topic(
        "The sandbox",
        r"sandbox|demo|test|fake|mock|local|server|cost|free|parrot|metronome|researcher|agent",
        """The demo runs the **sandbox**: a server on this machine that speaks the vendors' own interfaces. It listens
on 127.0.0.1 only and makes its own keys.

| Agent | What it is for |
|:--|:--|
| Guide | showing you around |
| Parrot | hearing your own words, exactly |
| Metronome | `stream 400 at 80`, to watch text arrive at a steady pace |
| Researcher | reasoning, tools, a table, code |
| Intake | a form with a field of every kind |
| Builder, Clerk, Scribe | approvals, your own tools, a second way of streaming |

`parlour sandbox` starts it alone, to test programs of your own against it.
""",
        ("What can I do here?", "What can the command line do?"),
    ),
)

_UNSURE = """I know Parlour, and not much else, so I am not sure about that one. I can tell you about

{list}

Ask in your own words. For anything else the real agents are better: *How do I add my own key?* shows the way.
"""


def guide(prompt: str, past: Past) -> Script:
    """Looks the question up and answers with the topic it fits best."""
    del past
    topic = _fitting(prompt)
    if topic is not None and topic is not _WELCOME:
        query = " ".join(prompt.split())[:80]
        yield Tool(
            "retrieve_context_objs", {"query": query}, {"page": topic.title}, seconds=0.12, summary="Looking in the help pages"
        )
    text = (
        _UNSURE.format(list="\n".join(f"- {one.title[:1].lower()}{one.title[1:]}" for one in _TOPICS))
        if topic is None
        else topic.text
    )
    if topic is not None and topic.next:
        text += "\nYou could ask next: " + " · ".join(f"*{question}*" for question in topic.next) + "\n"
    yield Say(text, RATE)
    yield Usage(len(prompt) // TOKEN + 240, len(text) // TOKEN)


def _fitting(prompt: str) -> _Topic | None:
    words = prompt.lower()
    best, most = None, 0
    for topic in (*_TOPICS, _WELCOME):
        hits = len(set(re.findall(rf"\b(?:{topic.words})", words)))
        if hits > most:
            best, most = topic, hits
    return best
