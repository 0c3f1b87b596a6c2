"""``parlour completion``: made from the parser itself, so that it never goes stale."""

from __future__ import annotations

import argparse

from app.cli import out
from app.cli.parser import build


def run(args: argparse.Namespace) -> int:
    """Print the script for one shell."""
    words = _words()
    top = " ".join(sorted(words))
    if args.shell == "fish":
        lines = [f"complete -c parlour -f -n __fish_use_subcommand -a {name}" for name in sorted(words)]
        lines += [
            f"complete -c parlour -n '__fish_seen_subcommand_from {name}' -l {option[2:]}"
            for name in sorted(words)
            for option in words[name]
        ]
        out.write("\n".join(lines) + "\n")
        return 0
    cases = "\n".join(f"    {name}) words='{' '.join(options)}' ;;" for name, options in sorted(words.items()))
    intro = "autoload -U +X bashcompinit && bashcompinit\n" if args.shell == "zsh" else ""
    out.write(
        f"{intro}_parlour() {{\n  local words='{top} --profile --version --help'\n"
        f'  case "${{COMP_WORDS[1]}}" in\n{cases}\n  esac\n'
        '  mapfile -t COMPREPLY < <(compgen -o default -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")\n}\n'
        "complete -F _parlour parlour\n"
    )
    return 0


def _words() -> dict[str, list[str]]:
    """Every command with its options."""
    words: dict[str, list[str]] = {}
    for action in build()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, parser in action.choices.items():
                words[name] = sorted(
                    option for item in parser._actions for option in item.option_strings if option.startswith("--")
                )
    return words
