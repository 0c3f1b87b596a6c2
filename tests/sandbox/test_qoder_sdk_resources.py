"""The vendor's own client manages everything an account holds, against the sandbox: one scenario, blocking and async.

Create, list, get, update, archive or delete, upload and download of every managed resource, its responses strictly validated.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import zipfile
from typing import Any

import pytest
import qca

from tests.sandbox.qoder_side import Side, message, running

SKILL = b"---\nname: audit\ndescription: Check invoices.\n---\nRead them.\n"
CLOUD = {"type": "cloud", "networking": {"type": "unrestricted"}}


async def got(answer: Any) -> Any:
    """What either client gives: a value, or something to wait for."""
    return await answer if inspect.isawaitable(answer) else answer


async def listed(answer: Any) -> list[Any]:
    """All pages, by the client's own iteration."""
    found = await got(answer)
    return [one async for one in found] if hasattr(found, "__aiter__") else list(found)


async def body(answer: Any) -> bytes:
    """A downloaded file, however the client hands it over."""
    found = await got(answer)
    for name in ("aread", "read"):
        if hasattr(found, name):
            return bytes(await got(getattr(found, name)()))
    return bytes(found.content)


async def refused(kind: type[Exception], answer: Any) -> None:
    with pytest.raises(kind):
        await got(answer())


async def agents(client: Any) -> Any:
    one = await got(client.agents.create(name="one", model="auto", tools=[{"type": "agent_toolset_20260401"}]))
    assert (await got(client.agents.retrieve(one.id))).name == "one"
    assert (await got(client.agents.update(one.id, version=1, description="d"))).version == 2
    await refused(qca.ConflictError, lambda: client.agents.update(one.id, version=1, name="late"))
    assert [item.version for item in await listed(client.agents.versions.list(one.id))] == [2, 1]
    two = await got(client.agents.create(name="two", model="auto"))
    assert (await got(client.agents.archive(two.id))).archived_at
    assert two.id not in [item.id for item in await listed(client.agents.list(limit=1))]
    return one


async def environments(client: Any) -> Any:
    one = await got(client.environments.create(name="one", config=CLOUD))
    assert (await got(client.environments.update(one.id, description="d"))).description == "d"
    two = await got(client.environments.create(name="two", config=CLOUD))
    assert (await got(client.environments.archive(two.id))).archived_at
    assert (await got(client.environments.delete(two.id))).id == two.id
    assert one.id in [item.id for item in await listed(client.environments.list())]
    assert (await got(client.environments.retrieve(one.id))).config.networking.type == "unrestricted"
    return one


async def files(client: Any) -> Any:
    upload = ("ledger ü.csv", b"day,total\n", "text/csv")
    one = await got(client.files.upload(file=upload, metadata={"team": "billing"}))
    assert (one.filename, one.size_bytes, one.metadata) == ("ledger ü.csv", 10, {"team": "billing"})
    assert [item.id for item in await listed(client.files.list(name="ledger"))] == [one.id]
    assert (await got(client.files.retrieve_metadata(one.id))).mime_type == "text/csv"
    await refused(qca.PermissionDeniedError, lambda: client.files.download(one.id))
    two = await got(client.files.upload(file=("a.txt", b"text", "text/plain"), name="b.txt"))
    assert two.filename == "b.txt"
    assert (await got(client.files.delete(two.id))).type == "file_deleted"
    return one


async def vaults(client: Any) -> Any:
    one = await got(client.vaults.create(display_name="one"))
    kept = client.vaults.credentials
    auth = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.test/x", "token": "s3cret"}
    made = await got(kept.create(one.id, auth=auth, metadata={"label": "l"}))
    assert "s3cret" not in str(made)
    rotated = await got(kept.update(made.id, vault_id=one.id, auth={"type": "static_bearer", "token": "s3cret-2"}))
    assert "s3cret" not in str(rotated) and rotated.auth.type == "static_bearer"
    assert [item.id for item in await listed(kept.list(one.id))] == [made.id]
    assert (await got(kept.retrieve(made.id, vault_id=one.id))).vault_id == one.id
    assert (await got(kept.archive(made.id, vault_id=one.id))).archived_at
    await refused(qca.ConflictError, lambda: kept.archive(made.id, vault_id=one.id))
    assert (await got(kept.delete(made.id, vault_id=one.id))).type == "vault_credential_deleted"
    two = await got(client.vaults.create(display_name="two"))
    assert (await got(client.vaults.archive(two.id))).archived_at
    assert [item.id for item in await listed(client.vaults.list())] == [one.id]
    assert (await got(client.vaults.delete(two.id))).type == "vault_deleted"
    assert (await got(client.vaults.retrieve(one.id))).display_name == "one"
    return one


