"""The words of the command line. Nothing is imported here that a ``--help`` does not need."""

from __future__ import annotations

import argparse
from typing import Any

from app import __version__
from app.cli.examples import epilog

EPILOG = """\
examples:
  parlour                                          open the application
  parlour demo                                     open it on the demo, without a key
  parlour ask --profile demo-codeer --agent Guide "What can you do?"
  git diff | parlour ask --agent Reviewer -        a prompt from a pipe
  parlour events CONVERSATION --follow | jq .type  watch a session

exit codes: 0 done, 1 failed, 2 usage, 3 key or permission refused, 4 not found, 5 unavailable,
6 outcome unknown, 7 waiting for you, 130 interrupted
"""


def build(*, whole: bool = True) -> argparse.ArgumentParser:
    """The parser; ``args.command`` names the module that runs. Without ``whole`` the resources' many verbs are left out."""
    parser = argparse.ArgumentParser(
        prog="parlour",
        description="Talk with hosted agents of Codeer and Qoder in the terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"parlour {__version__}")
    parser.add_argument("--profile", help="which account to use (see: parlour profile list)")
    parser.add_argument("--agent", metavar="ID_OR_NAME", help="open the application with this agent at once")
    parser.add_argument("--plain", action="store_true", help="linear mode: no alternate screen, no repainting")
    parser.set_defaults(command="open", json=False, quiet=False, verbose=False)
    _loudness(parser)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    _talking(commands)
    _reading(commands)
    _doing(commands)
    _batching(commands)
    _serving(commands)
    _resources(commands, whole=whole)
    for name, command in commands.choices.items():
        command.epilog, command.formatter_class = epilog(name), argparse.RawDescriptionHelpFormatter
    return parser


def _command(
    commands: Any, name: str, help_text: str, *, run: str = "", profile: bool = True, json: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".", allow_abbrev=False
    )
    parser.set_defaults(command=run or name, verb=name)
    if profile:
        parser.add_argument("--profile", default=argparse.SUPPRESS, help="which account to use")
    if json:
        parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    _loudness(parser)
    return parser


def _loudness(parser: argparse.ArgumentParser) -> None:
    loud = parser.add_mutually_exclusive_group()
    quiet, told = "only errors and questions on stderr", "tell every request on stderr; never a body or a key"
    loud.add_argument("--quiet", "-q", action="store_true", default=argparse.SUPPRESS, help=quiet)
    loud.add_argument("--verbose", "-v", action="store_true", default=argparse.SUPPRESS, help=told)


def _talking(commands: Any) -> None:
    demo = _command(commands, "demo", "open the application on the demo", profile=False, json=False)
    demo.add_argument("--agent", metavar="ID_OR_NAME", help="with this agent at once")
    demo.add_argument("--plain", action="store_true", help="linear mode")
    ask = _command(commands, "ask", "one turn with an agent, streamed to stdout")
    ask.add_argument("prompt", nargs="?", help="the prompt; '-' or nothing reads stdin")
    ask.add_argument("--agent", metavar="ID_OR_NAME", help="who to ask (with a new conversation)")
    ask.add_argument("--conversation", metavar="ID", help="go on in this conversation (default: a new one)")
    ask.add_argument("--environment", metavar="ID", help="where the agent's tools run")
    ask.add_argument("--user", default="", metavar="ID", help="whom a new conversation is for: external_user_id")
    ask.add_argument("--title", default="", help="the title of a new conversation (default: made from the prompt)")
    with_help = "what else a new conversation begins with (repeatable): version, files, vaults, variables, metadata, budget"
    ask.add_argument("--with", dest="beginning", metavar="NAME=VALUE", action="append", default=[], help=with_help)
    ask.add_argument("--attach", metavar="FILE", action="append", default=[], help="send a file along (repeatable)")
    _approving(ask)
    ask.add_argument("--events", action="store_true", help="print every event as a line of JSON, the final object last")
    approve = _command(commands, "approve", "answer an approval")
    approve.add_argument("conversation")
    approve.add_argument("event")
    approve.add_argument("decision", choices=["allow", "deny"])
    approve.add_argument("--reason", default="", help="tell the agent why (with deny)")
    approve.add_argument("--wait", action="store_true", help="go on with the turn as 'ask' does")
    _approving(approve)
    answer = _command(commands, "answer", "answer a form or a custom tool's call")
    answer.add_argument("conversation")
    answer.add_argument("event")
    answer.add_argument("--data", required=True, metavar="JSON|@FILE", help="the values or the result")
    answer.add_argument("--error", action="store_true", help="the result is an error")
    answer.add_argument("--wait", action="store_true", help="go on with the turn as 'ask' does")
    _approving(answer)


def _approving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--approve", choices=["ask", "allow", "deny"], help="what to say when the agent asks (default: ask on a terminal)"
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="interrupt the turn after this long")


