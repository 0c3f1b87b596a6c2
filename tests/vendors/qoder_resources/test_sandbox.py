"""Every verb of every description through our client against the sandbox, in both dialects: nothing is left out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app import resource_values as values
from app import resources as work
from app.errors import Conflict, Forbidden, NotFound, Refused, TooLarge, UsageError
from app.models import Profile
from app.resource_models import Does, Kind, Saved
from app.vendors.qoder import Qoder
from app.vendors.qoder.resources import RESOURCES
from tests.servers import ledger, qoder_client, running_sandbox

SKILL = "---\nname: audit\ndescription: Check invoices.\n---\nRead them.\n"


class Account:
    """Our client, and what was asked of it."""

    def __init__(self, vendor: Qoder) -> None:
        self.vendor = vendor
        self.done: set[tuple[str, str]] = set()

    async def __call__(self, resource: str, verb: str, *ids: str, query: Any = None, upload: str = "", **said: Any) -> Any:
        what = work.by_name(self.vendor, resource)
        how = what.verb(verb)
        assert how is not None, (resource, verb)
        self.done.add((resource, verb))
        if how.does is Does.UPDATE:
            edit = work.Edit(self.vendor, what, how, ids)
            return await edit.write(values.with_values(how, await edit.begin(), said))
        body = None
        if how.does in (Does.CREATE, Does.UPLOAD):
            body = values.created(how, values.with_values(how, {}, said))
        call = values.call(what, how, ids, query=query or {}, body=body, file=upload)
        if how.does is Does.LIST:
            return [one async for one in work.every(self.vendor, call)]
        return await self.vendor.perform(call)

    async def save(self, resource: str, *ids: str, into: Path) -> Saved:
        what = work.by_name(self.vendor, resource)
        how = what.verb("download")
        assert how is not None
        self.done.add((resource, "download"))
        return await self.vendor.download(values.call(what, how, ids), into)


@asynccontextmanager
async def account(dialect: str = "intl", **options: Any) -> AsyncIterator[tuple[Account, Any]]:
    async with running_sandbox(dialect=dialect, new_account=True) as ready:
        vendor = Qoder(Profile("q", "qoder", ready.qoder_base, options=options), ready.qoder_key)
        try:
            yield Account(vendor), ready
        finally:
            await vendor.aclose()


def names(found: list[Any], key: str = "name") -> list[Any]:
    return [one[key] for one in found]


async def agents(do: Account) -> str:
    made = await do("agents", "create", name="Writer", built_in=["bash", "deliver_artifacts"], permission="always_ask")
    assert made["model"] == "auto"
    assert made["tools"][0]["enabled_tools"] == ["Bash", "DeliverArtifacts"]
    ident = made["id"]
    await do("agents", "create", name="Gone")
    assert names(await do("agents", "list")) == ["Gone", "Writer"]
    new = await do("agents", "update", ident, description="d", effort="high", model="ultimate")
    assert (new["version"], new["model"]) == (2, {"id": "ultimate", "effort": "high"})
    assert (await do("agents", "show", ident, query={"version": 1}))["model"] == "auto"
    assert names(await do("agent-versions", "list", ident), "version") == [2, 1]
    assert (await do("agent-versions", "show", ident, "1"))["version"] == 1
    gone = await work.an_id(do.vendor, work.by_name(do.vendor, "agents"), "gone")
    assert (await do("agents", "archive", gone))["archived_at"]
    assert names(await do("agents", "list", query={"include_archived": True})) == ["Gone", "Writer"]
    assert (await do("agents", "delete", gone))["type"] == "agent_deleted"
    return str(ident)


async def environments(do: Account) -> str:
    made = await do("environments", "create", name="lab", networking="limited", allowed_hosts=["example.test"])
    assert made["config"]["networking"]["allowed_hosts"] == ["example.test"]
    await do("environments", "create", name="bare")
    new = await do("environments", "update", made["id"], packages={"pip": ["pandas==2.2.0"]})
    assert new["config"]["networking"]["allowed_hosts"] == ["example.test"], "the whole configuration was sent"
    assert new["config"]["packages"]["pip"] == ["pandas==2.2.0"]
    bare = await work.an_id(do.vendor, work.by_name(do.vendor, "environments"), "bare")
    assert (await do("environments", "show", bare))["config"]["networking"] == {"type": "unrestricted"}
    assert (await do("environments", "archive", bare))["archived_at"]
    assert names(await do("environments", "list")) == ["lab"]
    assert (await do("environments", "delete", bare))["type"] == "environment_deleted"
    return str(made["id"])


async def files(do: Account, tmp_path: Path) -> str:
    path = tmp_path / "ledger ü.csv"
    path.write_text("day,total\n")
    told: list[tuple[int, int]] = []
    what = work.by_name(do.vendor, "files")
    how = what.verb("upload")
    assert how is not None
    body = values.created(how, values.with_values(how, {}, {"metadata": {"team": "billing"}}))
    do.done.add(("files", "upload"))
    made = await do.vendor.perform(values.call(what, how, (), body=body, file=str(path)), progress=lambda *at: told.append(at))
    assert (made["filename"], made["metadata"], told[-1]) == ("ledger ü.csv", {"team": "billing"}, (10, 10))
    assert names(await do("files", "list", query={"name": "LEDGER"}), "id") == [made["id"]]
    assert (await do("files", "show", made["id"]))["size_bytes"] == 10
    with pytest.raises(Forbidden, match="cannot be downloaded"):
        await do.save("files", made["id"], into=tmp_path)
    return str(made["id"])


async def vaults(do: Account) -> str:
    vault = (await do("vaults", "create", name="ci"))["id"]
    url = "https://mcp.example.test/crm"
    bearer = await do("credentials", "create", vault, kind="static_bearer", url=url, token="s3cret-a", label="CRM")
    assert bearer["metadata"] == {"label": "CRM"}
    refresh = {"client_id": "desk", "token_endpoint": "https://id.example.test/t", "refresh_token": "s3cret-b", "scope": "crm"}
    more = {"client_auth": "client_secret_post", "client_secret": "s3cret-c"}
    oauth = await do("credentials", "create", vault, kind="mcp_oauth", url=url, access_token="s3cret-d", **refresh, **more)
    assert oauth["auth"]["refresh"]["client_id"] == "desk"
    variable = await do("credentials", "create", vault, kind="environment_variable", variable="TOKEN", secret_value="s3cret-e")
    for one, said in (
        (bearer, {"token": "s3cret-f"}),
        (oauth, {"access_token": "s3cret-g"}),
        (variable, {"secret_value": "s3cret-h"}),
    ):
        assert (await do("credentials", "rotate", vault, one["id"], **said))["updated_at"] >= one["updated_at"]
    assert (await do("credentials", "validate", vault, oauth["id"]))["status"] == "unknown"
    shown = [await do("credentials", "show", vault, one["id"]) for one in (bearer, oauth, variable)]
    assert "s3cret" not in json.dumps([shown, await do("credentials", "list", vault)])
    assert (await do("credentials", "archive", vault, bearer["id"]))["archived_at"]
    with pytest.raises(Conflict):
        await do("credentials", "archive", vault, bearer["id"])
    assert (await do("credentials", "delete", vault, variable["id"]))["type"] == "vault_credential_deleted"
    other = (await do("vaults", "create", name="old", metadata={"a": "b"}))["id"]
    assert (await do("vaults", "archive", other))["archived_at"]
    assert names(await do("vaults", "list"), "display_name") == ["ci"]
    assert (await do("vaults", "show", other))["metadata"] == {"a": "b"}
    assert (await do("vaults", "delete", other))["type"] == "vault_deleted"
    return str(vault)


async def skills(do: Account, tmp_path: Path) -> str:
    folder = tmp_path / "a folder"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "scripts" / "run.py").write_text("print(1)\n")
    made = await do("skills", "create", upload=str(folder), title="Audit", metadata={"owner": "finops"})
    assert (made["display_title"], made["latest_version"]) == ("Audit", "1")
    packed = tmp_path / "again.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("audit/SKILL.md", SKILL)
    assert (await do("skill-versions", "create", made["id"], upload=str(packed)))["version"] == "2"
    assert names(await do("skill-versions", "list", made["id"]), "version") == ["2", "1"]
    assert (await do("skill-versions", "show", made["id"], "1"))["name"] == "audit"
    saved = await do.save("skills", made["id"], into=tmp_path)
    assert Path(saved.path).name == "Audit-2.zip" and Path(saved.path).read_bytes() == packed.read_bytes()
    first = await do.save("skill-versions", made["id"], "1", into=tmp_path)
    with zipfile.ZipFile(io.BytesIO(Path(first.path).read_bytes())) as archive:
        assert sorted(archive.namelist()) == ["audit/SKILL.md", "audit/scripts/run.py"]
    assert (await do("skill-versions", "delete", made["id"], "1"))["type"] == "skill_version_deleted"
    assert names(await do("skills", "list"), "id") == [made["id"]]
    assert (await do("skills", "show", made["id"]))["latest_version"] == "2"
    spare = await do("skills", "create", upload=str(folder))
    assert (await do("skills", "delete", spare["id"]))["type"] == "skill_deleted"
    return str(made["id"])


async def memory(do: Account) -> str:
    store = (await do("memory", "create", name="notes", description="d"))["id"]
    assert (await do("memory", "update", store, name="notes 2"))["description"] == "d"
    made = await do("memories", "create", store, path="/team/rules.md", content="one\n")
    assert made["path"] == "team/rules.md"
    new = await do("memories", "update", store, made["id"], content="two\n", metadata={"area": "finance"})
    assert (new["content"], new["metadata"]) == ("two\n", {"area": "finance"})
    again = await do("memories", "update", store, made["id"], metadata={})
    assert (again["content"], again["metadata"]) == ("two\n", {})
    assert names(await do("memories", "list", store, query={"path_prefix": "team/"}), "path") == ["team/rules.md"]
    assert (await do("memories", "show", store, made["id"]))["content"] == "two\n"
    versions = await do("memory-versions", "list", store, query={"memory_id": made["id"]})
    assert names(versions, "operation")[-1] == "created" and len(versions) == 3
    oldest = versions[-1]["id"]
    assert (await do("memory-versions", "show", store, oldest))["content"] == "one\n"
    assert (await do("memory-versions", "redact", store, oldest))["redacted_at"]
    assert (await do("memories", "delete", store, made["id"]))["type"] == "memory_deleted"
    other = (await do("memory", "create", name="old"))["id"]
    assert (await do("memory", "archive", other))["archived_at"]
    assert names(await do("memory", "list")) == ["notes 2"]
    assert (await do("memory", "show", other))["status"] == "archived"
    assert (await do("memory", "delete", other))["type"] == "memory_store_deleted"
    return str(store)


async def sessions(do: Account, ready: Any, tmp_path: Path, **ids: str) -> None:
    made = await do(
        "sessions", "create", agent=ids["agent"], agent_version=1, environment=ids["environment"], title="t",
        vaults=[ids["vault"]],
        files=[f"{ids['file']}:/in/ledger.csv"], memory=[f"{ids['store']}:read_write"], variables={"A": "1", "B": "x=y"},
        metadata={"k": "v"}, budget="12.50",
    )  # fmt: skip
    session = made["id"]
    assert (made["agent"]["version"], made["environment_variables"], made["vault_ids"]) == (
        1,
        {"A": "1", "B": "x=y"},
        [ids["vault"]],
    )
    assert made["budget"] == {"type": "limit", "max_credit_cost": "12.50"}
    mounts = await do("mounts", "list", session)
    assert [one.get("access") or one["mount_path"] for one in mounts] == ["/in/ledger.csv", "read_write"]
    new = await do("sessions", "update", session, title="new", metadata={"z": "1"}, budget="")
    assert (new["title"], new["metadata"], new["budget"]) == ("new", {"z": "1"}, None)
    assert (await do("mounts", "show", session, mounts[0]["id"]))["file_id"] == ids["file"]
    assert (await do("mounts", "remove", session, mounts[0]["id"]))["type"] == "session_resource_deleted"
    assert (await do("mounts", "add", session, file=ids["file"], path="/in/again.csv"))["mount_path"] == "/in/again.csv"
    assert (await work.uses(do.vendor, work.by_name(do.vendor, "files"), ids["file"])).sentence == "Used by 1 sessions (new)."
    repository = {"type": "github_repository", "url": "https://github.com/acme/app", "authorization_token": "s3cret"}
    second = await do("sessions", "create", agent=ids["agent"], environment=ids["environment"], resources=[repository])
    mount = (await do("mounts", "list", second["id"]))[0]
    assert "s3cret" not in json.dumps(mount)
    assert (await do("mounts", "rotate", second["id"], mount["id"], authorization_token="s3cret-2"))["id"] == mount["id"]
    [thread] = await do("threads", "list", session)
    assert (await do("threads", "show", session, thread["id"]))["session_id"] == session
    assert await do("threads", "events", session, thread["id"]) == []
    told = await do("sessions", "cancel", session)
    assert told["status"] in ("canceling", "idle")
    assert (await do("threads", "archive", second["id"], (await do("threads", "list", second["id"]))[0]["id"]))["archived_at"]
    await artifact(do, ready, tmp_path, **ids)
    assert (await do("sessions", "show", session))["id"] == session
    assert (await do("sessions", "archive", session))["archived_at"]
    assert session not in names(await do("sessions", "list", query={"agent_id": ids["agent"]}), "id")
    assert (await do("sessions", "delete", session))["type"] == "session_deleted"


async def artifact(do: Account, ready: Any, tmp_path: Path, **ids: str) -> None:
    """An agent delivers a file; it is downloaded by the link, which gets no key."""
    agent = await do("agents", "create", name="Deliverer", built_in=["all"])
    said = {"agent": agent["id"], "environment": ids["environment"], "message": "use DeliverArtifacts"}
    made = await do("sessions", "create", **said)
    found: list[Any] = []
    while not found:
        found = await do("artifacts", "list", made["id"])
    (tmp_path / "report.md").write_text("mine")
    saved = await do.save("artifacts", found[0]["id"], into=tmp_path)
    assert Path(saved.path).name == "report-2.md" and "Made in answer to" in Path(saved.path).read_text()
    assert (tmp_path / "report.md").read_text() == "mine"
    assert (await do.save("files", found[0]["id"], into=tmp_path / "other.md")).size == found[0]["size_bytes"]
    with pytest.raises(Refused, match="nothing was overwritten"):
        await do.save("files", found[0]["id"], into=tmp_path / "report.md")
    types = names(await do("events", "list", made["id"], query={"order": "asc"}), "type")
    assert "agent.artifact_delivered" in types


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_every_verb_of_every_description_works(dialect: str, tmp_path: Path) -> None:
    async with account(dialect) as (do, ready):
        ids = {"agent": await agents(do), "environment": await environments(do), "file": await files(do, tmp_path)}
        ids |= {"vault": await vaults(do), "skill": await skills(do, tmp_path), "store": await memory(do)}
        assert (await do("models", "show", "ultimate"))["price_factor"] == 1.6
        assert "auto" in names(await do("models", "list"), "id")
        skilled = await do("agents", "update", ids["agent"], skills=[ids["skill"] + "@2"])
        assert skilled["skills"] == [{"type": "custom", "skill_id": ids["skill"], "version": "2"}]
        await sessions(do, ready, tmp_path, **ids)
        await do("files", "delete", ids["file"])
        with pytest.raises(NotFound):
            await do("files", "show", ids["file"])
        keys = [
            entry["idempotency_key"]
            for entry in ledger(ready, vendor="qoder")
            if entry.get("kind") not in ("prompt", "interrupt")
        ]
        assert all(keys) and len(set(keys)) == len(keys), "every write has a key of its own"
    assert do.done == {(resource.name, verb.name) for resource in RESOURCES for verb in resource.verbs}


async def test_a_stale_version_is_a_conflict_with_both_sides() -> None:
    async with account() as (do, _):
        agent = await do("agents", "create", name="One")
        what = work.by_name(do.vendor, "agents")
        how = what.verb("update")
        assert how is not None
        edit = work.Edit(do.vendor, what, how, (agent["id"],))
        draft = await edit.begin()
        await do("agents", "update", agent["id"], description="theirs")
        with pytest.raises(Conflict):
            await edit.write({**draft, "name": "Mine"})
        assert edit.clash is not None
        assert '+  "description": "theirs"' in edit.clash.sides and '+  "name": "Mine"' in edit.clash.sides
        done = await edit.write({**edit.draft, "name": "Mine"})
        assert (done["name"], done["description"], done["version"]) == ("Mine", "theirs", 3)


async def test_a_memory_that_changed_meanwhile_is_not_written_over() -> None:
    async with account() as (do, _):
        store = (await do("memory", "create", name="s"))["id"]
        one = await do("memories", "create", store, path="a.md", content="one")
        what = work.by_name(do.vendor, "memories")
        how = what.verb("update")
        assert how is not None
        edit = work.Edit(do.vendor, what, how, (store, one["id"]))
        draft = await edit.begin()
        assert edit.difference({**draft, "content": "mine"}).splitlines()[-2:] == ["-one", "+mine"]
        await do("memories", "update", store, one["id"], content="theirs")
        with pytest.raises(Conflict):
            await edit.write({**draft, "content": "mine"})
        assert edit.clash is not None and "+theirs" in edit.clash.sides and "+mine" in edit.clash.sides
        assert (await do("memories", "show", store, one["id"]))["content"] == "theirs"
        with pytest.raises(UsageError, match="blank"):
            await do("memories", "update", store, one["id"], content=" \n")
        with pytest.raises(UsageError, match="102,400"):
            await do("memories", "create", store, path="b.md", content="ü" * 60_000)
        with pytest.raises(UsageError, match="relative"):
            await do("memories", "create", store, path="../b.md", content="x")


async def test_a_read_only_profile_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    async with account(read_only=True) as (do, ready):
        for attempt in (
            do("agents", "create", name="x"), do("agents", "delete", "agent_1"), do("files", "upload", upload=str(path)),
            do.vendor.create_environment("x"), do.vendor.upload(path), do.vendor.start("agent_1", environment="env_1"),
        ):  # fmt: skip
            with pytest.raises(Refused, match="read-only"):
                await attempt
        assert await do("agents", "list") == []
        assert not ledger(ready)


async def test_a_body_over_the_limit_never_leaves() -> None:
    async with account() as (do, ready):
        with pytest.raises(TooLarge, match="nothing was sent"):
            await do("agents", "create", name="x", tools=[{"type": "custom", "description": "x" * 4_200_000}])
        assert not ledger(ready)


async def test_names_stand_for_ids_and_what_fits_several_is_refused() -> None:
    async with account() as (do, ready):
        for _ in range(2):
            await do("agents", "create", name="Twin")
        what = work.by_name(do.vendor, "agents")
        with pytest.raises(UsageError, match="Several agents are called 'twin'"):
            await work.an_id(do.vendor, what, "twin")
        assert await work.an_id(do.vendor, what, "nobody") == "nobody"
        async with qoder_client(ready) as client:
            for number in range(130):
                await client.post("/vaults", json={"display_name": f"v{number}"})
        vaults = work.by_name(do.vendor, "vaults")
        assert (await work.an_id(do.vendor, vaults, "V3")).startswith("vault_")
        listing = vaults.verb("list")
        assert listing is not None
        call = values.call(vaults, listing, ())
        assert len([one async for one in work.every(do.vendor, call)]) == 130
        assert len([one async for one in work.every(do.vendor, call, 7)]) == 7


def test_every_description_says_what_a_form_and_a_command_need() -> None:
    known = {resource.name for resource in RESOURCES}
    for resource in RESOURCES:
        assert resource.says and resource.columns and (not resource.parent or resource.parent in known)
        assert set(resource.children) <= known and {use.resource for use in resource.used_by} <= known
        for verb in resource.verbs:
            assert verb.says and (verb.does is not Does.LIST or verb.names == tuple(verb.names))
            for field in (*verb.fields, *verb.query):
                assert field.name.isidentifier() and (not field.of or field.of in known)
                assert field.kind is not Kind.CHOICE or field.options, (resource.name, verb.name, field.name)
