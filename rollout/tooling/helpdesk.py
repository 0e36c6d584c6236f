"""A sample helpdesk with three tools, for trials and demonstrations: orders in memory, nothing real.

    HELPDESK_TOOLS_SECRET=… python -m rollout.tooling.helpdesk --port 8790    # signed HTTP
    python -m rollout.tooling.helpdesk --mcp                                  # the same as an MCP server

It keeps what a real one should: signatures are verified, the same idempotency key is answered once, and
an order of another customer is not there.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollout.webhooks.signature import HEADER, Key, Unverified, verify_signed

SECRET: Final = "HELPDESK_TOOLS_SECRET"  # noqa: S105 (the variable's name)


class Refused(Exception):
    """What the desk will not do; nothing has changed."""


@dataclass(slots=True)
class Order:
    """One order; ``total_usd`` is what was paid."""

    customer_id: str
    status: str
    total_usd: Decimal
    refunded_usd: Decimal = Decimal(0)


def sample_orders() -> dict[str, Order]:
    return {
        "ORD-1001": Order("c-1", "delivered", Decimal("59.90")),
        "ORD-1002": Order("c-2", "in transit", Decimal("120.00")),
        "ORD-1003": Order("c-1", "lost", Decimal("18.50")),
    }


@dataclass(slots=True)
class Helpdesk:
    """Orders and accounts. ``journal`` lists what was changed, in order."""

    orders: dict[str, Order] = field(default_factory=sample_orders)
    emails: dict[str, str] = field(default_factory=dict)
    journal: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    _answered: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def call(self, tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Do it once per key; without one, every time.

        Raises:
            Refused: nothing has changed.

        """
        done = self._answered.get(key)
        if done is not None and key:
            return done
        known: Mapping[str, Callable[..., Mapping[str, Any]]] = {
            "get_order_status": self.get_order_status,
            "refund": self.refund,
            "change_email": self.change_email,
        }
        if tool not in known:
            raise Refused(f"no tool {tool}")
        answer = known[tool](**arguments)
        if tool != "get_order_status":
            self.journal.append((tool, dict(arguments)))
            self._answered[key] = answer
        return answer

    def get_order_status(self, customer_id: str, order_id: str) -> Mapping[str, Any]:
        order = self._order(customer_id, order_id)
        return {
            "order_id": order_id,
            "status": order.status,
            "total_usd": str(order.total_usd),
            "refunded_usd": str(order.refunded_usd),
        }

    def refund(self, customer_id: str, order_id: str, amount_usd: float, reason: str) -> Mapping[str, Any]:
        order = self._order(customer_id, order_id)
        amount = Decimal(str(amount_usd))
        if order.refunded_usd + amount > order.total_usd:
            raise Refused("more than was paid")
        order.refunded_usd += amount
        return {"order_id": order_id, "refunded_usd": str(order.refunded_usd), "reason": reason}

    def change_email(self, customer_id: str, email: str) -> Mapping[str, Any]:
        self.emails[customer_id] = email
        return {"changed": True}

    def _order(self, customer_id: str, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None or order.customer_id != customer_id:
            raise Refused(f"no order {order_id} of this customer")
        return order


def create_app(desk: Helpdesk, secret: str) -> Starlette:
    """The desk behind signed HTTP."""

    async def call(request: Request) -> Response:
        body = await request.body()
        try:
            verify_signed([Key(secret.encode(), None)], body, request.headers.get(HEADER), datetime.now(UTC))
            asked = orjson.loads(body)
            named = request.path_params["tool"] == asked["tool"]  # the address is not signed, the body is
            tool = asked["tool"] if named else "of another name"
            return JSONResponse(dict(desk.call(tool, asked["arguments"], asked["idempotency_key"])))
        except Unverified as error:
            return JSONResponse({"error": str(error)}, 401)
        except (Refused, KeyError, TypeError, orjson.JSONDecodeError) as error:
            return JSONResponse({"error": str(error)}, 422)

    return Starlette(routes=[Route("/tools/{tool}", call, methods=["POST"])])


def create_mcp(desk: Helpdesk) -> Any:
    """The same desk as an MCP server of the official library."""
    from mcp.server.mcpserver import Context, MCPServer
    from mcp_types import CallToolResult, TextContent

    from rollout.tooling.mcp_server import KEY, NO_EFFECT

    server = MCPServer("sample helpdesk")

    def done(context: Context, tool: str, **arguments: Any) -> CallToolResult:
        meta = context.request_context.meta or {}
        try:
            answer = dict(desk.call(tool, arguments, str(meta.get(KEY, ""))))
        except Refused as error:
            said = [TextContent(type="text", text=str(error))]
            return CallToolResult(content=said, is_error=True, _meta={NO_EFFECT: True})
        text = orjson.dumps(answer).decode()
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer)

    @server.tool()
    def get_order_status(customer_id: str, order_id: str, context: Context) -> CallToolResult:
        """Look up one of the customer's orders."""
        return done(context, "get_order_status", customer_id=customer_id, order_id=order_id)

    @server.tool()
    def refund(
        customer_id: str, order_id: str, amount_usd: float, reason: str, context: Context
    ) -> CallToolResult:
        """Give the customer money back for one of their orders."""
        told = {"customer_id": customer_id, "order_id": order_id, "amount_usd": amount_usd, "reason": reason}
        return done(context, "refund", **told)

    @server.tool()
    def change_email(customer_id: str, email: str, context: Context) -> CallToolResult:
        """Change the e-mail address of the customer's account."""
        return done(context, "change_email", customer_id=customer_id, email=email)

    return server


def main() -> int:
    """Run it until it is stopped."""
    parser = argparse.ArgumentParser(description="A sample helpdesk with three tools.")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--mcp", action="store_true", help="speak MCP on standard input and output")
    asked = parser.parse_args()
    if asked.mcp:
        create_mcp(Helpdesk()).run()
        return 0
    secret = os.environ.get(SECRET, "")
    if not secret:
        sys.stderr.write(f"set {SECRET} to the secret that calls are signed with\n")
        return 2
    import uvicorn

    uvicorn.run(create_app(Helpdesk(), secret), host="127.0.0.1", port=asked.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
