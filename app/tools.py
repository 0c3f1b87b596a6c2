"""The commands that the person has put behind custom tools, in ``config.toml``::

    [tools.look_up_order]
    command = ["./look-up", "--json"]   # no shell; the call's arguments come on stdin as JSON
    timeout = 60                        # seconds; the command and all it started are ended then
    ask = true                          # false: it runs by itself as soon as the agent calls the tool

Nothing runs for a tool that has no table. A call's command runs once: that it begins is on disk before it does, and what it gave
is on disk before it is sent. After a crash the kept result is sent again; a run whose result was lost is never repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import ParlourError, SettingsError, UsageError
from app.models import Answer, Json, Request, RequestKind
from app.protocols import Vendor
from app.store import Store
from app.text import json_text, safe_line
from app.transcript import Change, What
from app.turns import Talk, Turns

SECONDS = 60.0
LONGEST = 3_600.0
LARGEST = 1024 * 1024
"""Bytes of a result; what is longer is cut and says so, for the vendor takes no longer one."""
_ERROR = 8_192
"""Bytes of what a failed command said on stderr that are told."""
_OURS = ("CODEER_", "QODER_", "PARLOUR_")
"""Variables that no command gets to see."""


@dataclass(frozen=True, slots=True)
class Command:
    """What runs for a tool."""

    words: tuple[str, ...]
    seconds: float = SECONDS
    asks: bool = True

    @property
    def shown(self) -> str:
        """As one would type it."""
        return shlex.join(self.words)


def command_of(configured: Mapping[str, Mapping[str, Json]], name: str) -> Command | None:
    """The command of a tool; None if none was configured. Raises ``SettingsError``."""
    table = configured.get(name)
    given = table.get("command") if table is not None else None
    if table is None or given is None:
        return None
    try:
        words = shlex.split(given) if isinstance(given, str) else given
    except ValueError as error:
        raise SettingsError(f"config.toml: the command of tool {name!r} cannot be read ({error}).") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise SettingsError(f'config.toml: the command of tool {name!r} has to be words, like ["./look-up", "--json"].')
    seconds, asks = table.get("timeout", SECONDS), table.get("ask", True)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST:
        raise SettingsError(f"config.toml: timeout of tool {name!r} has to be seconds, more than 0 and at most {LONGEST:.0f}.")
    if not isinstance(asks, bool):
        raise SettingsError(f"config.toml: ask of tool {name!r} has to be true or false.")
    return Command(tuple(map(str, words)), float(seconds), asks)


def explained(command: Command, request: Request) -> str:
    """Everything a person has to know before it runs."""
    told = json_text(request.input, indent=2) if request.input is not None else "null"
    return (
        f"{command.shown}\n\nIt gets on stdin:\n{told}\n\nIt has {command.seconds:g} seconds and none of Parlour's own variables."
    )


def read_result(path: Path) -> str:
    """A result from a file. Raises ``UsageError``."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read ({error.strerror}). Nothing was answered.") from error
    if len(data) > LARGEST:
        raise UsageError(f"{path.name} is larger than 1 MiB, too much for a result. Nothing was answered.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8 text (byte {error.start + 1}). Nothing was answered.") from None


