"""``parlour completion``: made from the parser itself, so that it never goes stale."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.cli import out
from app.cli.parser import build


@dataclass
class Place:
    """A command or verb: what may follow it."""

    path: str
    """Its words: "profile add"; "" is the program itself."""
    commands: dict[str, str] = field(default_factory=dict)
    """Commands or verbs → what they do."""
    options: dict[str, str] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    """What an argument may be."""
    values: dict[str, list[str]] = field(default_factory=dict)
    """Option → what its value may be."""

    @property
    def words(self) -> str:
        """All that may follow."""
        return " ".join([*self.commands, *self.choices, *self.options])


def run(args: argparse.Namespace) -> int:
    """Print the script for one shell."""
    places = list(_places(build(), ""))
    out.write(_fish(places) if args.shell == "fish" else _bash(places, zsh=args.shell == "zsh"))
    return 0


def _places(parser: argparse.ArgumentParser, path: str) -> Iterator[Place]:
    place = Place(path)
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):
            told = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                place.commands[name] = told.get(name, "")
                below.append((f"{path} {name}".strip(), inner))
            continue
        long = [option for option in action.option_strings if option.startswith("--")]
        allowed = [str(choice) for choice in action.choices or ()]
        if not action.option_strings:
            place.choices += allowed
        for option in long:
            place.options[option] = action.help or ""
            if allowed:
                place.values[option] = allowed
    yield place
    for name, inner in below:
        yield from _places(inner, name)


def _bash(places: list[Place], *, zsh: bool) -> str:
    steps = "\n".join(f"      ' {place.path}') path=' {place.path}'; words='{place.words}' ;;" for place in places if place.path)
    values = "\n".join(
        f"    '{' ' + place.path if place.path else ''} {option}') words='{' '.join(allowed)}' ;;"
        for place in places
        for option, allowed in place.values.items()
    )
    top = next(place.words for place in places if not place.path)
    intro = "autoload -U +X bashcompinit && bashcompinit\n" if zsh else ""
    return f"""{intro}_parlour() {{
  local words='{top}' path='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$path ${{COMP_WORDS[at]}}" in
{steps}
    esac
  done
  case "$path ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{values}
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _parlour parlour
"""


def _fish(places: list[Place]) -> str:
    lines = []
    for place in places:
        when = "__fish_use_subcommand"
        if place.path:
            when = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in place.path.split())
        lines += [f"complete -c parlour -f -n '{when}' -a {name} -d {_quoted(told)}" for name, told in place.commands.items()]
        lines += [f"complete -c parlour -f -n '{when}' -a {choice}" for choice in place.choices]
        for option, told in place.options.items():
            allowed = f" -x -a '{' '.join(place.values[option])}'" if option in place.values else ""
            lines.append(f"complete -c parlour -n '{when}' -l {option[2:]}{allowed} -d {_quoted(told)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
