"""Literal requests and replies of the vendor's contract: what each verb sends, and what is made of what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import resource_values as values
from app import resources as work
from app.errors import Conflict, Forbidden, NotFound, Protocol, Refused, TooLarge, Unavailable
from app.models import Profile
from app.resource_models import Does
from app.vendors import downloads
from app.vendors.qoder import Qoder
from app.vendors.qoder.resources import RESOURCES
from tests.vendors.qoder_script import BASE, KEY, FakeTime, Script, page, refused

AGENT = {
    "id": "agent_0192aa01", "type": "agent", "name": "release-notes-writer", "description": "", "system": "Summarise.",
    "model": {"id": "ultimate", "effort": "high", "effective_context_window": 200000},
    "tools": [{"type": "agent_toolset_20260401", "enabled_tools": ["Bash"]}], "mcp_servers": [], "skills": [],
    "metadata": {"team": "docs", "old": "x"}, "multiagent": None, "version": 4, "archived_at": None,
    "created_at": "2026-09-01T10:00:00.123456789Z", "updated_at": "2026-09-01T10:00:00Z",
}  # fmt: skip
NETWORK = {"type": "limited", "allowed_hosts": ["api.example.test"], "allow_package_managers": True, "allow_mcp_servers": True}
ENVIRONMENT = {
    "id": "env_0192bb02", "type": "environment", "name": "py-data", "config": {"type": "cloud", "networking": NETWORK},
    "metadata": {"tier": "dev"}, "archived_at": None, "created_at": "2026-09-01T10:00:00Z",
}  # fmt: skip
SESSION = {
    "id": "sess_0192cc03", "type": "session", "status": "idle", "title": "notes for 3.4", "metadata": {"ticket": "REL-34"},
    "agent": {"id": "agent_0192aa01", "type": "agent", "version": 4, "name": "release-notes-writer"}, "budget": None,
    "environment_id": "env_0192bb02", "resources": [], "vault_ids": ["vault_9"], "usage": {"total_credits": 4.63},
}  # fmt: skip
FILE = {
    "id": "file_7qa1", "type": "file", "filename": "ledger.csv", "mime_type": "text/csv", "size_bytes": 10, "downloadable": True,
    "scope": None, "metadata": {"team": "billing"}, "created_at": "2026-09-03T08:00:01Z",
}  # fmt: skip
VAULT: dict[str, Any] = {"id": "vault_9kd2", "type": "vault", "display_name": "ci-bots", "metadata": {}, "archived_at": None}
OAUTH = {
    "type": "mcp_oauth", "mcp_server_url": "https://mcp.example.test/crm", "expires_at": "2026-10-01T00:00:00Z",
    "refresh": {"client_id": "crm-desk", "token_endpoint": "https://id.example.test/token", "resource": None, "scope": "crm.read",
                "token_endpoint_auth": {"type": "client_secret_post"}},
}  # fmt: skip
CREDENTIAL = {"id": "vcred_t0x8", "type": "vault_credential", "vault_id": "vault_9kd2", "display_name": None, "auth": OAUTH,
              "metadata": {"label": "CRM bot"}, "archived_at": None}  # fmt: skip
SKILL = {"id": "skill_u3m5", "type": "skill", "display_title": "invoice-audit", "source": {"type": "custom"},
         "latest_version": "1788307200123456", "metadata": {"owner": "finops"}}  # fmt: skip
VERSION = {"id": "skillver_d91", "type": "skill_version", "skill_id": "skill_u3m5", "version": "1788307200123456"}
STORE = {"id": "memstore_h4", "type": "memory_store", "name": "notes", "description": "", "status": "active", "entry_count": 2,
         "total_size": 40, "metadata": {}, "archived_at": None}  # fmt: skip
MEMORY = {"id": "mem_1", "type": "memory", "memory_store_id": "memstore_h4", "path": "a.md", "content": "old\n", "version": 1,
          "content_size_bytes": 4, "content_sha256": "5f0ec1", "metadata": {"area": "finance"}}  # fmt: skip
MEMVER = {"id": "memver_1", "type": "memory_version", "memory_store_id": "memstore_h4", "memory_id": "mem_1", "path": "a.md",
          "operation": "modified", "content": "old\n", "redacted_at": None}  # fmt: skip
MODEL = {"id": "ultimate", "type": "model", "display_name": "Ultimate", "source": "system", "is_enabled": True, "is_new": False,
         "price_factor": 1.6, "efforts": ["low", "medium", "high"]}  # fmt: skip
THREAD = {"id": "sthr_1", "type": "session_thread", "session_id": "sess_0192cc03", "parent_thread_id": None, "status": "idle"}
MOUNT = {"id": "sesr_44bz", "type": "github_repository", "url": "https://github.com/acme/app", "mount_path": "/workspace/app"}


def gone(thing: dict[str, Any]) -> dict[str, Any]:
    return {"id": thing["id"], "type": f"{thing['type']}_deleted"}


def archived(thing: dict[str, Any]) -> dict[str, Any]:
    return {**thing, "archived_at": "2026-09-05T01:00:00Z"}


@dataclass
class Row:
    """One verb: what is said of it, and the literal request and reply."""

    verb: str
    request: str
    reply: Any = None
    ids: tuple[str, ...] = ()
    said: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    """The JSON that is sent; for an upload the form's fields."""
    now: Any = None
    """What an update reads first."""


