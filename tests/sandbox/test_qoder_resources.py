"""Files, vaults, skills, memory stores: the resources contract."""

import asyncio
import base64
import hashlib
import io
import zipfile

import httpx
import pytest
import qca

from tests.sandbox.qoder_side import message, running

SKILL = b"---\nname: invoice-audit\ndescription: Check invoices.\n---\n1. Read.\n"


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


async def upload(side, path, files, status=200, **fields):
    reply = await side.http.post(path, files=files, data=fields)
    assert reply.status_code == status, reply.text
    return reply.json()


async def test_a_file_is_uploaded_listed_mounted_and_deleted():
    async with running() as side:
        part = {"file": ("ledger.csv", b"day,total\n", "text/csv")}
        made = await upload(side, "/files", part, metadata='{"team":"billing"}')
        assert (made["filename"], made["mime_type"], made["size_bytes"]) == ("ledger.csv", "text/csv", 10)
        assert (made["downloadable"], made["scope"], made["metadata"]) == (False, None, {"team": "billing"})
        named = await upload(side, "/files", part, name="../Other.csv")
        assert named["filename"] == "Other.csv"
        assert [item["id"] for item in (await side.call("GET", "/files", name="LED"))["data"]] == [made["id"]]
        assert [item["id"] for item in (await side.call("GET", "/files", query={"ids[]": [named["id"]]}))["data"]] == [
            named["id"]
        ]
        assert (await side.call("GET", f"/files/{made['id']}/content", status=403))["error"]["type"] == "permission_error"
        session = await side.session(resources=[{"type": "file", "file_id": made["id"]}])
        [resource] = (await side.call("GET", f"/sessions/{session}/resources"))["data"]
        assert resource["mount_path"] == f"/mnt/session/uploads/{made['id']}"
        again = await side.call("POST", f"/sessions/{session}/resources", {"type": "file", "file_id": made["id"]}, status=409)
        assert again["error"]["type"] == "invalid_request_error"
        await side.call("POST", f"/sessions/{session}/resources", {"type": "memory_store"}, status=400)
        await side.call("DELETE", f"/files/{made['id']}", status=409)
        gone = await side.call("DELETE", f"/sessions/{session}/resources/{resource['id']}")
        assert gone["type"] == "session_resource_deleted"
        block = {"type": "document", "source": {"type": "file", "file_id": "file_none"}}
        await side.send(session, {"type": "user.message", "content": [block]}, status=404)
        assert (await side.call("DELETE", f"/files/{made['id']}"))["type"] == "file_deleted"
        assert (await side.call("GET", f"/files/{made['id']}", status=410))["error"]["type"] == "not_found_error"
        assert [entry["name"] for entry in side.world.ledger.entries if entry["kind"] == "upload"] == ["ledger.csv", "Other.csv"]


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ({"other": ("a.txt", b"x", "text/plain")}, {}),
        ({"file": ("a.png", b"x", "image/png")}, {}),
        ({"file": ("a.txt", b"x", "text/plain")}, {"metadata": "["}),
        ({"file": ("a.txt", b"x", "text/plain")}, {"name": ".."}),
    ],
)
async def test_bad_uploads_are_refused(files, fields):
    async with running() as side:
        await upload(side, "/files", files, 400, **fields)


async def test_an_artifact_is_downloaded_in_two_hops_without_the_key():
    async with running() as side:
        agent = await side.call("POST", "/agents", {"name": "w", "model": "auto", "tools": [{"type": "agent_toolset_20260401"}]})
        session = await side.session(agent["id"])
        await side.send(session, "use DeliverArtifacts")
        await side.idle(session)
        [event] = await side.events(session, types="agent.artifact_delivered")
        [file] = (await side.call("GET", "/files", scope_id=session))["data"]
        assert (file["id"], file["downloadable"]) == (event["file_id"], True)
        url = (await side.call("GET", f"/files/{file['id']}/content"))["url"]
        assert (await side.http.get(url)).status_code == 400
        async with httpx.AsyncClient() as bare:
            reply = await bare.get(url)
            assert reply.status_code == 200
            assert len(reply.content) == event["size"]
            assert "report.md" in reply.headers["content-disposition"]
            next(iter(side.world.section("qoder")["links"].values()))["expires"] = 0
            assert (await bare.get(url)).status_code == 403