class Tools:
    """Runs commands and carries their results. Whoever shows a question may go; a run goes on."""

    def __init__(self, store: Store, turns: Turns, configured: Mapping[str, Mapping[str, Json]]) -> None:
        self._store = store
        self._turns = turns
        self._configured = configured
        self._runs: dict[tuple[int, str], asyncio.Task[Answer]] = {}
        self._sends: set[asyncio.Task[None]] = set()
        self._tried: set[tuple[int, str]] = set()

    def command(self, name: str) -> Command | None:
        """The command of a tool. Raises ``SettingsError``."""
        return command_of(self._configured, name)

    def running(self, talk: Talk, request: Request) -> bool:
        """Whether its command runs now."""
        return (talk.pk, request.event_id) in self._runs

    async def kept(self, pk: int, request: Request) -> Answer | None:
        """The result that an earlier run gave and that may not have arrived. Raises ``UsageError`` if such a run lost it."""
        found = await self._store.results.find(pk, request.event_id)
        if found is None:
            return None
        if not found.done:
            raise UsageError(
                f"The command for {safe_line(request.name, 60)} began once and its result was lost, so it is not run again. "
                "Give the result yourself."
            )
        return Answer(request.event_id, RequestKind.TOOL, data=found.output, failed=found.failed)

    async def result(self, talk: Talk, request: Request) -> Answer:
        """What the command of this call gives; it runs unless it ran before. Raises ``UsageError`` and ``SettingsError``."""
        key = (talk.pk, request.event_id)
        task = self._runs.get(key)
        if task is None:
            task = self._runs[key] = asyncio.create_task(self._result(talk.pk, request), name=f"tool-{request.event_id}")
            task.add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(task)

    async def answer(self, talk: Talk, request: Request) -> None:
        """Run it and answer the call with what it gave, although nobody may be waiting here any more."""
        task = asyncio.create_task(self._answer(talk, request))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)
        await asyncio.shield(task)

    def heard(self, talk: Talk, change: Change) -> None:
        """A listener of the turns: commands that need not be asked for run as soon as they are called."""
        turn = change.turn or talk.turn
        if turn is None or change.what not in (What.TURN, What.CONVERSATION):
            return
        for request in turn.waiting:
            key = (talk.pk, request.event_id)
            if request.kind is not RequestKind.TOOL or key in self._tried:
                continue
            with contextlib.suppress(SettingsError):
                command = self.command(request.name)
                if command is not None and not command.asks:
                    self._tried.add(key)
                    task = asyncio.create_task(self._unasked(talk, request))
                    self._sends.add(task)
                    task.add_done_callback(self._sends.discard)

    async def send_kept(self, vendor: Vendor, account: int) -> int:
        """Send the results that were kept when a program ended before their calls were answered. Returns how many."""
        sent = 0
        for stored, turn in await self._store.waiting([account]):
            for request in turn.waiting:
                if request.kind is not RequestKind.TOOL:
                    continue
                with contextlib.suppress(UsageError):
                    answer = await self.kept(stored.pk, request)
                    if answer is not None:
                        self._turns.answer(await self._turns.open(vendor, stored), [answer])
                        sent += 1
        return sent

    async def aclose(self) -> None:
        """End what runs."""
        tasks = [*self._runs.values(), *self._sends]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _over(self, key: tuple[int, str], task: asyncio.Task[Answer]) -> None:
        self._runs.pop(key, None)
        if not task.cancelled():
            task.exception()

    async def _unasked(self, talk: Talk, request: Request) -> None:
        with contextlib.suppress(ParlourError):
            await self._answer(talk, request)

    async def _answer(self, talk: Talk, request: Request) -> None:
        answer = await self.result(talk, request)
        if any(one.event_id == request.event_id for turn in talk.transcript.turns for one in turn.waiting):
            self._turns.answer(talk, [answer])

    async def _result(self, pk: int, request: Request) -> Answer:
        known = await self.kept(pk, request)
        if known is not None:
            return known
        command = self.command(request.name)
        if command is None:
            raise UsageError(
                f"No command is configured for {safe_line(request.name, 60)}: write [tools.{safe_line(request.name, 60)}] "
                "with command = […] into config.toml, or give the result yourself."
            )
        if not await self._store.results.begin(pk, request.event_id):
            raise UsageError("Another program runs the command for this call.")
        try:
            output, failed = await run(command, request.input)
        except OSError as error:
            await self._store.results.forget(pk, request.event_id)
            raise UsageError(
                f"The command {safe_line(command.words[0], 100)} cannot be started ({error.strerror}). Nothing was answered."
            ) from error
        await self._store.results.keep(pk, request.event_id, output, failed=failed)
        return Answer(request.event_id, RequestKind.TOOL, data=output, failed=failed)


async def run(command: Command, given: Json) -> tuple[str, bool]:
    """Run it once: what it wrote to stdout, or why it failed. Raises ``OSError`` if it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    variables = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    process = await asyncio.create_subprocess_exec(
        *command.words, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, start_new_session=True
    )
    try:
        async with asyncio.timeout(command.seconds):
            _, output, error, code = await asyncio.gather(
                _feed(process.stdin, json_text(given).encode()),
                _drain(process.stdout, LARGEST),
                _drain(process.stderr, _ERROR),
                process.wait(),
            )
    except TimeoutError:
        return f"The command did not end within {command.seconds:g} seconds and was stopped.", True
    finally:
        await _end(process)
    if code:
        said = error.strip() or output.strip()
        return f"The command failed (exit code {code})." + (f"\n{said}" if said else ""), True
    return output, False


async def _feed(stdin: asyncio.StreamWriter | None, data: bytes) -> None:
    """A command need not read what it is given."""
    assert stdin is not None
    with contextlib.suppress(ConnectionError):
        stdin.write(data + b"\n")
        await stdin.drain()
    stdin.close()
    with contextlib.suppress(ConnectionError):
        await stdin.wait_closed()


async def _drain(source: asyncio.StreamReader | None, most: int) -> str:
    assert source is not None
    found, cut = bytearray(), False
    while data := await source.read(65_536):
        cut = cut or len(found) + len(data) > most
        found += data[: most - len(found)]
    text = found.decode("utf-8", "replace")
    return text + "\n[cut here: it was longer]" if cut else text


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it with everything it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