A, E, S, V, K, M, X = "agent_0192aa01", "env_0192bb02", "sess_0192cc03", "vault_9kd2", "skill_u3m5", "memstore_h4", "sthr_1"
CLOUD = {"type": "cloud", "networking": {"type": "unrestricted"}}
TOOLSET = {"type": "agent_toolset_20260401", "enabled_tools": ["Bash", "WebFetch"],
           "default_config": {"permission_policy": {"type": "always_ask"}}}  # fmt: skip

ROWS = (
    Row("agents list", "/agents?include_archived=true&created_at[gte]=2026-09-01T00:00:00Z", [AGENT],
        query={"archived": True, "since": "2026-09-01T00:00:00Z"}),
    Row("agents show", f"/agents/{A}?version=3", AGENT, (A,), query={"version": 3}),
    Row("agents create", "/agents", AGENT, said={"name": "n", "model": "ultimate", "effort": "high",
        "built_in": ["bash", "web_fetch"], "permission": "always_ask", "skills": ["skill_77@3"], "metadata": {"team": "docs"}},
        body={"name": "n", "model": {"id": "ultimate", "effort": "high"}, "tools": [TOOLSET], "metadata": {"team": "docs"},
              "skills": [{"type": "custom", "skill_id": "skill_77", "version": "3"}]}),
    Row("agents update", f"/agents/{A}", {**AGENT, "version": 5}, (A,), {"system": "", "metadata": {"team": "platform"}},
        now=AGENT, body={"version": 4, "system": "", "metadata": {"team": "platform", "old": None}}),
    Row("agents archive", f"/agents/{A}/archive", archived(AGENT), (A,)),
    Row("agents delete", f"/agents/{A}", gone(AGENT), (A,)),
    Row("agent-versions list", f"/agents/{A}/versions", [AGENT], (A,)),
    Row("agent-versions show", f"/agents/{A}?version=2", AGENT, (A, "2")),
    Row("environments list", "/environments?created_at[lte]=2026-09-09T00:00:00Z", [ENVIRONMENT],
        query={"until": "2026-09-09T00:00:00Z"}),
    Row("environments show", f"/environments/{E}", ENVIRONMENT, (E,)),
    Row("environments create", "/environments", ENVIRONMENT, said={"name": "py-data"}, body={"name": "py-data", "config": CLOUD}),
    Row("environments update", f"/environments/{E}", ENVIRONMENT, (E,), {"setup_script": "mkdir -p /srv/cache\n"},
        now=ENVIRONMENT, body={"config": {"type": "cloud", "networking": NETWORK, "setup_script": "mkdir -p /srv/cache\n"}}),
    Row("environments archive", f"/environments/{E}/archive", archived(ENVIRONMENT), (E,)),
    Row("environments delete", f"/environments/{E}", gone(ENVIRONMENT), (E,)),
    Row("sessions list",
        f"/sessions?agent_id={A}&agent_version=4&memory_store_id={M}&statuses[]=idle&statuses[]=running&order=asc",
        [SESSION], query={"agent": A, "agent_version": 4, "memory": M, "status": ["idle", "running"], "order": "asc"}),
    Row("sessions show", f"/sessions/{S}", SESSION, (S,)),
    Row("sessions create", "/sessions", SESSION,
        said={"agent": A, "agent_version": 4, "environment": E, "title": "notes", "vaults": ["vault_9"], "budget": "12.50",
              "files": ["file_55:/in/a.csv"], "memory": [M], "variables": {"REGION": "cn", "DRY": "0"}, "message": "Begin."},
        body={"agent": {"type": "agent", "id": A, "version": 4}, "environment_id": E, "title": "notes", "vault_ids": ["vault_9"],
              "budget": {"type": "limit", "max_credit_cost": "12.50"}, "environment_variables": "REGION=cn\nDRY=0",
              "resources": [{"type": "file", "file_id": "file_55", "mount_path": "/in/a.csv"},
                            {"type": "memory_store", "memory_store_id": M, "access": "read_only"}],
              "initial_events": [{"type": "user.message", "content": [{"type": "text", "text": "Begin."}]}]}),
    Row("sessions update", f"/sessions/{S}", SESSION, (S,), {"title": "other", "metadata": {}}, now=SESSION,
        body={"title": "other", "metadata": {"ticket": None}}),
    Row("sessions cancel", f"/sessions/{S}/cancel", {"id": S, "type": "session", "status": "canceling"}, (S,)),
    Row("sessions archive", f"/sessions/{S}/archive", archived(SESSION), (S,)),
    Row("sessions delete", f"/sessions/{S}", gone(SESSION), (S,)),
    Row("threads list", f"/sessions/{S}/threads", [THREAD], (S,)),
    Row("threads show", f"/sessions/{S}/threads/{X}", THREAD, (S, X)),
    Row("threads events", f"/sessions/{S}/threads/{X}/events", [{"id": "evt_1", "type": "user.message"}], (S, X)),
    Row("threads archive", f"/sessions/{S}/threads/{X}/archive", {**THREAD, "status": "terminated"}, (S, X)),
    Row("events list", f"/sessions/{S}/events?types[]=agent.message&types[]=session.error&order=desc",
        [{"id": "evt_1", "type": "agent.message"}], (S,), query={"types": ["agent.message", "session.error"], "order": "desc"}),
    Row("mounts list", f"/sessions/{S}/resources", [MOUNT], (S,)),
    Row("mounts show", f"/sessions/{S}/resources/sesr_44bz", MOUNT, (S, "sesr_44bz")),
    Row("mounts add", f"/sessions/{S}/resources", MOUNT, (S,), {"file": "file_7qa1", "path": "/in/ledger.csv"},
        body={"type": "file", "file_id": "file_7qa1", "mount_path": "/in/ledger.csv"}),
    Row("mounts rotate", f"/sessions/{S}/resources/sesr_44bz", MOUNT, (S, "sesr_44bz"), {"authorization_token": "t"}, now=MOUNT,
        body={"authorization_token": "t"}),
    Row("mounts remove", f"/sessions/{S}/resources/sesr_44bz", {"id": "sesr_44bz", "type": "session_resource_deleted"},
        (S, "sesr_44bz")),
    Row("artifacts list", f"/files?scope_id={S}", [FILE], (S,)),
    Row("artifacts download", "/files/file_7qa1/content", ids=("file_7qa1",)),
    Row("files list", f"/files?name=led&scope_id={S}&ids[]=file_7qa1", [FILE],
        query={"name": "led", "session": S, "ids": ["file_7qa1"]}),
    Row("files show", "/files/file_7qa1", FILE, ("file_7qa1",)),
    Row("files upload", "/files", FILE, said={"name": "books.csv", "metadata": {"team": "billing"}},
        body={"name": "books.csv", "metadata": '{"team":"billing"}'}),
    Row("files download", "/files/file_7qa1/content", ids=("file_7qa1",)),
    Row("files delete", "/files/file_7qa1", gone(FILE), ("file_7qa1",)),
    Row("vaults list", "/vaults?name=ci", [VAULT], query={"name": "ci"}),
    Row("vaults show", f"/vaults/{V}", VAULT, (V,)),
    Row("vaults create", "/vaults", {**VAULT, "credentials": []}, said={"name": "ci-bots"}, body={"display_name": "ci-bots"}),
    Row("vaults archive", f"/vaults/{V}/archive", archived(VAULT), (V,)),
    Row("vaults delete", f"/vaults/{V}", gone(VAULT), (V,)),
    Row("credentials list", f"/vaults/{V}/credentials?include_archived=true", [CREDENTIAL], (V,), query={"archived": True}),
    Row("credentials show", f"/vaults/{V}/credentials/vcred_t0x8", CREDENTIAL, (V, "vcred_t0x8")),
    Row("credentials create", f"/vaults/{V}/credentials", CREDENTIAL, (V,),
        {"kind": "environment_variable", "variable": "TOKEN", "secret_value": "s"},
        body={"auth": {"type": "environment_variable", "secret_name": "TOKEN", "secret_value": "s"}}),
    Row("credentials rotate", f"/vaults/{V}/credentials/vcred_t0x8", CREDENTIAL, (V, "vcred_t0x8"),
        {"access_token": "new", "refresh_token": "newer"}, now=CREDENTIAL,
        body={"auth": {"type": "mcp_oauth", "access_token": "new", "refresh": {"refresh_token": "newer"}}}),
    Row("credentials archive", f"/vaults/{V}/credentials/vcred_t0x8/archive", archived(CREDENTIAL), (V, "vcred_t0x8")),
    Row("credentials delete", f"/vaults/{V}/credentials/vcred_t0x8", gone(CREDENTIAL), (V, "vcred_t0x8")),
    Row("credentials validate", f"/vaults/{V}/credentials/vcred_t0x8/mcp_oauth_validate", {"status": "valid"}, (V, "vcred_t0x8")),
    Row("skills list", "/skills?name=inv&display_title=t&source=custom", [SKILL],
        query={"name": "inv", "title": "t", "source": "custom"}),
    Row("skills show", f"/skills/{K}", SKILL, (K,)),
    Row("skills create", "/skills", SKILL, said={"title": "Audit", "metadata": {"owner": "finops"}},
        body={"display_title": "Audit", "metadata": '{"owner":"finops"}'}),
    Row("skills download", f"/skills/{K}/versions/1788307200123456/content", ids=(K,)),
    Row("skills delete", f"/skills/{K}", gone(SKILL), (K,)),
    Row("skill-versions list", f"/skills/{K}/versions", [VERSION], (K,)),
    Row("skill-versions show", f"/skills/{K}/versions/1788307200123456", VERSION, (K, "1788307200123456")),
    Row("skill-versions create", f"/skills/{K}/versions", VERSION, (K,), body={}),
    Row("skill-versions download", f"/skills/{K}/versions/2/content", ids=(K, "2")),
    Row("skill-versions delete", f"/skills/{K}/versions/2", gone(VERSION), (K, "2")),
    Row("memory list", "/memory_stores?name=no&include_archived=true", [STORE], query={"name": "no", "archived": True}),
    Row("memory show", f"/memory_stores/{M}", STORE, (M,)),
    Row("memory create", "/memory_stores", STORE, said={"name": "notes"}, body={"name": "notes"}),
    Row("memory update", f"/memory_stores/{M}", STORE, (M,), {"description": "d"}, now=STORE, body={"description": "d"}),
    Row("memory archive", f"/memory_stores/{M}/archive", archived(STORE), (M,)),
    Row("memory delete", f"/memory_stores/{M}", gone(STORE), (M,)),
    Row("memories list", f"/memory_stores/{M}/memories?path_prefix=team/", [MEMORY], (M,), query={"prefix": "team/"}),
    Row("memories show", f"/memory_stores/{M}/memories/mem_1", MEMORY, (M, "mem_1")),
    Row("memories create", f"/memory_stores/{M}/memories", MEMORY, (M,), {"path": "/a.md", "content": "old\n"},
        body={"path": "a.md", "content": "old\n"}),
    Row("memories update", f"/memory_stores/{M}/memories/mem_1", MEMORY, (M, "mem_1"), {"metadata": {"area": "x"}}, now=MEMORY,
        body={"content": "old\n", "content_sha256": "5f0ec1", "metadata": {"area": "x"}}),
    Row("memories delete", f"/memory_stores/{M}/memories/mem_1", gone(MEMORY), (M, "mem_1")),
    Row("memory-versions list", f"/memory_stores/{M}/memory_versions?memory_id=mem_1&operation=updated", [MEMVER], (M,),
        query={"memory": "mem_1", "operation": "updated"}),
    Row("memory-versions show", f"/memory_stores/{M}/memory_versions/memver_1", MEMVER, (M, "memver_1")),
    Row("memory-versions redact", f"/memory_stores/{M}/memory_versions/memver_1/redact", MEMVER, (M, "memver_1")),
    Row("models list", "/models", [MODEL]),
    Row("models show", "/models", ids=("ultimate",)),
)  # fmt: skip