async def test_credentials_never_give_their_secrets_back():
    async with running() as side:
        vault = await side.call("POST", "/vaults", {"display_name": "ci"})
        path = f"/vaults/{vault['id']}/credentials"
        refresh = {
            "client_id": "desk", "refresh_token": "S-r", "token_endpoint": "https://id.test/t", "scope": "read",
            "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "S-c"},
        }  # fmt: skip
        auths = [
            {"type": "static_bearer", "mcp_server_url": "https://mcp.test", "token": "S-t"},
            {"type": "mcp_oauth", "mcp_server_url": "https://mcp.test", "access_token": "S-a", "refresh": refresh},
            {"type": "environment_variable", "secret_name": "TOKEN", "secret_value": "S-v"},
        ]
        made = [await side.call("POST", path, {"auth": auth, "display_name": "ignored"}) for auth in auths]
        assert [item["display_name"] for item in made] == [None] * 3
        one = f"{path}/{made[1]['id']}"
        new = {"type": "mcp_oauth", "access_token": "S-b", "refresh": {"scope": None}}
        assert (await side.call("POST", one, {"auth": new}))["auth"]["refresh"]["scope"] is None
        for wrong in (
            {"type": "static_bearer", "token": "S"},
            {"type": "mcp_oauth", "mcp_server_url": "https://other.test"},
            {"type": "mcp_oauth", "refresh": {"client_id": "x"}},
        ):
            await side.call("POST", one, {"auth": wrong}, status=400)
        assert "S-" not in str(side.world.section("qoder")) + str(side.world.ledger.entries)
        assert (await side.call("POST", f"{one}/archive"))["archived_at"]
        await side.call("POST", f"{one}/archive", status=409)
        assert len((await side.call("GET", path))["data"]) == 2
        assert len((await side.call("GET", path, include_archived="true"))["data"]) == 3
        session = await side.session(vault_ids=[vault["id"]])
        assert (await side.call("GET", f"/sessions/{session}"))["vault_ids"] == [vault["id"]]
        assert (await side.call("DELETE", f"/vaults/{vault['id']}"))["type"] == "vault_deleted"
        await side.call("GET", path, status=404)


@pytest.mark.parametrize(
    "files",
    [
        {"a/SKILL.md": SKILL, "b/x": b""},
        {"README.md": b"x"},
        {"a/SKILL.md": b"no frontmatter"},
        {"a/SKILL.md": SKILL, "a/../../x": b""},
        {"SKILL.md": b"---\nname: Bad Name\ndescription: d\n---\n"},
    ],
)
async def test_bad_packages_are_refused(files):
    async with running() as side:
        await upload(side, "/skills", {"files": ("a.zip", zipped(files), "application/zip")}, 400)
        await upload(side, "/skills", {"files": ("a.zip", b"PK no zip", "application/zip")}, 400)


async def test_a_skill_lives_through_versions():
    async with running() as side:
        content = zipped({"invoice-audit/SKILL.md": SKILL})
        made = await upload(side, "/skills", {"file": ("x.zip", content, "application/zip")}, metadata='{"a":"b"}')
        assert (made["display_title"], made["source"], made["metadata"]) == ("invoice-audit", "custom", {"a": "b"})
        path = f"/skills/{made['id']}"
        seen = await side.call("GET", path, include_content="true")
        assert base64.b64decode(seen["content"]) == content
        encoded = base64.b64encode(content).decode()
        replaced = await side.call("PUT", path, {"content": encoded, "content_encoding": "base64"})
        assert replaced["latest_version"] != made["latest_version"]
        versions = (await side.call("GET", f"{path}/versions"))["data"]
        assert [item["version"] for item in versions] == [replaced["latest_version"], made["latest_version"]]
        await side.call("DELETE", f"{path}/versions/{replaced['latest_version']}")
        assert (await side.call("GET", path))["latest_version"] == made["latest_version"]