def _reading(commands: Any) -> None:
    _command(commands, "agents", "list agents", run="lists")
    conversations = _command(commands, "conversations", "list conversations, newest first", run="lists")
    conversations.add_argument("--agent", default="", help="only this agent's")
    conversations.add_argument("--user", default="", metavar="ID", help="only this user's: external_user_id (Codeer)")
    conversations.add_argument("--oldest", action="store_true", help="the oldest first")
    conversations.add_argument("--limit", type=int, default=50, help="at most this many (default 50)")
    show = _command(commands, "show", "print a conversation as Markdown")
    show.add_argument("conversation")
    events = _command(commands, "events", "print a conversation's events, one JSON object a line", json=False)
    events.add_argument("conversation")
    events.add_argument("--follow", action="store_true", help="go on live until interrupted")
    events.add_argument("--type", default="", metavar="PREFIX", help="only types that begin so")
    events.add_argument("--after", default="", metavar="ID", help="only what came after this event")
    search = _command(commands, "search", "search everything seen so far")
    words = 'words, a "phrase", agent: profile: tool: tag: is: rated: before: after: has:file in:'
    search.add_argument("query", nargs="+", help=words)
    search.add_argument("--limit", type=int, default=20, help="at most this many (default 20)")
    sync = _command(commands, "sync", "read everything the server has into the search, after asking")
    sync.add_argument("--yes", action="store_true", help="do not ask")
    export = _command(commands, "export", "write a conversation to a file", json=False)
    export.add_argument("conversation")
    export.add_argument("--format", choices=["md", "json", "jsonl", "html"], default="md")
    export.add_argument("--output", metavar="FILE", help="where to (default: stdout)")
    export.add_argument("--force", action="store_true", help="overwrite FILE")
    export.add_argument("--no-redact", action="store_true", help="leave keys and what looks like one in it")
    review = _command(commands, "review", "list answers without a rating or with a negative one", run="rate")
    review.add_argument("--limit", type=int, default=10_000, help="at most this many of an account (default 10000)")


def _doing(commands: Any) -> None:
    interrupt = _command(commands, "interrupt", "stop a running turn", run="manage")
    interrupt.add_argument("conversation")
    rate = _command(commands, "rate", "rate an answer")
    rate.add_argument("conversation")
    rate.add_argument("message", help="the answer's id, or 'last'")
    rate.add_argument("verdict", choices=["up", "down"])
    rate.add_argument("--comment", default="")
    for name, help_text in (("regenerate", "have the last prompt answered again"), ("archive", "put a conversation away")):
        _command(commands, name, help_text, run="manage").add_argument("conversation")
    rename = _command(commands, "rename", "give a conversation another title", run="manage")
    rename.add_argument("conversation")
    rename.add_argument("title")
    delete = _command(commands, "delete", "delete a conversation", run="manage")
    delete.add_argument("conversation")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _batching(commands: Any) -> None:
    batch = commands.add_parser("batch", help="many prompts at once, from a file", allow_abbrev=False)
    batch.set_defaults(command="batch", verb="list", json=False)
    batch.add_argument("--profile", default=argparse.SUPPRESS, help="which account to use")
    verbs = batch.add_subparsers(metavar="VERB")
    create = _batch_verb(verbs, "create", "hand over the prompts of a CSV or JSON lines file; what is under way is gone on with")
    create.add_argument("file", metavar="FILE", help="CSV with a head, or JSON lines: message, and what else is known")
    create.add_argument("--agent", default="", metavar="ID_OR_NAME", help="who answers the rows that name nobody")
    create.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="take a field from that column")
    create.add_argument("--dry-run", action="store_true", help="check the file and print how it would begin; send nothing")
    create.add_argument("--new", action="store_true", help="hand them over although the same prompts are under way")
    create.add_argument("--webhook", default="", metavar="URL", help="whom the server tells about the end (https)")
    events = ["completed", "failed", "cancelled"]
    create.add_argument("--webhook-event", action="append", default=[], choices=events, help="of what (repeatable)")
    resume = _batch_verb(verbs, "resume", "hand over what has not left, and with --wait stay until it is over")
    resume.add_argument(
        "--create-unknown", action="store_true", help="hand over again what may have arrived: you looked, it did not"
    )
    retry = _batch_verb(verbs, "retry", "a new job of those rows that failed or have no answer")
    for verb in (create, resume, retry):
        verb.add_argument("--webhook-secret-stdin", action="store_true", help="what signs its messages, from stdin; never kept")
        verb.add_argument("--wait", action="store_true", help="stay until it is over; tells how far it is")
        verb.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait: leave after this long; it goes on")
    results = _batch_verb(verbs, "results", "the answers in the order of the file")
    results.add_argument("--failed", action="store_true", help="only rows that failed or have no answer")
    results.add_argument("--format", choices=["csv", "jsonl"], help="default: by the name of FILE; a table without one")
    results.add_argument("--output", metavar="FILE", help="where to (default: stdout)")
    results.add_argument("--force", action="store_true", help="overwrite FILE")
    _batch_verb(verbs, "list", "the jobs made here and the batches begun elsewhere, newest first")
    show, cancel = _batch_verb(verbs, "show", "how far it is"), _batch_verb(verbs, "cancel", "begin no other row of it")
    for verb in (resume, retry, results, show, cancel):
        verb.add_argument("id", metavar="ID", help="a job (job-3), or the server's id of a batch")