def test_no_verb_is_left_out() -> None:
    assert sorted(row.verb for row in ROWS) == sorted(f"{one.name} {verb.name}" for one in RESOURCES for verb in one.verbs)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.verb)
async def test_the_wire(row: Row, tmp_path: Path) -> None:
    script = Script()
    resource = work.by_name(script.vendor, row.verb.split()[0])
    verb = resource.verb(row.verb.split()[1])
    assert verb is not None
    path, _, asked = row.request.partition("?")
    reply = page(*row.reply) if isinstance(row.reply, list) else httpx.Response(200, json=row.reply)
    if verb.does is Does.DOWNLOAD:
        await downloaded(script, row, resource, verb, tmp_path)
        return
    if verb.within:
        script.on("GET", path, httpx.Response(200, json={"data": [MODEL], "has_more": False}))
        assert await script.vendor.perform(values.call(resource, verb, row.ids)) == MODEL
        with pytest.raises(NotFound):
            await script.vendor.perform(values.call(resource, verb, ("none",)))
        return
    script.on(verb.method, path, reply)
    if verb.does is Does.UPDATE:
        script.on("GET", path, httpx.Response(200, json=row.now))
        edit = work.Edit(script.vendor, resource, verb, row.ids)
        assert await edit.write(values.with_values(verb, await edit.begin(), row.said)) == row.reply
    else:
        file = packed(tmp_path, resource.name) if verb.does is Does.UPLOAD else ""
        body = values.created(verb, values.with_values(verb, {}, row.said)) if verb.does in (Does.CREATE, Does.UPLOAD) else None
        call = values.call(resource, verb, row.ids, query=values.query_of(verb, row.query), body=body, file=file)
        if isinstance(row.reply, list):
            assert [one async for one in work.every(script.vendor, call)] == row.reply
        else:
            assert await script.vendor.perform(call) == row.reply
    [request] = script.sent(verb.method, path)
    query = [(name, value) for name, value in request.url.params.multi_items() if name != "limit"]
    assert sorted(query) == sorted(pair.split("=", 1) and tuple(pair.split("=", 1)) for pair in asked.split("&") if pair)
    if verb.does is Does.UPLOAD:
        assert form_fields(request) == row.body
    elif row.body is not None:
        assert json.loads(request.content) == row.body
    if verb.writes:
        assert len(request.headers["idempotency-key"]) == 36
    else:
        assert "idempotency-key" not in request.headers


