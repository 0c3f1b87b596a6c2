"""The palette: every action that is possible here, with its key."""

from __future__ import annotations

from collections.abc import Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.types import IgnoreReturnCallbackType

from app.ui.keymap import keys_of


class Actions(Provider):
    """Finds the bindings that are active where the person is."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, run, tooltip, key in self._actions():
            yield DiscoveryHit(_shown(Content(name), key), run, text=name, help=tooltip)

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for name, run, tooltip, key in self._actions():
            score = matcher.match(f"{name} {tooltip}")
            if score > 0:
                yield Hit(score, _shown(matcher.highlight(name), key), run, text=name, help=tooltip)

    def _actions(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str, str]]:
        seen = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not active.enabled or not binding.tooltip or binding.id in seen:
                continue
            seen.add(binding.id)
            namespace, action = active.node, binding.action

            async def run(node: object = namespace, what: str = action) -> None:
                await self.app.run_action(what, node)  # type: ignore[arg-type]

            yield binding.description, run, binding.tooltip, " ".join(keys_of(namespace, binding, self.app))


def _shown(name: Content, key: str) -> Content:
    return Content.assemble(name, ("  " + key, "$text-muted"))
