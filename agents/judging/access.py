"""The judge that a model's name stands for, reached as all hosted models are."""

from agents.judging.judge import ROLE, Judge, rubric
from agents.models.access import ModelAccess
from policies.manifest import AgentVersion, Budget, Price, RoleModel


def judge_of(
    access: ModelAccess,
    name: str,
    *,
    alias: bool = False,
    price: Price | None = None,
    usd_per_day: float | None = None,
    text: str | None = None,
) -> Judge:
    """Make a judge.

    Args:
        access: how hosted models are reached, with its breakers and its ledger.
        name: ``PROVIDER/MODEL``, by its snapshot.
        alias: accepts a name without a snapshot; a calibration then holds for as long as nobody changes it.
        price: where the provider's list is not to be trusted.
        usd_per_day: what it may cost on one day.
        text: another rubric than the built-in one.

    Raises:
        ModelUnavailable: it cannot be called here.
        pydantic.ValidationError: the name is an alias and that was not accepted.

    """
    model = RoleModel(name=name, alias=alias, max_tokens=600, price=price)
    described = AgentVersion.model_validate(
        {
            "name": ROLE,
            "version": "1",
            "kind": "pipeline",
            "models": {"resolution": {"name": "extractive"}},
            "deadline": "60s",
        }
    ).model_copy(update={"budget": Budget(usd_per_day=usd_per_day)})
    return Judge(access.hosted(described, ROLE, model), text if text is not None else rubric())
