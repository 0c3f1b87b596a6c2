"""The few management reads the vendor's own command line makes with the same key (contract 14)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.models import Json
from app.sandbox.codeer.account import ORGANIZATION, WORKSPACE, Account, Chat, agent_object, chat_object
from app.sandbox.codeer.parts import parts_of
from app.sandbox.codeer.wire import number, page, reply


class External:
    """Who the key stands for, and the workspace's agents."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def me(self, request: Request) -> Response:
        """GET /external/me: the virtual user of the workspace."""
        del request
        return reply(
            {
                "email": "sandbox@parlour.invalid",
                "profile": {
                    "default_workspace_id": WORKSPACE,
                    "default_organization_id": ORGANIZATION,
                    "workspaces": [{"id": WORKSPACE, "name": "Sandbox"}],
                    "workspace_organization_map": {WORKSPACE: ORGANIZATION},
                },
            }
        )

    async def agents(self, request: Request) -> Response:
        """GET /external/agents."""
        del request
        return reply([agent_object(agent) for agent in self._account.agents()])

    async def agent(self, request: Request) -> Response:
        """GET /external/agents/{agent_id}."""
        return reply(agent_object(self._account.agent(request.path_params["agent_id"])))

    async def histories(self, request: Request) -> Response:
        """GET /external/histories, newest first."""
        query = request.query_params
        agent, user = query.get("agent_id"), query.get("external_user_id")
        found = [
            chat
            for chat in reversed(self._account.chats())
            if agent in (None, chat["agent_id"]) and user in (None, chat["external_user_id"])
        ]
        rows, pagination = page(request, found)
        return reply([self._row(chat) for chat in rows], pagination)

    async def history(self, request: Request) -> Response:
        """GET /external/histories/{id}."""
        return reply(self._row(self._chat(request)))

    async def parts(self, request: Request) -> Response:
        """GET /external/histories/{id}/messages: every part, under the export's own contract word."""
        chat = self._chat(request)
        shown, pagination = page(request, parts_of(chat))
        return reply(
            {
                "export_contract": "history-parts-v1",
                "part_revision": f"{chat['id']}-{pagination['total_records']}",
                "messages": shown,
                "page": {name: pagination[name] for name in ("limit", "offset", "total_records")},
            }
        )

    def _chat(self, request: Request) -> Chat:
        return self._account.chat(number(request.path_params["chat_id"], "History"))

    def _row(self, chat: Chat) -> dict[str, Json]:
        agent = self._account.agent(chat["agent_id"])
        ratings = [one["type"] for row in chat["rows"] for one in row["feedbacks"]]
        return {
            **chat_object(chat),
            "agent_id": agent.id,
            "agent_name": agent.name,
            "feedback_conversation_counts": {kind: ratings.count(kind) for kind in sorted(set(ratings))},
        }