def packed(tmp_path: Path, resource: str) -> str:
    if resource == "files":
        path = tmp_path / "ledger.csv"
        path.write_text("day,total\n")
        return str(path)
    (tmp_path / "SKILL.md").write_text("---\nname: invoice-audit\ndescription: d\n---\n")
    return str(tmp_path)


def form_fields(request: httpx.Request) -> dict[str, str]:
    """The parts of a form without the file's own."""
    boundary = request.headers["content-type"].partition("boundary=")[2]
    found = {}
    for part in request.content.decode("utf-8", "replace").split(f"--{boundary}")[1:-1]:
        head, _, text = part.partition("\r\n\r\n")
        if "filename=" not in head:
            found[head.partition('name="')[2].partition('"')[0]] = text.removesuffix("\r\n")
        else:
            assert 'name="files"; filename="invoice-audit.zip"' in head or 'name="file"; filename="ledger.csv"' in head
    return found


async def downloaded(script: Script, row: Row, resource: Any, verb: Any, tmp_path: Path) -> None:
    path = row.request
    if resource.name.startswith("skill"):
        script.on("GET", f"/skills/{K}", httpx.Response(200, json=SKILL))
        script.on("GET", path, httpx.Response(200, content=b"PK\x03\x04zip", headers={"content-type": "application/zip"}))
        saved = await script.vendor.download(values.call(resource, verb, row.ids), tmp_path)
        assert Path(saved.path).read_bytes() == b"PK\x03\x04zip" and saved.size == 7
        return
    storage = Storage(tmp_path)
    saved = await storage.vendor.download(values.call(resource, verb, row.ids), tmp_path)
    assert Path(saved.path).read_bytes() == b"day,total\n"
    assert storage.hops == [("GET", "/api/v1/cloud/files/file_7qa1"), ("GET", "/api/v1/cloud/files/file_7qa1/content"),
                            ("GET", "/signed/ledger")]  # fmt: skip