async def skills(client: Any) -> Any:
    parts = [("audit/SKILL.md", SKILL, "text/markdown"), ("audit/run.py", b"print(1)\n", "text/x-python")]
    one = await got(client.skills.create(files=parts, display_title="Audit"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("audit/SKILL.md", SKILL)
    second = await got(client.skills.versions.create(one.id, files=[("audit.zip", packed.getvalue(), "application/zip")]))
    assert [item.version for item in await listed(client.skills.versions.list(one.id))] == [second.version, "1"]
    assert (await got(client.skills.versions.retrieve("1", skill_id=one.id))).name == "audit"
    with zipfile.ZipFile(io.BytesIO(await body(client.skills.versions.download("1", skill_id=one.id)))) as archive:
        assert archive.read("audit/SKILL.md") == SKILL and "audit/run.py" in archive.namelist()
    assert (await got(client.skills.versions.delete("1", skill_id=one.id))).type == "skill_version_deleted"
    assert (await got(client.skills.retrieve(one.id))).latest_version == second.version
    assert [item.id for item in await listed(client.skills.list())] == [one.id]
    spare = await got(client.skills.create(files=parts))
    assert (await got(client.skills.delete(spare.id))).type == "skill_deleted"
    return one


async def memory(client: Any) -> Any:
    stores = client.memory_stores
    one = await got(stores.create(name="one", description="d"))
    assert (await got(stores.update(one.id, name="renamed"))).description == "d"
    made = await got(stores.memories.create(one.id, path="team/a.md", content="one"))
    guard = {"type": "content_sha256", "content_sha256": made.content_sha256}
    new = await got(stores.memories.update(made.id, memory_store_id=one.id, content="two", precondition=guard))
    assert new.content == "two"
    await refused(
        qca.ConflictError, lambda: stores.memories.update(made.id, memory_store_id=one.id, content="x", precondition=guard)
    )
    assert [item.path for item in await listed(stores.memories.list(one.id, path_prefix="team/"))] == ["team/a.md"]
    assert (await got(stores.memories.retrieve(made.id, memory_store_id=one.id))).content == "two"
    versions = await listed(stores.memory_versions.list(one.id, memory_id=made.id))
    assert len(versions) == 2
    old = await got(stores.memory_versions.retrieve(versions[-1].id, memory_store_id=one.id))
    assert old.content == "one"
    assert (await got(stores.memory_versions.redact(old.id, memory_store_id=one.id))).redacted_at
    assert (await got(stores.memories.delete(made.id, memory_store_id=one.id))).type == "memory_deleted"
    two = await got(stores.create(name="two"))
    assert (await got(stores.archive(two.id))).archived_at
    assert [item.id for item in await listed(stores.list())] == [one.id]
    assert (await got(stores.delete(two.id))).type == "memory_store_deleted"
    assert (await got(stores.retrieve(one.id))).name == "renamed"
    return one


async def sessions(client: Any, *, agent: Any, environment: Any, file: Any, vault: Any, store: Any) -> None:
    mounts = [
        {"type": "file", "file_id": file.id, "mount_path": "/in/ledger.csv"},
        {"type": "memory_store", "memory_store_id": store.id, "access": "read_only"},
    ]
    one = await got(
        client.sessions.create(agent=agent.id, environment_id=environment.id, resources=mounts, vault_ids=[vault.id], title="t")
    )
    kept = client.sessions.resources
    there = await listed(kept.list(one.id))
    assert [item.type for item in there] == ["file", "memory_store"]
    assert (await got(kept.retrieve(there[0].id, session_id=one.id))).mount_path == "/in/ledger.csv"
    await refused(qca.ConflictError, lambda: client.files.delete(file.id))
    assert (await got(kept.delete(there[0].id, session_id=one.id))).type == "session_resource_deleted"
    assert (await got(kept.add(one.id, type="file", file_id=file.id))).file_id == file.id
    assert (await got(client.sessions.update(one.id, title="new"))).title == "new"
    await got(client.sessions.events.send(one.id, events=[message("use DeliverArtifacts")]))
    artifacts: list[Any] = []
    async with asyncio.timeout(30):
        while not artifacts:
            await asyncio.sleep(0.02)
            artifacts = await listed(client.files.list(scope_id=one.id))
    assert b"Made in answer to" in await body(client.files.download(artifacts[0].id))
    async with asyncio.timeout(30):
        while (await got(client.sessions.retrieve(one.id))).status != "idle":
            await asyncio.sleep(0.02)
    assert (await got(client.sessions.archive(one.id))).archived_at
    assert one.id in [item.id for item in await listed(client.sessions.list(agent_id=agent.id, include_archived=True))]
    assert (await got(client.sessions.delete(one.id))).type == "session_deleted"


async def everything(client: Any) -> None:
    made = {"agent": await agents(client), "environment": await environments(client), "file": await files(client)}
    made |= {"vault": await vaults(client), "store": await memory(client)}
    await skills(client)
    assert {"auto", "ultimate"} <= {model.id for model in await listed(client.models.list())}
    await sessions(client, **made)
    assert (await got(client.files.delete(made["file"].id))).id == made["file"].id
    await refused(qca.APIStatusError, lambda: client.files.retrieve_metadata(made["file"].id))


def managed(kind: Any, side: Side) -> Any:
    return kind(pat=side.key, base_url=side.base, _strict_response_validation=True)


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_the_async_client_manages_what_an_account_holds(dialect: str) -> None:
    async with running(dialect=dialect) as side, managed(qca.AsyncManaged, side) as client:
        await everything(client)


async def test_the_blocking_client_manages_what_an_account_holds() -> None:
    async with running() as side:
        with managed(qca.Managed, side) as client:
            await asyncio.to_thread(asyncio.run, everything(client))
