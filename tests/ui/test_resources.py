"""The browser of resources on the real program and a real sandbox: a new account, a conflict, secrets, a name before the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, SelectionList, Static, TextArea

from app.sandbox.server import Ready
from app.ui.resources.browser import ResourcesScreen
from app.ui.resources.dialogs import LookDialog, NameDialog, TextEdit
from app.ui.screens.conversation import ConversationScreen
from app.ui.widgets.rows import Rows
from tests.servers import ledger, qoder_client, running_sandbox
from tests.ui.test_places import application, until, use


def kind(pilot: Pilot[Any]) -> str:
    return type(pilot.app.screen).__name__


def shown(pilot: Pilot[Any]) -> str:
    """All that the topmost screen says."""
    return "\n".join(str(static.render()) for static in pilot.app.screen.query(Static))


async def browser(pilot: Pilot[Any], jump: str = "") -> ResourcesScreen:
    """The browser, at a kind of thing, in its list."""
    await pilot.press("f7")
    await until(pilot, lambda: isinstance(pilot.app.screen, ResourcesScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ResourcesScreen)
    await until(pilot, lambda: bool(screen.query("#filter")))
    await settled(pilot, screen)
    if jump:
        screen.query_one("#filter", Input).value = f":{jump}"
        await pilot.press("enter")
        await until(pilot, lambda: screen.level.resource.name.startswith(jump))
    await settled(pilot, screen)
    await into_list(pilot, screen)
    return screen


async def settled(pilot: Pilot[Any], screen: ResourcesScreen) -> None:
    await pilot.pause()
    await until(pilot, lambda: screen.level.read and pilot.app.screen is screen)


async def into_list(pilot: Pilot[Any], screen: ResourcesScreen) -> None:
    await pilot.press("down")
    await until(pilot, lambda: screen.rows.has_focus)


def labels(screen: ResourcesScreen) -> list[str]:
    return [row.cells[0].text for row in screen.query_one("#list", Rows).rows]


async def dialog(pilot: Pilot[Any], name: str) -> Any:
    await until(pilot, lambda: kind(pilot) == name)
    await pilot.pause()
    return pilot.app.screen


async def test_a_new_account_from_nothing_to_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox(new_account=True) as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        async with application((80, 24)) as pilot:
            screen = await browser(pilot)
            assert "n makes one" in screen.rows._empty
            await pilot.press("n")
            form = await dialog(pilot, "ResourceForm")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "needed" in shown(pilot))
            form.query_one("#field-0", Input).value = "Worker"
            form.query_one(SelectionList).select("all")
            await pilot.press("ctrl+s")
            look = await dialog(pilot, "LookDialog")
            assert '"name": "Worker"' in shown(pilot)
            look.action_turn()
            assert "parlour qoder agents create --data" in shown(pilot) and ready.qoder_key not in shown(pilot)
            await pilot.press("y")
            await until(pilot, lambda: labels(screen) == ["Worker"] and pilot.app.screen is screen)
            await until(pilot, lambda: screen.rows.has_focus)
            await pilot.press("t")
            await dialog(pilot, "ConfirmDialog")
            await pilot.press("y")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        assert [one["name"] for one in (await client.get("/environments")).json()["data"]] == ["default"]
        assert [entry["kind"] for entry in ledger(ready, vendor="qoder")] == ["create", "create"]


async def test_a_memory_that_changed_meanwhile_shows_both_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox() as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        store = (await client.post("/memory_stores", json={"name": "notes"})).json()["id"]
        where = f"/memory_stores/{store}/memories"
        one = (await client.post(where, json={"path": "team/rules.md", "content": "one\n"})).json()["id"]
        async with application() as pilot:
            screen = await browser(pilot, "mem")
            await pilot.press("enter")
            await until(pilot, lambda: labels(screen) == ["▾ team/", "│ rules.md"])
            await into_list(pilot, screen)
            screen.rows.put_cursor(one)
            await pilot.press("e")
            edit: TextEdit = await dialog(pilot, "TextEdit")
            assert edit.query_one(TextArea).text == "one\n"
            edit.query_one(TextArea).text = "mine\n"
            await client.post(f"{where}/{one}", json={"content": "theirs\n"})
            await pilot.press("ctrl+s")
            await dialog(pilot, "LookDialog")
            assert "-one" in shown(pilot) and "+mine" in shown(pilot)
            await pilot.press("y")
            await until(pilot, lambda: "Changed meanwhile" in shown(pilot))
            assert "+theirs" in shown(pilot) and "+mine" in shown(pilot)
            assert (await client.get(f"{where}/{one}")).json()["content"] == "theirs\n"
            await pilot.press("y")
            await until(pilot, lambda: pilot.app.screen is screen)
            await until(pilot, lambda: screen.level.things[0]["content_size_bytes"] == 5)
            assert (await client.get(f"{where}/{one}")).json()["content"] == "mine\n"
            await pilot.press("v")
            await until(pilot, lambda: screen.level.resource.name == "memory-versions" and len(labels(screen)) == 3)
            await pilot.press("c")
            await dialog(pilot, "TextDialog")
            assert "-theirs" in shown(pilot) and "+mine" in shown(pilot)


async def test_the_end_asks_for_the_name_and_tells_what_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox() as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        agent = (await client.post("/agents", json={"name": "Passing", "model": "auto"})).json()["id"]
        await client.post("/sessions", json={"agent": agent, "environment_id": "env_default", "title": "Talk"})
        async with application() as pilot:
            screen = await browser(pilot, "agents")
            screen.query_one("#filter", Input).value = "passing"
            await until(pilot, lambda: labels(screen) == ["Passing"])
            await until(pilot, lambda: screen.rows.has_focus)
            await pilot.press("d")
            await dialog(pilot, "ChooseDialog")
            await pilot.press("down", "enter")
            ask: NameDialog = await dialog(pilot, "NameDialog")
            assert "Used by 1 sessions (Talk)." in shown(pilot)
            ask.query_one(Input).value = "Pass"
            await pilot.press("enter")
            await until(pilot, lambda: "not its name" in shown(pilot))
            assert not any(entry["kind"] == "delete" for entry in ledger(ready))
            ask.query_one(Input).value = "Passing"
            await pilot.press("enter")
            await until(pilot, lambda: any(entry["kind"] == "delete" for entry in ledger(ready)))
            await until(pilot, lambda: labels(screen) == [])


async def test_a_secret_is_typed_hidden_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox() as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        vault = (await client.post("/vaults", json={"display_name": "ci"})).json()["id"]
        async with application() as pilot:
            screen = await browser(pilot, "vaults")
            await pilot.press("enter")
            await until(pilot, lambda: screen.level.resource.name == "credentials")
            await settled(pilot, screen)
            await into_list(pilot, screen)
            await pilot.press("n")
            await dialog(pilot, "ChooseDialog")
            await pilot.press("down", "down", "enter")
            form = await dialog(pilot, "ResourceForm")
            name, secret = form.query(Input)[:2]
            assert secret.password
            name.value, secret.value = "TOKEN", "s3cret-word"
            assert "s3cret-word" not in pilot.app.export_screenshot()
            await pilot.press("ctrl+s")
            look: LookDialog = await dialog(pilot, "LookDialog")
            assert "s3cret-word" not in shown(pilot)
            look.action_turn()
            assert "s3cret-word" not in shown(pilot) and "***" in shown(pilot)
            await pilot.press("y")
            await until(pilot, lambda: labels(screen) == ["TOKEN"])
        [kept] = (await client.get(f"/vaults/{vault}/credentials")).json()["data"]
        assert kept["auth"]["secret_name"] == "TOKEN"


async def test_a_read_only_profile_says_so_and_offers_no_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dataclasses import replace

    from app.cli.compose import Program
    from app.cli.desk import ProgramDesk
    from app.ui.app import ParlourApp

    async with running_sandbox() as ready:
        use(monkeypatch, ready, "qoder")
        program = Program()
        [profile] = program.settings.profiles
        program.settings = replace(program.settings, profiles=(replace(profile, options={"read_only": True}),))
        desk = ProgramDesk(program)
        async with ParlourApp(desk).run_test(size=(80, 24), notifications=True) as pilot:
            screen = await browser(pilot, "agents")
            await until(pilot, lambda: "Builder" in labels(screen))
            assert "read-only" in str(screen.title_bar.render())
            offered = [key for key, _ in screen.key_bar._pairs]
            assert "u" in offered and not {"n", "e", "d"} & set(offered)
            await pilot.press("n", "e", "d")
            await pilot.pause(0.1)
            assert pilot.app.screen is screen
            await pilot.press("u")
            await dialog(pilot, "TextDialog")
            assert "curl -X GET" in shown(pilot) and ready.qoder_key not in shown(pilot)
        await desk.aclose()
        assert not ledger(ready)


async def test_hostile_names_are_text(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with qoder_client(sandbox) as client:
        await client.post("/agents", json={"name": "[@click=app.quit]x[/] \x1b]0;t\x07 \u202e", "model": "auto"})
        async with application() as pilot:
            screen = await browser(pilot, "agents")
            await until(pilot, lambda: any("@click" in label for label in labels(screen)))
            await pilot.press("i")
            await dialog(pilot, "TextDialog")
            svg = pilot.app.export_screenshot()
            assert "@click=app.quit" in svg and "\x1b" not in svg and "\u202e" not in svg


async def test_an_agent_is_edited_in_a_form_and_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox(new_account=True) as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        agent = (await client.post("/agents", json={"name": "One", "model": "auto", "metadata": {"a": "b"}})).json()["id"]
        async with application() as pilot:
            screen = await browser(pilot, "agents")
            await pilot.press("e")
            form = await dialog(pilot, "ResourceForm")
            assert form.query_one("#field-0", Input).value == "One"
            form.query_one("#field-0", Input).value = "Mine"
            await client.post(f"/agents/{agent}", json={"version": 1, "description": "theirs"})
            await pilot.press("ctrl+s")
            await dialog(pilot, "LookDialog")
            assert '+  "name": "Mine"' in shown(pilot)
            await pilot.press("y")
            await until(pilot, lambda: "Changed meanwhile" in shown(pilot))
            assert '+  "description": "theirs"' in shown(pilot)
            await pilot.press("y")
            await until(pilot, lambda: labels(screen) == ["Mine"] and pilot.app.screen is screen)
            await pilot.press("E")
            edit = (await dialog(pilot, "TextEdit")).query_one(TextArea)
            assert '"description": "theirs"' in edit.text and '"version"' not in edit.text
            edit.text = edit.text.removesuffix("}")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: edit not in (found := list(pilot.app.screen.query(TextArea))) and bool(found))
            again = pilot.app.screen.query_one(TextArea)
            again.text = again.text.replace("Mine", "Yours").replace('"a": "b"', "") + "}"
            await pilot.press("ctrl+s")
            await dialog(pilot, "LookDialog")
            await pilot.press("y")
            await until(pilot, lambda: labels(screen) == ["Yours"] and pilot.app.screen is screen)
        there = (await client.get(f"/agents/{agent}")).json()
        assert (there["name"], there["description"], there["metadata"], there["version"]) == ("Yours", "theirs", {}, 4)
