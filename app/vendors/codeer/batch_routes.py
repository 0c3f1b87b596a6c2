"""The five batch routes of Codeer (contract 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.batch_models import Batch, Item, Result, Webhook
from app.errors import Refused
from app.models import Json, Page, Profile
from app.vendors.codeer import batches, pages, rows
from app.vendors.http import Params, Reply, segment


class BatchRoutes:
    """What the client can do with batches. Creating one is never repeated in doubt."""

    _profile: Profile

    async def _data(
        self, method: str, path: str, *, params: Params | None = None, body: Json = None, user: str | None = None
    ) -> Json:
        raise NotImplementedError

    async def _reply(self, method: str, path: str, params: Params | None, body: Json, user: str | None) -> Reply:
        raise NotImplementedError

    def batch_body(self, agent_id: str, items: Sequence[Item], webhook: Webhook | None = None) -> Json:
        """The body of ``create_batch``, the webhook's secret left out."""
        shown = replace(webhook, secret="…" if webhook.signed else "") if webhook is not None else None
        return batches.request(agent_id, items, shown, self._profile.external_user_id)

    async def create_batch(self, agent_id: str, items: Sequence[Item], webhook: Webhook | None = None) -> Batch:
        """POST /batches."""
        user = self._profile.external_user_id
        return batches.batch(
            await self._data("POST", "/batches", body=batches.request(agent_id, items, webhook, user)), made=True
        )

    async def batches(self, after: str = "", *, limit: int = 50) -> Page[Batch]:
        """GET /batches, newest first."""
        found = await self._batch_page("/batches", after, limit)
        items = tuple(batches.batch(row) for row in found.rows if rows.id_of(row) or row.get("batch_id") or row.get("uuid"))
        return Page(items, _next(found), found.total)

    async def batch(self, batch_id: str) -> Batch:
        """GET /batches/{batch_id}."""
        return batches.batch(await self._data("GET", f"/batches/{segment(batch_id)}"))

    async def batch_results(self, batch_id: str, after: str = "", *, limit: int = 500) -> Page[Result]:
        """GET /batches/{batch_id}/results."""
        found = await self._batch_page(f"/batches/{segment(batch_id)}/results", after, limit)
        return Page(tuple(batches.result(row) for row in found.rows if row.get("custom_id")), _next(found), found.total)

    async def cancel_batch(self, batch_id: str) -> Batch:
        """POST /batches/{batch_id}/cancel; one that is over already is simply read again."""
        path = f"/batches/{segment(batch_id)}"
        try:
            data = await self._data("POST", f"{path}/cancel", body={})
        except Refused:
            before = await self.batch(batch_id)
            if not before.state.over:
                raise
            return before
        return batches.batch(data) if isinstance(data, Mapping) and data else await self.batch(batch_id)

    async def _batch_page(self, path: str, after: str, limit: int) -> pages.Rows:
        offset = int(after) if after.isascii() and after.isdigit() else 0
        wanted = max(1, min(1000, limit))
        return pages.page((await self._reply("GET", path, {"limit": wanted, "offset": offset}, None, None)).data, offset, wanted)


def _next(found: pages.Rows) -> str:
    return "" if found.next is None else str(found.next)
