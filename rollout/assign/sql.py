"""The same decisions as DuckDB expressions, for replays and audits over millions of rows.

Text only: this module imports no database. DuckDB's ``sha256`` hashes the UTF-8 bytes and gives
lower-case hex, so the first 16 digits are the first 8 bytes, big-endian.
"""

from collections.abc import Mapping
from typing import Final

from policies.vocabulary import Arm, Mode
from rollout.assign.bucket import exposure_prefix, variant_prefix
from rollout.assign.split import Split

COLUMNS: Final[Mapping[str, str]] = {
    key: key for key in ("complexity", "urgency", "category", "channel", "language", "region", "tier")
}


def quoted(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def bucket_sql(salt: str, unit: str = "customer_id") -> str:
    """The exposure bucket as UBIGINT; ``unit`` is an SQL expression."""
    return _hashed(exposure_prefix(salt), unit)


def eligible_sql(split: Split, columns: Mapping[str, str] = COLUMNS) -> str:
    """Whether a row is eligible; a NULL attribute is admitted only where the key admits everything."""
    conditions = [
        f"coalesce({columns[key]} IN ({', '.join(quoted(value) for value in sorted(allowed))}), false)"
        for key, allowed in split.eligibility.items()
        if allowed is not None
    ]
    return " AND ".join(conditions) or "true"


def arm_sql(split: Split, unit: str = "customer_id", columns: Mapping[str, str] = COLUMNS) -> str:
    """The arm of each row under ``split``: the twin of ``Assigner.decide``."""
    human, agent, canary = (quoted(arm.value) for arm in (Arm.HUMAN, Arm.AGENT, Arm.CANARY))
    if split.mode is Mode.SHADOW or not split.agent_below:
        return human
    exposure = bucket_sql(split.salt, unit)
    # Cheap conditions first: only eligible rows need a hash, only exposed ones a second.
    cases = [
        f"WHEN NOT ({eligible_sql(split, columns)}) THEN {human}",
        f"WHEN {exposure} >= {min(split.agent_below, split.holdout_from)} THEN {human}",
    ]
    if split.canary is not None and split.canary_below:
        variant = _hashed(variant_prefix(split.salt, split.canary), unit)
        cases.append(f"WHEN {variant} < {split.canary_below} THEN {canary}")
    return f"CASE {' '.join(cases)} ELSE {agent} END"


def _hashed(prefix: str, unit: str) -> str:
    return f"('0x' || left(sha256({quoted(prefix)} || ({unit})), 16))::UBIGINT"
