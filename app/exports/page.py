"""A conversation as one HTML page that looks like the transcript: everything escaped, nothing fetched, nothing run."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence

from app.exports.plain import STATES, STOPS, when
from app.models import Conversation, PartKind
from app.text import json_text, safe, safe_line
from app.transcript import Part, Turn

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #1f2428; --quiet: #666b73; --rule: #dcd9d2; --person: #1f6f8b;
  --agent: #7a5c1e; --warn: #9a5b00; --bad: #b3261e; --good: #2e6b34; --code: #f1efe9; --link: #2f5bb7; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --ink: #d8d6d0; --quiet: #8d9299; --rule: #33363b;
  --person: #7fb4ca; --agent: #c8b48a; --warn: #e6b450; --bad: #e06c75; --good: #98bb6c; --code: #202226; --link: #8aa9e0; } }
body { font: 15px/1.55 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; max-width: 96ch; margin: 2.5rem auto;
  padding: 0 1.2rem; background: var(--paper); color: var(--ink); }
header { border-bottom: 1px solid var(--rule); margin-bottom: 1.5rem; padding-bottom: .6rem; }
h1 { font-size: 1.15rem; margin: 0 0 .2rem; } header p, .when, footer { color: var(--quiet); font-size: .85rem; margin: 0; }
section { margin: 1.6rem 0; } .who { font-weight: bold; margin: 0 0 .3rem; font-size: 1rem; }
.who .when { font-weight: normal; margin-left: .8rem; } .you .who { color: var(--person); } .agent .who { color: var(--agent); }
.you .said { border-left: 3px solid var(--person); padding-left: .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.answer { overflow-wrap: anywhere; } .answer h1, .answer h2, .answer h3 { font-size: 1.05rem; }
pre, code { background: var(--code); font: inherit; } pre { padding: .6rem .9rem; overflow-x: auto; white-space: pre-wrap; }
code { padding: 0 .2rem; } pre code { padding: 0; } a { color: var(--link); overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--rule); padding: .2rem .6rem; }
blockquote { border-left: 2px solid var(--rule); margin-left: 0; padding-left: .9rem; color: var(--quiet); }
details { margin: .3rem 0; color: var(--quiet); } summary { cursor: pointer; overflow-wrap: anywhere; }
.ok { color: var(--good); } .failed { color: var(--bad); } .waits { color: var(--warn); font-weight: bold; }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style></head><body>
<header><h1>{title}</h1><p>{facts}</p></header>
<main>
{body}
</main>
<footer>Written by Parlour. Nothing on this page is fetched from anywhere.</footer>
</body></html>
"""


def page(conversation: Conversation, turns: Sequence[Turn], account: str = "") -> str:
    """The page; ``account`` is the name of the profile."""
    agent = conversation.agent_name or "Agent"
    version = f"v{conversation.agent_version}" if conversation.agent_version else ""
    whom = f"as {conversation.external_user_id}" if conversation.external_user_id else ""
    facts = " · ".join(fact for fact in (agent, version, account, whom, conversation.id) if fact)
    body = "\n".join(_turn(turn, agent) for turn in turns)
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    title = _line(conversation.title or "Untitled")
    return _PAGE.format(hash=digest, title=title, style=_STYLE, facts=_line(facts), body=body)


def _turn(turn: Turn, agent: str) -> str:
    out = []
    if turn.text or turn.attachments:
        state = STATES.get(turn.state, "")
        files = "".join(f'<p class="when">attached: {_line(one.name)}</p>' for one in turn.attachments)
        said = f'<div class="said">{_escaped(turn.text)}</div>' if turn.text else ""
        out.append(f'<section class="you">{_who("you", turn.started, state)}{said}{files}</section>')
    parts = "".join(_part(part) for part in turn.parts)
    end = _end(turn)
    if parts or end:
        rated = f"rated {turn.verdict.value}" if turn.verdict is not None else ""
        out.append(f'<section class="agent">{_who(agent, turn.ended, rated)}{parts}{end}</section>')
    return "\n".join(out)


def _who(name: str, at: float, more: str) -> str:
    facts = " · ".join(fact for fact in (when(at) if at else "", more) if fact)
    return f'<p class="who">{_line(name)}<span class="when">{_line(facts)}</span></p>'


def _part(part: Part) -> str:
    match part.kind:
        case PartKind.TEXT:
            return f'<div class="answer">{_markdown(part.text)}</div>' if part.text else ""
        case PartKind.THINKING:
            return f"<details><summary>thought</summary><pre>{_escaped(part.text)}</pre></details>" if part.text else ""
        case PartKind.TOOL:
            return _tool(part)
        case PartKind.ARTIFACT:
            return f'<p class="when">file: {_line(part.name or part.text)}</p>'
        case PartKind.NOTICE:
            return f'<p class="{"failed" if part.failed else "when"}">{_line(part.text)}</p>'


def _tool(part: Part) -> str:
    mark = '<span class="failed">×</span>' if part.failed else '<span class="ok">✓</span>' if part.done else "…"
    given = json_text(part.input, indent=2) if part.input is not None else ""
    inside = "".join(f"<pre>{_escaped(text)}</pre>" for text in (given, part.output) if text)
    return f"<details><summary>{_line(part.name)} {_line(part.summary, 200)} {mark}</summary>{inside}</details>"


def _end(turn: Turn) -> str:
    out = "".join(f'<p class="waits">waits for you: {_line(request.name)}</p>' for request in turn.waiting)
    if turn.stop in STOPS and not turn.waiting:
        why = f": {safe_line(turn.failure.message, 400)}" if turn.failure is not None else ""
        out += f'<p class="failed">{_line(STOPS[turn.stop] + why, 500)}</p>'
    return out


def _markdown(text: str) -> str:
    """Markdown as HTML: raw HTML in it is text, images are links, links carry no referrer."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("gfm-like", {"html": False}).disable("image")
    return str(reader.render(safe(text))).replace("<a href=", '<a rel="noopener noreferrer nofollow" href=')


def _escaped(text: str) -> str:
    return html.escape(safe(text))


def _line(text: str, limit: int = 300) -> str:
    return html.escape(safe_line(text, limit))
