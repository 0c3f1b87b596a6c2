"""Files of received messages: where they may come from, what goes with the request, and what is left on the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.errors import NotFound, Protocol, Refused, VendorError
from app.models import Attachment, Conversation, Profile, Prompt, Prompted
from app.protocols import SavesFiles
from app.sandbox.server import Ready
from app.vendors.codeer.client import Codeer
from app.vendors.downloads import check_address, check_link
from tests.vendors.codeer.test_client import CHAT, KEY, client, listing
from tests.vendors.scripted import Scripted, answer

FILE = Attachment("pot.png", id="u-1", url="https://93.184.216.34/pot.png", size=3)


async def test_a_file_of_a_message_comes_back(sandbox: Ready, tmp_path: Path) -> None:
    codeer = Codeer(Profile("p", "codeer", sandbox.codeer_base), sandbox.codeer_key)
    assert isinstance(codeer, SavesFiles)
    sent = tmp_path / "kiln plan.md"
    sent.write_text("# Kiln\n窯")
    parrot = next(one.id for one in await codeer.agents() if one.name == "Parrot")
    conversation: Conversation = await codeer.start(parrot)
    file = await codeer.upload(sent)
    async for _ in codeer.send(conversation, Prompt("k", "look", (file,))):
        pass
    (got,) = [one for event in [each async for each in codeer.history(conversation)] if isinstance(event, Prompted)
              for one in event.attachments]  # fmt: skip
    first = await codeer.save_file(conversation, got, tmp_path)
    second = await codeer.save_file(conversation, replace(got, url=""), tmp_path)
    assert Path(first.path).name == "kiln plan-2.md" and Path(second.path).name == "kiln plan-3.md"
    assert Path(second.path).read_text() == sent.read_text() == "# Kiln\n窯"
    with pytest.raises((NotFound, Refused)):
        await codeer.save_file(conversation, Attachment("x", id="none"), tmp_path)
    await codeer.aclose()


async def test_no_key_goes_along_and_no_redirect_is_followed(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/away":
            return httpx.Response(302, headers={"location": "http://127.0.0.1/x"})
        return httpx.Response(200, content=b"png", headers={"set-cookie": "a=b"})

    codeer = client("https://api.example/api/v1", transport=httpx.MockTransport(serve))
    saved = await codeer.save_file(CHAT, FILE, tmp_path)
    assert Path(saved.path).read_bytes() == b"png"
    with pytest.raises(VendorError):
        await codeer.save_file(CHAT, replace(FILE, url="https://93.184.216.34/away"), tmp_path)
    assert KEY not in str([(str(one.url), dict(one.headers)) for one in seen]) and "x-api-key" not in seen[0].headers
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pot.png"]
    await codeer.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/x", "ftp://files.example/x", "file:///etc/passwd", "https://user:pw@93.184.216.34/x",
        "http://127.0.0.1:1/x", "https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.7/x", "https://192.168.1.1/x",
        "https://169.254.169.254/latest", "https://[::1]/x", "https://[fd00::1]/x", "https://[::ffff:127.0.0.1]/x",
        "https://100.64.0.1/x", "https:///x", "",
    ],
)  # fmt: skip
async def test_links_that_are_not_followed(url: str, tmp_path: Path) -> None:
    async with Scripted([], last=answer(listing())).running() as server:
        codeer = client(server.base)
        with pytest.raises((Protocol, Refused)):
            await codeer.save_file(CHAT, replace(FILE, url=url), tmp_path)
        await codeer.aclose()
        assert all(" /api/v1/chats/" in head for head, _ in server.requests)
    assert not list(tmp_path.iterdir())


async def test_the_profile_s_own_loopback_origin_is_fine() -> None:
    own = "http://127.0.0.1:8700/api/v1"
    assert await check_address(check_link("http://127.0.0.1:8700/files/x", own), own)
    with pytest.raises(Protocol):
        check_link("http://127.0.0.1:8701/files/x", own)