class Storage:
    """The vendor and the storage behind its links, in one transport: the key must go to the one and never to the other."""

    LINK = "https://storage.example.test/signed/ledger?signature=s3cret"

    def __init__(self, tmp_path: Path, **more: Any) -> None:
        self.time, self.into = FakeTime(), tmp_path
        self.links = list(more.get("links", [httpx.Response(200, json={"url": self.LINK, "expires_at": "2026-09-03T09:00:00Z"})]))
        self.blobs = list(more.get("blobs", [b"day,total\n"]))
        self.about = {**FILE, **more.get("about", {})}
        self.hops: list[tuple[str, str]] = []
        transport = httpx.MockTransport(self._handle)
        self.vendor = Qoder(Profile("q", "qoder", BASE), KEY, clock=self.time.clock, transport=transport)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.hops.append((request.method, request.url.path))
        if request.url.host == "storage.example.test":
            assert not {"authorization", "cookie", "x-qoder-beta", "idempotency-key"} & set(request.headers)
            assert KEY not in str(request.headers)
            blob = self.blobs.pop(0) if len(self.blobs) > 1 else self.blobs[0]
            return blob if isinstance(blob, httpx.Response) else httpx.Response(200, content=blob)
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if request.url.path.endswith("/content"):
            return self.links.pop(0) if len(self.links) > 1 else self.links[0]  # type: ignore[no-any-return]
        return httpx.Response(200, json=self.about)

    async def download(self, target: Path | None = None) -> Path:
        resource = work.by_name(self.vendor, "files")
        verb = resource.verb("download")
        assert verb is not None
        return Path((await self.vendor.download(values.call(resource, verb, ("file_7qa1",)), target or self.into)).path)


