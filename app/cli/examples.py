"""Examples for ``--help``: (line, what it does). ``docs/cli.md`` has each of them, and a test runs it there."""

from __future__ import annotations

Examples = tuple[tuple[str, str], ...]

EXAMPLES: dict[str, Examples] = {
    "demo": (
        ("parlour demo", "both vendors' sandbox on this machine, no key, no cost"),
        ("parlour demo --plain", "line by line, for screen readers and the terminal's own scrollback"),
    ),
    "ask": (
        ('parlour ask --agent Guide "What can you do?"', "one turn, printed as it comes"),
        ("git diff | parlour ask --agent Parrot -", "a prompt from a pipe"),
        ('parlour ask --conversation CONVERSATION "And in short?"', "go on in a conversation"),
        ('parlour ask --agent Parrot "Look at this" --attach notes.txt', "a file goes along"),
        ('parlour ask --agent Parrot "Hello" --user ada --title "Glazes"', "a new conversation for one user of yours"),
        ('parlour ask --agent Builder "list" --with version=1 --with metadata=ticket=REL-34', "what else a session begins with"),
        ('parlour ask --agent Builder "tidy up" --approve deny --json', "answer every approval with no"),
        ('parlour ask --agent Metronome "stream 400" --events | jq -r .type', "every event, one a line"),
        ('parlour ask --agent Parrot "Hello" --timeout 60', "interrupt the turn after a minute"),
    ),
    "agents": (
        ("parlour agents", "who there is, of all accounts"),
        ("parlour agents --json | jq -r '.[].name'", "their names"),
    ),
    "conversations": (
        ("parlour conversations --limit 10", "the newest ten"),
        ("parlour conversations --agent Guide --json", "one agent's, for a program"),
        ("parlour conversations --user ada --oldest", "one user's, the oldest first"),
        ("parlour conversations --json | jq -r '.[] | select(.status == \"waiting\") | .id'", "those that wait for you"),
    ),
    "show": (
        ("parlour show CONVERSATION", "as Markdown"),
        ("parlour show CONVERSATION --json | jq -r '.turns[-1].answer'", "the last answer, exactly"),
    ),
    "events": (
        ("parlour events CONVERSATION", "oldest first, one JSON object a line"),
        ("parlour events CONVERSATION --follow --type session.", "live, until Ctrl+C"),
        ("parlour events CONVERSATION --after EVENT", "what came after an event"),
    ),
    "interrupt": (("parlour interrupt CONVERSATION", "stop the running turn"),),
    "approve": (
        ("parlour approve CONVERSATION EVENT allow", "let the tool run"),
        ('parlour approve CONVERSATION EVENT deny --reason "not on a Friday" --wait --json', "say no, and wait for the end"),
    ),
    "answer": (
        ('parlour answer CONVERSATION EVENT --data \'{"status": "shipped"}\' --wait', "a tool's result"),
        ("parlour answer CONVERSATION EVENT --data @result.json --json", "a result from a file"),
        ("parlour answer CONVERSATION EVENT --data '\"the warehouse is closed\"' --error", "the tool failed"),
    ),
    "rate": (
        ("parlour rate CONVERSATION last up", "a good answer"),
        ('parlour rate CONVERSATION MESSAGE down --comment "out of date"', "a bad one, and why"),
    ),
    "review": (("parlour review", "answers that nobody rated, or not well"),),
    "regenerate": (("parlour regenerate CONVERSATION", "have the last prompt answered again"),),
    "rename": (('parlour rename CONVERSATION "Glazes"', "another title"),),
    "archive": (("parlour archive CONVERSATION", "put it away, readable"),),
    "delete": (("parlour delete CONVERSATION --yes", "for good, at the server and here"),),
    "search": (
        ("parlour search hello", "what was seen here so far"),
        ("parlour search hello agent:Guide after:7d", "with filters"),
        ("parlour search is:error", "what failed"),
        ("parlour search hello --json --limit 5 | jq -r '.[].snippet'", "for a program"),
    ),
    "sync": (
        ("parlour sync", "shows how much is not here yet, and asks"),
        ("parlour sync --yes --json", "without asking; Ctrl+C stops it, the same command goes on"),
    ),
    "export": (
        ("parlour export CONVERSATION --format html --output talk.html", "a page of its own"),
        ("parlour export CONVERSATION --format jsonl", "its events, one a line"),
        ("parlour export CONVERSATION --output talk.md --force", "overwrite a file"),
        ("parlour export CONVERSATION --format json --no-redact", "exactly what was said, keys and all"),
    ),
    "profile": (
        ("parlour profile add work --vendor codeer --user ada@example.com", "the key is asked for, hidden"),
        ("parlour profile add cloud --vendor qoder --region intl --key-stdin < key.txt", "the key from a pipe"),
        ("parlour profile list", "the accounts"),
        ("parlour profile check work", "does its key work?"),
        ("parlour profile remove work", "forget it, its key and what was stored of it"),
    ),
    "sandbox": (
        ("parlour sandbox", "both vendors' APIs, until Ctrl+C"),
        ("parlour sandbox --json --data ./state", "one line when ready; the state stays"),
        ("parlour sandbox --new-account --dialect cn --port 8700", "an empty account of the other region"),
        ("parlour sandbox --record traffic.jsonl", "what passes, keys masked, for --replay"),
        (
            "parlour sandbox --upstream http://127.0.0.1:11434/v1 --model llama3.2",
            "a model of your own answers for created agents",
        ),
    ),
    "doctor": (("parlour doctor", "what this terminal, keyring, network and database can do"),),
    "completion": (
        ("parlour completion bash > parlour.bash", "then: source parlour.bash"),
        ("parlour completion fish > parlour.fish", "into ~/.config/fish/completions"),
    ),
    "batch": (
        ("parlour batch create prompts.csv --agent Parrot --wait", "many prompts at once; what was cut off goes on"),
        ("parlour batch create prompts.csv --agent Parrot --map name=custom_id --dry-run", "look at how it would begin"),
        ("parlour batch list", "what runs and what is done"),
        ("parlour batch show JOB", "how far it is, what failed"),
        ("parlour batch results JOB --output answers.csv", "in the order of the file"),
        ("parlour batch results JOB --json | jq -r '.[] | select(.status != \"ok\") | .custom_id'", "what has no answer"),
        ("parlour batch resume JOB --wait", "go on after a break"),
        ("parlour batch cancel JOB", "begin no other row"),
    ),
    "qoder": (
        ("parlour qoder models list", "what agents can think with"),
        ("parlour qoder agents list --json | jq -r '.[].name'", "for a program"),
        (
            "parlour qoder agents create --name Reviewer --built-in all --permission always_ask --system @notes.txt",
            "a new agent that asks before it acts",
        ),
        (
            'parlour qoder agents update Scribe --description "Writes and writes"',
            "the difference is shown; a stale version is a conflict with both sides",
        ),
        ("parlour qoder agents versions Scribe", "what it was"),
        (
            "parlour qoder environments create --name lab --networking limited --allowed-hosts example.com",
            "its networking is always said in full",
        ),
        ("parlour qoder environments used-by default", "before it is archived"),
        (
            "parlour qoder sessions create --agent Parrot --environment default --variables STAGE=test --message hello --json",
            "agent and environment by name or id",
        ),
        ("parlour qoder sessions list --agent Parrot --status idle", "filters as the wire has them"),
        ("parlour qoder files upload notes.txt --metadata team=docs", "prints its id"),
        ("parlour qoder skills create skill", "a folder or a zip; its SKILL.md is checked first"),
        (
            "S=$(parlour qoder memory create --name rules); parlour qoder memories create $S --path a/b.md --content @notes.txt",
            "a memory in a new store",
        ),
        (
            'echo s3cret | parlour qoder credentials create "$(parlour qoder vaults create --name ci)"'
            " --kind environment_variable --variable TOKEN --secret-stdin",
            "a secret, never in a command; without --secret-stdin it is typed hidden",
        ),
        (
            'parlour qoder agents delete "$(parlour qoder agents create --name Passing)" --yes',
            "destructive verbs ask for the name unless --yes",
        ),
        ("parlour qoder vaults create --name ci --curl", "the request for curl, the key left out; nothing is sent"),
    ),
}


def epilog(command: str) -> str:
    """The examples of a command as they stand below its help; "" if it has none."""
    lines = [f"  {line}\n      {what}" for line, what in EXAMPLES.get(command, ())]
    return "examples:\n" + "\n".join(lines) if lines else ""
