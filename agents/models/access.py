"""How the versions of one process reach hosted models: one library, one breaker per provider, one ledger."""

from collections.abc import Callable
from threading import Lock

from agents.models.breaker import Breaker, Provider
from agents.models.budget import Ledger
from agents.models.draft import ModelUnavailable
from agents.models.exchange import Gateway
from agents.models.gateway import LiteLLM
from agents.models.hosted import HostedModel
from agents.models.settings import ProviderSettings
from policies.manifest import AgentVersion, RoleModel


class ModelAccess:
    """Makes the models of roles. What versions share is made once, when it is first needed."""

    def __init__(
        self,
        gateway: Gateway | None = None,
        ledger: Ledger | None = None,
        *,
        settings: Callable[[str], ProviderSettings] = ProviderSettings.of,
        breaker: Callable[[], Breaker] = Breaker,
    ) -> None:
        self._gateway = gateway
        self._loading = Lock()
        self.ledger = ledger or Ledger()
        self._settings = settings
        self._breaker = breaker
        self.providers: dict[str, Provider] = {}
        """By name, for whoever watches the breakers."""

    def prepared(self) -> Gateway:
        """The library, loaded: it takes seconds, better before the first customer waits for it.

        Raises:
            ModelUnavailable: it is not installed.

        """
        with self._loading:
            if self._gateway is None:
                self._gateway = LiteLLM()
            return self._gateway

    def hosted(self, manifest: AgentVersion, role: str, model: RoleModel) -> HostedModel:
        """The model of a role.

        Raises:
            ModelUnavailable: no provider in its name, the library is missing, or a budget in money
                where nobody knows the price.

        """
        provider, slash, rest = model.name.partition("/")
        if not (provider and slash and rest):
            raise ModelUnavailable(
                f"{manifest.ref}: model {model.name!r} names no provider; write PROVIDER/MODEL, e.g. openai/"
                f"{model.name}"
            )
        settings = self._settings(provider)
        if provider not in self.providers:
            self.providers[provider] = Provider(provider, self._breaker(), most=settings.concurrency)
        made = HostedModel(
            role,
            model,
            self.prepared(),
            self.providers[provider],
            settings,
            self.ledger,
            manifest.budget,
            manifest.price,
        )
        if manifest.budget.in_money and made.cost(1000, 1000) is None:
            raise ModelUnavailable(
                f"{manifest.ref}: nobody knows what {model.name!r} costs, so a budget in US dollars cannot "
                "be kept; add price: {input_usd_per_million_tokens: …, output_usd_per_million_tokens: …}"
            )
        return made
