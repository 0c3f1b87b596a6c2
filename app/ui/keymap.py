"""The keys as the person set them: ``[keymap]`` of the settings over our own, with a sentence for whatever cannot be.

``"talk.find" = "ctrl+f,f8"`` names a binding's id and its keys. What cannot be is left out; the key of the program stays then.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import Screen

from app.text import safe_line

SAME = {"ctrl+m": "Enter", "ctrl+i": "Tab", "ctrl+[": "Esc", "ctrl+left_square_bracket": "Esc", "ctrl+h": "Backspace"}
"""Keys that are another key's bytes in most terminals."""
NAMES = {
    "esc": "escape", "/": "slash", "?": "question_mark", "+": "plus", "-": "minus", "=": "equals_sign", "↑": "up", "↓": "down",
    "pgup": "pageup", "pgdn": "pagedown", "return": "enter",
}  # fmt: skip
"""What people write → what Textual calls it."""
SHOWN = {"escape": "esc", "slash": "/", "question_mark": "?", "plus": "+", "minus": "-", "equals_sign": "=", "pageup": "pgup",
         "pagedown": "pgdn", "up": "↑", "down": "↓"}  # fmt: skip
_PART = re.compile(r"(?:(?:ctrl|alt|shift|super|meta|hyper)\+)*(\S+)")
SWAPPED = {"prompt.send": "ctrl+j", "prompt.newline": "enter,shift+enter"}
"""Enter begins a new line, ctrl+j sends."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding of ours and the class that has it."""

    owner: type[DOMNode]
    binding: Binding
    keys: tuple[str, ...]


def canonical(keys: str) -> tuple[str, ...]:
    """``"ctrl+n, ?"`` as Textual's names."""
    return tuple(_canonical(key.strip()) for key in keys.split(",") if key.strip())


def _canonical(key: str) -> str:
    *modifiers, last = key.split("+") if key not in ("+", "") else [key]
    last = NAMES.get(last, last) or "plus"
    last = _character_to_key(last) if len(last) == 1 and not last.isalnum() else last
    return "+".join([*(modifier.lower() for modifier in modifiers), last.lower() if len(last) > 1 or modifiers else last])


def shown(key: str) -> str:
    """A key as people read it."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, SHOWN.get(last, last)])


def wanted(chosen: Mapping[str, str], *, swapped: bool) -> dict[str, str]:
    """What the person set, unchecked, as a keymap of Textual's: quick, for the first frame."""
    keymap = dict(SWAPPED) if swapped else {}
    return keymap | {name: ",".join(canonical(keys)) for name, keys in chosen.items() if canonical(keys)}


def every() -> dict[str, Bound]:
    """Id → binding, of all screens and widgets; loads them all."""
    import pkgutil

    import app.ui

    for module in pkgutil.walk_packages(app.ui.__path__, "app.ui."):
        importlib.import_module(module.name)
    found: dict[str, Bound] = {}
    for owner in _below(DOMNode):
        if owner.__module__.startswith("app."):
            for binding in owner.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.id:
                    found[binding.id] = Bound(owner, binding, canonical(binding.key))
    return found


def _below(owner: type[DOMNode]) -> Iterator[type[DOMNode]]:
    yield owner
    for child in owner.__subclasses__():
        yield from _below(child)


def checked(chosen: Mapping[str, str], *, swapped: bool = False) -> tuple[dict[str, str], list[str]]:
    """The keymap that can be, and a sentence for each entry that cannot."""
    known = every()
    keymap: dict[str, str] = dict(SWAPPED) if swapped else {}
    notices: list[str] = []
    for name, keys in chosen.items():
        fault = _fault(name, keys, known)
        if not fault:
            fault = _conflict(name, canonical(keys), known, {**wanted(chosen, swapped=swapped), **keymap}, list(chosen))
        if fault:
            notices.append(safe_line(f"config.toml, [keymap]: {fault}", 300))
        else:
            keymap[name] = ",".join(canonical(keys))
    return keymap, notices


def _fault(name: str, keys: str, known: Mapping[str, Bound]) -> str:
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, 1, 0.5)
        return f"there is no {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; f10 lists what there is.")
    if not canonical(keys):
        return f"{name!r} has no key; take the line out to get its own back."
    for key in canonical(keys):
        last = _PART.fullmatch(key)
        if key in SAME:
            return f"{name!r}: {shown(key)} is {SAME[key]} in most terminals; choose another."
        if last is None or not (len(last[1]) == 1 or last[1] in _known_keys()):
            return f"{name!r}: there is no key {key!r}."
        if known[name].binding.priority and len(key) == 1:
            return f"{name!r}: {key!r} alone could not be typed any more; choose a key with ctrl or an f key."
    return ""


def _known_keys() -> set[str]:
    from textual.keys import KEY_NAME_REPLACEMENTS

    plain = {key.value.rpartition("+")[2] for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())
    return plain | {_character_to_key(char) for char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ "}


def _conflict(name: str, keys: tuple[str, ...], known: Mapping[str, Bound], keymap: Mapping[str, str], order: list[str]) -> str:
    mine = known[name]
    for other, bound in known.items():
        if other == name or (other in order and order.index(other) > order.index(name)):
            continue
        theirs = canonical(keymap[other]) if other in keymap else bound.keys
        both = [key for key in keys if key in theirs]
        if both and _meet(mine.owner, bound.owner):
            return (
                f"{shown(both[0])} of {name!r} is already {bound.binding.description!r} ({other}); "
                f"{mine.binding.description!r} keeps {shown(mine.keys[0])}."
            )
    return ""


def _meet(one: type[DOMNode], other: type[DOMNode]) -> bool:
    """Whether two owners can be asked for the same key."""
    if issubclass(one, other) or issubclass(other, one) or issubclass(one, App) or issubclass(other, App):
        return True
    return _holds(one, other) or _holds(other, one)


def _holds(place: type[DOMNode], part: type[DOMNode]) -> bool:
    """Whether a screen is made with this widget, as far as its modules tell."""
    if not issubclass(place, Screen) or issubclass(part, Screen):
        return False
    modules = [sys.modules[base.__module__] for base in place.__mro__ if base.__module__.startswith("app.")]
    return any(value is part for module in modules for value in vars(module).values())


def keys_of(node: DOMNode, binding: Binding, app: App[Any]) -> tuple[str, ...]:
    """All keys of a binding as they are set now, as people read them."""
    if binding.id and (chosen := app._keymap.get(binding.id)):
        return tuple(shown(key) for key in chosen.split(","))
    found = [key for key, others in node._bindings.key_to_bindings.items() for one in others if one.id == binding.id]
    return tuple(shown(key) for key in found) or (shown(binding.key),)


def as_set(nodes: Sequence[DOMNode], key: str, app: App[Any]) -> str:
    """The key that does now what ``key`` does by itself where these nodes are; ``key`` if it was not set."""
    if not app._keymap:
        return key
    for node in nodes:
        for binding in node._bindings.key_to_bindings.get(_canonical(key), ()):
            if binding.id and binding.id in app._keymap:
                return shown(app._keymap[binding.id].split(",")[0])
    return key


def doing(node: DOMNode, key: str, app: App[Any]) -> set[str]:
    """The actions that ``key`` has on a node as the keys are set now."""
    bindings = node._bindings
    if app._keymap:
        bindings = bindings.copy()
        bindings.apply_keymap(app._keymap)
    return {binding.action for binding in bindings.key_to_bindings.get(key, ())}