async def test_an_old_redirect_is_followed_without_the_key(tmp_path: Path) -> None:
    storage = Storage(tmp_path, links=[httpx.Response(302, headers={"location": Storage.LINK})])
    assert (await storage.download()).read_bytes() == b"day,total\n"


async def test_a_link_that_expired_is_asked_for_once_more(tmp_path: Path) -> None:
    storage = Storage(tmp_path, blobs=[httpx.Response(403, text="<Error/>"), b"day,total\n"])
    assert (await storage.download()).read_bytes() == b"day,total\n"
    always = Storage(tmp_path, blobs=[httpx.Response(403)])
    with pytest.raises(Unavailable, match="refuses the link") as caught:
        await always.download()
    assert "s3cret" not in str(caught.value) and len(always.hops) == 5


async def test_a_file_that_is_still_processed_is_waited_for(tmp_path: Path) -> None:
    busy = refused(409, "conflict_error", "still processing")
    storage = Storage(tmp_path, links=[busy, busy, httpx.Response(200, json={"url": Storage.LINK})])
    assert (await storage.download()).is_file() and storage.time.slept == [1.0, 2.0]
    with pytest.raises(Conflict):
        await Storage(tmp_path, links=[busy]).download()


@pytest.mark.parametrize(("status", "kind", "error"), [(403, "permission_error", Forbidden), (404, "not_found_error", NotFound),
                                                       (410, "not_found_error", NotFound)])  # fmt: skip