def _batch_verb(verbs: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    verb = _verb(verbs, name, help_text)
    verb.add_argument("--profile", default=argparse.SUPPRESS, help="which account to use")
    return verb


def _serving(commands: Any) -> None:
    profile = commands.add_parser("profile", help="add, list, check and remove accounts", allow_abbrev=False)
    profile.set_defaults(command="profile", verb="list", json=False)
    verbs = profile.add_subparsers(metavar="VERB")
    add = _verb(verbs, "add", "store an account; its key goes into the system's keyring")
    add.add_argument("name")
    add.add_argument("--vendor", required=True, choices=["codeer", "qoder"])
    where = add.add_mutually_exclusive_group()
    where.add_argument("--region", choices=["cn", "intl"])
    where.add_argument("--base", metavar="URL")
    add.add_argument("--user", default="", metavar="ID", help="external_user_id (Codeer)")
    add.add_argument("--environment", default="", metavar="ID", help="default environment (Qoder)")
    add.add_argument("--key-stdin", action="store_true", help="read the key from stdin instead of a hidden prompt")
    _verb(verbs, "list", "list them")
    for name, help_text in (("check", "tell whether its key works"), ("remove", "forget it and its key")):
        _verb(verbs, name, help_text).add_argument("name")
    sandbox = _command(commands, "sandbox", "serve both vendors' APIs on this machine", profile=False)
    sandbox.add_argument("--port", type=int, default=0, help="default: a free one")
    sandbox.add_argument("--data", metavar="DIR", help="keep the state in this folder")
    sandbox.add_argument("--new-account", action="store_true", help="start without agents and environments")
    sandbox.add_argument("--dialect", choices=["cn", "intl"], default="intl")
    sandbox.add_argument(
        "--upstream", metavar="URL", help="created agents answer with a model of this OpenAI-compatible endpoint"
    )
    sandbox.add_argument("--model", metavar="NAME", help="the model to ask there")
    sandbox.add_argument("--record", metavar="FILE", help="write the traffic to a new file, keys masked")
    sandbox.add_argument("--replay", metavar="FILE", help="answer from such a file, and from nothing else")
    sandbox.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    _command(commands, "doctor", "tell what this terminal, keyring, network and database can do")
    completion = _command(commands, "completion", "print a shell completion script", profile=False, json=False)
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])


def _resources(commands: Any, *, whole: bool) -> None:
    qoder = _command(commands, "qoder", "manage what a Qoder account holds: agents, environments, files…", json=False)
    if whole:
        from app.cli import resource_words

        resource_words.add(qoder, _finished)


def _finished(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default=argparse.SUPPRESS, help="which account to use")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON value and nothing else")
    _loudness(parser)


def _verb(verbs: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=help_text, allow_abbrev=False)
    parser.set_defaults(verb=name)
    parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    _loudness(parser)
    return parser
