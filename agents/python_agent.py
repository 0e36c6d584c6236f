"""An agent of this Python environment, named as ``module:factory``."""

import importlib
import inspect
from difflib import get_close_matches

from agents.contract import Agent


class FactoryUnusable(LookupError):
    """A factory that does not give the agent. Names the place, what is wrong and what to do."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def from_factory(ref: str, path: str) -> Agent:
    """The agent that ``module:factory``, called without arguments, gives for a version.

    Raises:
        FactoryUnusable: the module cannot be found or fails while it is imported, it has no such name,
            the factory fails, or what it gives is no agent of this version.

    """
    module_name, _, name = path.partition(":")
    module = _imported(ref, path, module_name)
    factory = getattr(module, name, None)
    if factory is None:
        public = [each for each in vars(module) if not each.startswith("_")]
        close = get_close_matches(name, public, 1)
        hint = f"did you mean {module_name}:{close[0]}?" if close else "give module:function"
        raise FactoryUnusable(f"{ref}: factory {path!r} cannot be called: no {name!r} there; {hint}")
    if not callable(factory):
        raise FactoryUnusable(
            f"{ref}: factory {path!r} cannot be called: it is a {type(factory).__name__}; "
            "name a function without arguments that returns the agent"
        )
    try:
        made = factory()
    except Exception as error:
        raise FactoryUnusable(f"{ref}: factory {path!r} failed: {_said(error)}") from error
    return _agent(ref, path, made)


def _imported(ref: str, path: str, module_name: str) -> object:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if missing in {module_name, *_parents(module_name)}:
            hint = f"there is no module {missing!r}; install the package, or set PYTHONPATH to its folder"
        else:
            hint = f"{module_name} itself is there, but it imports {missing!r}, which is not installed"
        raise FactoryUnusable(f"{ref}: factory {path!r} cannot be called: {hint}") from error
    except Exception as error:
        raise FactoryUnusable(
            f"{ref}: factory {path!r} cannot be called: {module_name} fails while it is imported: "
            f"{_said(error)}"
        ) from error


def _agent(ref: str, path: str, made: object) -> Agent:
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()
        raise FactoryUnusable(f"{ref}: factory {path!r} is asynchronous; return the agent from a plain one")
    answer, version = getattr(made, "answer", None), getattr(made, "version", None)
    if not callable(answer) or not isinstance(version, str):
        raise FactoryUnusable(
            f"{ref}: factory {path!r} made a {type(made).__name__}, which is no agent; it needs 'version' "
            "and 'async def answer(self, ticket, triage, tools)', see agents/contract.py"
        )
    if version != ref:
        raise FactoryUnusable(f"{ref}: factory {path!r} made {version}; versions must agree")
    return made  # type: ignore[return-value]  # looked at just before


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