async def test_what_cannot_be_downloaded_says_why(tmp_path: Path, status: int, kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await Storage(tmp_path, links=[refused(status, kind)]).download()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", [
    "ftp://storage.example.test/x", "http://storage.example.test/x", "https://a:b@storage.example.test/x", "https:///x",
    "file:///etc/passwd", "http://127.0.0.1:9/x", "http://[::1", "javascript:1", "//x/y",
])  # fmt: skip
async def test_a_link_that_is_not_protected_is_not_followed(tmp_path: Path, url: str) -> None:
    storage = Storage(tmp_path, links=[httpx.Response(200, json={"url": url})])
    with pytest.raises(Protocol, match="not followed"):
        await storage.download()
    assert len(storage.hops) == 2 and list(tmp_path.iterdir()) == []


def test_plain_http_is_for_the_profiles_own_loopback_origin_only() -> None:
    own = "http://127.0.0.1:8700/api/v1/cloud"
    assert downloads.check_link("http://127.0.0.1:8700/storage/x", own)
    for other in ("http://127.0.0.1:8701/storage/x", "http://localhost:8700/storage/x", "http://10.0.0.1:8700/x"):
        with pytest.raises(Protocol):
            downloads.check_link(other, own)


async def test_a_cut_file_is_not_kept_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").write_text("mine")
    with pytest.raises(Unavailable, match="cut"):
        await Storage(tmp_path, blobs=[b"day"]).download()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.csv"]
    assert (await Storage(tmp_path).download()).name == "ledger-2.csv"
    with pytest.raises(Refused, match="overwritten"):
        await Storage(tmp_path).download(tmp_path / "ledger.csv")
    assert (tmp_path / "ledger.csv").read_text() == "mine"


@pytest.mark.parametrize(("name", "safe"), [
    ("../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"), ("/abs/a.txt", "a.txt"), (".bashrc", "bashrc"),
    ("..", "file"),
    ("a\x00\x1b[31mb\u202e.txt", "a[31mb.txt"), ("CON.txt", "_CON.txt"), ("", "file"), ("a:b?.md", "ab.md"), (" x . ", "x"),
    ("ü" * 300 + ".csv", "ü" * 98 + ".csv"),
])  # fmt: skip
def test_hostile_names_are_made_safe(name: str, safe: str) -> None:
    assert downloads.safe_name(name) == safe


