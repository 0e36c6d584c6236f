"""Tools that are Python functions of the tools' process."""

import asyncio
import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from agents.tools.refusals import ToolFailed
from policies.tools import ToolDeclaration


async def call(tool: ToolDeclaration, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What the function answers to ``arguments`` and the idempotency key.

    A function that is not ``async`` runs in a thread: it cannot be stopped, only given up.

    Raises:
        ToolFailed: there is no such function, or it says itself that it changed nothing.
        OutcomeUnknown: it raised something else, or took too long.

    """
    assert tool.python is not None
    function = _found(tool.python.function)
    async with asyncio.timeout(tool.timeout.total_seconds()):
        if inspect.iscoroutinefunction(function):
            answer = await function(arguments, key)
        else:
            answer = await asyncio.to_thread(function, arguments, key)
    if not isinstance(answer, Mapping):
        raise TypeError(f"{tool.name}: a tool answers a mapping, not {type(answer).__name__}")
    return answer


@cache
def _found(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ToolFailed(f"{path}: {error}") from error
    if not callable(function):
        raise ToolFailed(f"{path} is no function")
    return function  # type: ignore[no-any-return]
