"""Where a provider is reached and with which key: settings of the process that calls, never of a version.

    RIDEALONG_MODEL_BASE_URL[_PROVIDER]    another address than the provider's own: a gateway, a local server
    RIDEALONG_MODEL_API_KEY[_PROVIDER]     the key; without it, the provider's usual variable is used
    RIDEALONG_MODEL_CONCURRENCY[_PROVIDER] calls at a time, 16 unless told

``PROVIDER`` is what stands before the slash of a model's name, in capitals: ``OPENAI``. One without it is
for all providers.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_PREFIX = "RIDEALONG_MODEL_"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One provider's."""

    name: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    concurrency: int = 16

    @classmethod
    def of(cls, provider: str, environment: Mapping[str, str] | None = None) -> Self:
        """Read from the environment.

        Raises:
            ValueError: a concurrency that is no positive whole number.

        """
        told = os.environ if environment is None else environment
        own = "".join(char if char.isalnum() else "_" for char in provider).upper()

        def setting(name: str) -> str | None:
            return told.get(f"{_PREFIX}{name}_{own}") or told.get(_PREFIX + name) or None

        most = setting("CONCURRENCY") or "16"
        if not most.isdecimal() or int(most) < 1:
            raise ValueError(f"{_PREFIX}CONCURRENCY is {most!r}, must be a whole number of at least 1")
        return cls(provider, setting("BASE_URL"), setting("API_KEY"), int(most))