async def test_an_upload_that_was_cut_off_is_explained_as_size(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    path.write_bytes(b"a,b\n" * 1_000_000)
    script = Script()
    resource = work.by_name(script.vendor, "files")
    verb = resource.verb("upload")
    assert verb is not None
    call = values.call(resource, verb, (), body={}, file=str(path))
    for message in ("Request body must be valid JSON.", "Invalid multipart form or request too large."):
        script.on("POST", "/files", refused(400, "invalid_request_error", message))
        with pytest.raises(TooLarge, match=r"3\.8 MiB"):
            await script.vendor.perform(call)
    assert script.vendor.caution(call) == ""
    there = Qoder(Profile("q", "qoder", "https://api.qoder.com.cn/api/v1/cloud"), KEY)
    assert "4.0 MB" in there.caution(call)
    path.write_bytes(b"")
    with path.open("r+b") as file:
        file.truncate(51 * 1024 * 1024)
    sent = len(script.requests)
    with pytest.raises(Refused, match="at most 50 MiB"):
        await script.vendor.perform(call)
    assert len(script.requests) == sent


async def test_a_skills_part_is_renamed_where_the_server_wants_it(tmp_path: Path) -> None:
    script = Script()
    wants = {"type": "error", "error": {"type": "invalid_request_error", "message": "Field 'file' is required.", "param": "file"}}
    script.on("POST", "/skills", httpx.Response(400, json=wants), httpx.Response(201, json=SKILL))
    resource = work.by_name(script.vendor, "skills")
    verb = resource.verb("create")
    assert verb is not None
    assert await script.vendor.perform(values.call(resource, verb, (), body={}, file=packed(tmp_path, "skills"))) == SKILL
    first, second = script.sent("POST")
    assert b'name="files"; filename="invoice-audit.zip"' in first.content and b'name="file"; filename=' in second.content


async def test_variables_go_as_a_map_where_the_server_wants_one() -> None:
    script = Script()
    wants = {"type": "error", "error": {"type": "invalid_request_error", "message": "object", "param": "environment_variables"}}
    script.on("POST", "/sessions", httpx.Response(400, json=wants), httpx.Response(200, json=SESSION))
    resource = work.by_name(script.vendor, "sessions")
    verb = resource.verb("create")
    assert verb is not None
    body = values.created(verb, values.with_values(verb, {}, {"agent": A, "environment": E, "variables": {"A": "1"}}))
    assert await script.vendor.perform(values.call(resource, verb, (), body=body)) == SESSION
    assert [one["environment_variables"] for one in script.bodies("POST", "/sessions")] == ["A=1", {"A": "1"}]


async def test_a_rotation_is_never_repeated_by_itself() -> None:
    script = Script()
    where = f"/vaults/{V}/credentials/vcred_t0x8"
    script.on("GET", where, httpx.Response(200, json=CREDENTIAL))
    script.on("POST", where, httpx.ReadError("cut"))
    resource = work.by_name(script.vendor, "credentials")
    verb = resource.verb("rotate")
    assert verb is not None
    edit = work.Edit(script.vendor, resource, verb, (V, "vcred_t0x8"))
    with pytest.raises(Exception, match="nothing was sent again"):
        await edit.write(values.with_values(verb, await edit.begin(), {"access_token": "s3cret"}))
    assert len(script.sent("POST")) == 1


async def test_a_deletion_whose_answer_was_lost_is_looked_for() -> None:
    script = Script()
    script.on("DELETE", f"/vaults/{V}", httpx.ReadError("cut"))
    script.on("GET", f"/vaults/{V}", refused(404, "not_found_error"))
    resource = work.by_name(script.vendor, "vaults")
    verb = resource.verb("delete")
    assert verb is not None
    await script.vendor.perform(values.call(resource, verb, (V,)))
    assert len(script.sent("DELETE")) == 1


async def test_a_list_goes_on_in_both_paging_styles() -> None:
    script = Script()
    one, two, three = ({**VAULT, "id": f"vault_{number}"} for number in range(3))
    script.on("GET", "/vaults", page(one, has_more=True), page(two, has_more=True, next_page="c"), page(three))
    resource = work.by_name(script.vendor, "vaults")
    verb = resource.verb("list")
    assert verb is not None
    call = values.call(resource, verb, ())
    assert [item["id"] async for item in work.every(script.vendor, call)] == ["vault_0", "vault_1", "vault_2"]
    assert [dict(request.url.params) for request in script.sent("GET")] == [
        {"limit": "100"}, {"limit": "100", "after_id": "vault_0"}, {"limit": "100", "page": "c"},
    ]  # fmt: skip


def test_a_request_shows_no_key_and_no_secret() -> None:
    resource = next(one for one in RESOURCES if one.name == "credentials")
    verb = resource.verb("create")
    assert verb is not None
    body = values.created(
        verb, values.with_values(verb, {}, {"kind": "static_bearer", "url": "https://m.test/'x", "token": "s3cret"})
    )
    call = values.call(resource, verb, (V,), body=body)
    command, curl = values.as_command(resource, call, "qoder", "lab"), values.as_curl(resource, call, BASE, "QODER_ACCESS_TOKEN")
    assert "s3cret" not in command + curl
    assert command.startswith(f"parlour qoder credentials create {V} --data ") and command.endswith("--profile lab")
    assert '"Authorization: Bearer $QODER_ACCESS_TOKEN"' in curl and curl.count("***") == 1
