"""What the tools of the demo's desk do: the sample helpdesk, with the one order each customer has.

In memory of the process that calls them: nothing outlives it but what the record says of the calls.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from agents.tools.refusals import ToolFailed
from rollout.tooling.helpdesk import Helpdesk, Order, Refused
from rollout.trials.wording import order_of


def get_order_status(arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Status and total of the customer's order.

    Raises:
        ToolFailed: it is not theirs.

    """
    return _called("get_order_status", arguments, key)


def refund(arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give money back, once per key.

    Raises:
        ToolFailed: the order is not theirs, or it is more than was paid.

    """
    return _called("refund", arguments, key)


def change_email(arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Change the address, once per key."""
    return _called("change_email", arguments, key)


def _called(tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    try:
        return _desk_of(str(arguments["customer_id"])).call(tool, arguments, key)
    except Refused as refusal:
        raise ToolFailed(str(refusal)) from refusal


@cache
def _desk_of(customer_id: str) -> Helpdesk:
    order_id = order_of(int(customer_id.rpartition("-")[2]))
    paid = Decimal(9 + int(order_id[2:]) % 110) + Decimal("0.90")
    return Helpdesk(orders={order_id: Order(customer_id, "delivered", paid)})