async def test_memories_guard_their_content():
    async with running() as side:
        store = await side.call("POST", "/memory_stores", {"name": "notes", "description": "d"})
        path = f"/memory_stores/{store['id']}"
        made = await side.call("POST", f"{path}/memories", {"path": "a/b.md", "content": "one"})
        assert made["content_sha256"] == hashlib.sha256(b"one").hexdigest()
        twice = await side.call("POST", f"{path}/memories", {"path": "a/b.md", "content": "two"}, status=409)
        assert twice["error"]["type"] == "invalid_request_error"
        for wrong in ({"path": "/a"}, {"path": "a/../b"}, {"path": "x", "content": " "}, {"path": "x", "content": "é" * 51_201}):
            await side.call("POST", f"{path}/memories", {"content": "c", **wrong}, status=400)
        one = f"{path}/memories/{made['id']}"
        await side.call("POST", one, {"content": "two", "content_sha256": "0" * 64}, status=409)
        assert (await side.call("POST", one, {"content": "two", "content_sha256": made["content_sha256"]}))["version"] == 2
        [item] = (await side.call("GET", f"{path}/memories", path_prefix="a"))["data"]
        assert "content" not in item
        assert (await side.call("GET", path))["total_size"] == 3
        session = await side.session(resources=[{"type": "memory_store", "memory_store_id": store["id"], "access": "read_only"}])
        assert [found["id"] for found in (await side.call("GET", "/sessions", memory_store_id=store["id"]))["data"]] == [session]
        await side.call("DELETE", one)
        versions = (await side.call("GET", f"{path}/memory_versions", memory_id=made["id"]))["data"]
        assert [version["operation"] for version in versions] == ["deleted", "updated", "created"]
        oldest = f"{path}/memory_versions/{versions[-1]['id']}"
        assert (await side.call("GET", oldest))["content"] == "one"
        assert (await side.call("POST", f"{path}/archive"))["status"] == "archived"
        await side.call("POST", f"{path}/memories", {"path": "x", "content": "y"}, status=409)
        assert (await side.call("POST", f"{oldest}/redact"))["content"] is None
        await side.call("POST", f"{oldest}/redact", status=409)
        assert (await side.call("DELETE", path))["type"] == "memory_store_deleted"


def manage(client):
    """The vendor's own client on every one of these resources."""
    file = client.files.upload(file=("notes.txt", b"hello", "text/plain"), metadata={"a": "b"})
    assert [item.id for item in client.files.list(name="notes")] == [file.id]
    with pytest.raises(qca.PermissionDeniedError):
        client.files.download(file.id)
    agent = client.agents.create(name="w", model="auto", tools=[{"type": "agent_toolset_20260401"}])
    session = client.sessions.create(
        agent=agent.id,
        environment_id="env_default",
        resources=[{"type": "file", "file_id": file.id}],
        initial_events=[message("use DeliverArtifacts")],
    )
    assert [item.file_id for item in client.sessions.resources.list(session.id)] == [file.id]
    vault = client.vaults.create(display_name="v")
    auth = {"type": "environment_variable", "secret_name": "K", "secret_value": "s"}
    credential = client.vaults.credentials.create(vault.id, auth=auth)
    assert client.vaults.credentials.retrieve(credential.id, vault_id=vault.id).auth.secret_name == "K"
    assert client.vaults.credentials.archive(credential.id, vault_id=vault.id).archived_at
    assert client.vaults.delete(vault.id).id == vault.id
    skill = client.skills.create(files=[("invoice-audit/SKILL.md", SKILL), ("invoice-audit/run.py", b"pass")])
    version = client.skills.versions.create(skill.id, files=[("invoice-audit/SKILL.md", SKILL)])
    assert [item.version for item in client.skills.versions.list(skill.id)] == [version.version, skill.latest_version]
    raw = client.skills.versions.download(version.version, skill_id=skill.id)
    assert zipfile.ZipFile(io.BytesIO(raw.read())).namelist() == ["invoice-audit/SKILL.md"]
    assert client.skills.delete(skill.id).id == skill.id
    store = client.memory_stores.create(name="m")
    memory = client.memory_stores.memories.create(store.id, path="a.md", content="x")
    guard = {"type": "content_sha256", "content_sha256": memory.content_sha256}
    client.memory_stores.memories.update(memory.id, memory_store_id=store.id, content="y", precondition=guard)
    with pytest.raises(qca.ConflictError):
        client.memory_stores.memories.update(memory.id, memory_store_id=store.id, content="z", precondition=guard)
    assert len(list(client.memory_stores.memory_versions.list(store.id, memory_id=memory.id))) == 2
    [made] = list(client.files.list(scope_id=session.id))
    return client.files.download(made.id).read()


async def test_the_vendors_client_manages_them():
    async with running() as side:
        with qca.Managed(pat=side.key, base_url=side.base, _strict_response_validation=True) as client:
            assert (await asyncio.to_thread(manage, client)).startswith(b"# Report")
