"""Exports: every form, every field cleaned, nothing that a page could fetch or run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from app.exports import Cleaner, document, event_lines, redacted, suggested
from app.exports.page import page
from app.models import Attachment, Conversation, Failure, PartKind, Profile, Request, RequestKind, Stop, Verdict, Wire
from app.transcript import Part, Turn
from app.vendors.redact import Redactor
from tests.store.conftest import said

PROFILE = Profile("work", "codeer", "https://api.example.test/api/v1")
KEY = "cdr-verysecretkey-0123456789"
SHAPED = (
    "sk-abcdefghij0123456789", "ghp_abcdefghijklmnopqrst0123", "github_pat_11ABCDEFG0abcdefghijkl", "AKIAIOSFODNN7EXAMPLE",
    "xoxb-1234567890-abcdef", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLi4u", "pt-abcdefghijklmnopqrstuvwxyz",
)  # fmt: skip
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA PRIVATE KEY-----"


def everything(secret: str) -> tuple[Conversation, list[Turn]]:
    """A conversation that has a secret in every text there is."""
    turn = said("u1", f"my {secret} please", f"it was {secret}.")
    turn.attachments = (Attachment(f"{secret}.txt", url=f"https://x.test/?k={secret}"),)
    turn.comment, turn.verdict, turn.agent = f"bad {secret}", Verdict.DOWN, f"agent {secret}"
    turn.failure = Failure("refused", f"no {secret}")
    turn.waiting = (Request("e1", RequestKind.FORM, f"form {secret}", {"field": [f"of {secret}", {f"n {secret}": 1}]}),)
    tool = Part("t", PartKind.TOOL, True, f"tool {secret}", {"arg": f"is {secret}", f"k {secret}": [secret]}, f"out {secret}")
    tool.summary, tool.server = f"sum {secret}", f"server {secret}"
    file = Part("f", PartKind.ARTIFACT, True, f"{secret}.bin", data={"note": f"of {secret}"})
    file.text = f"{secret}.bin"
    thought = Part("h", PartKind.THINKING, True)
    thought.text = f"hm {secret}"
    turn.parts += [tool, file, thought]
    return Conversation("7", f"Title {secret}", agent_id="a", agent_name=f"Guide {secret}", external_user_id=secret), [turn]


@pytest.mark.parametrize("form", ["md", "html", "json", "jsonl"])
@pytest.mark.parametrize("secret", [KEY, *SHAPED, PEM])
def test_no_secret_is_left_in_any_field(form: str, secret: str) -> None:
    conversation, turns = everything(secret)
    wires = [Wire("x", {"a": {"b": [secret, f"in {secret}"]}, f"{secret}": 1})]
    cleaner = Cleaner(Redactor([KEY]))
    text = document(form, conversation, turns, wires if form == "jsonl" else [], PROFILE, cleaner)
    for piece in (secret, secret.replace("\n", "\\n"), "MIIEow"):
        assert piece not in text
    assert cleaner.count >= 3 and "***" in text
    assert turns[0].text == f"my {secret} please" and secret in conversation.title
    kept = document(form, conversation, turns, wires if form == "jsonl" else [], PROFILE, Cleaner(Redactor([KEY]), on=False))
    assert secret.split("\n")[0] in kept


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("OPENAI_API_KEY=abcdefgh1234", "OPENAI_API_KEY=***"),
        ('"api_token": "abcdefgh1234"', '"api_token": "***"'),
        ("PASSWORD: hunter2hunter2", "PASSWORD: ***"),
        ("Authorization: Bearer abcdefghijklmnop123", "Authorization: Bearer ***"),
        ("the key of the kiln is brass", "the key of the kiln is brass"),
        ("token budget 12345678 tokens", "token budget 12345678 tokens"),
        ("KEY=short", "KEY=short"),
        ("sk-short", "sk-short"),
    ],
)
def test_shapes(text: str, clean: str) -> None:
    assert redacted(text) == clean


def test_known_keys_in_other_spellings_and_named_fields() -> None:
    cleaner = Cleaner(Redactor(["p@ss/word+1234567"]))
    assert "word" not in cleaner.text("https://x.test/?q=p%40ss%2Fword%2B1234567")
    assert cleaner.value({"api_key": "whatever-it-is", "n": 3, "input_tokens": 12}) == {
        "api_key": "***",
        "n": 3,
        "input_tokens": 12,
    }
    assert repr(cleaner) == "Cleaner(***)"


def test_json_is_the_wires_own_with_invisible_characters_escaped() -> None:
    odd = "a\u202eb\u0007c\u200bd é 中"
    turns = [said("u1", odd, odd)]
    text = document("json", Conversation("7", odd), turns, [], PROFILE, Cleaner())
    assert json.loads(text)["turns"][0]["answer"] == odd and json.loads(text)["title"] == odd
    assert "\\u202e" in text and "\\u0007" in text and "\\u200b" in text and "中" in text and "\u202e" not in text
    lines = event_lines([Wire("t", {"type": "t", "text": odd}), Wire("bare", "plain")]).splitlines()
    assert json.loads(lines[0])["text"] == odd and json.loads(lines[1]) == {"type": "bare", "data": "plain"}
    only_turns = document("jsonl", Conversation("7"), turns, [], PROFILE, Cleaner()).splitlines()
    assert [json.loads(line)["type"] for line in only_turns] == ["turn"]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](https://evil.test/p.png) [a](javascript:alert(1)) "
    "[b](data:text/html,x) https://fine.test/ok\n\n<iframe src=//evil.test></iframe>\n\n"
    "| a | b |\n|---|---|\n| 1 | <b>2</b> |\n\n"
    "```html\n</pre><script>1</script>\n```\n\u202e\x1b[31m"
)


def test_the_page_fetches_and_runs_nothing() -> None:
    turn = said("u1", HOSTILE, HOSTILE)
    tool = Part("t", PartKind.TOOL, True, HOSTILE, {"x": HOSTILE}, HOSTILE)
    tool.summary = HOSTILE
    turn.parts.append(tool)
    turn.stop, turn.failure = Stop.FAILED, Failure("x", HOSTILE)
    text = page(Conversation("7", HOSTILE, agent_name=HOSTILE), [turn], HOSTILE)
    parser = Tags()
    parser.feed(text)
    names = {tag for tag, _ in parser.found}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "b", "video", "base", "svg"}
    attributes = {name for _, attrs in parser.found for name in attrs}
    assert not [
        name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action", "style", "background")
    ]
    links = [attrs["href"] or "" for tag, attrs in parser.found if tag == "a"]
    assert links and all(re.match(r"https?://", link) for link in links)
    assert {"table", "details", "section"} <= names
    policy = next(attrs["content"] or "" for tag, attrs in parser.found if tag == "meta" and "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "prefers-color-scheme: dark" in text and "\u202e" not in text and "\x1b" not in text
    assert "http" not in re.sub(r"https?://(fine|evil)\.test", "", text.replace("http-equiv", ""))


def test_names_of_files() -> None:
    assert suggested(Conversation("7", "../../etc/passwd: Über 中文"), "md") == "etc-passwd-über-中文.md"
    assert suggested(Conversation("7", "///"), "html") == "conversation.html"
