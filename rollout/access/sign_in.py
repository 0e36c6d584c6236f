"""How people sign in with their own identity provider: the settings, and what its claims make of them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rollout.access.key_file import FOLDER
from rollout.access.principal import Method, Principal, is_tenant
from rollout.access.roles import Role
from rollout.errors import NotSignedIn, UsageError

NAME: Final = "oidc.toml"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_NAME: Final = 100
_LONGEST_SUBJECT: Final = 200

Claim = Annotated[str, Field(pattern=r"^[^\s.]+(\.[^\s.]+)*$")]
"""A claim, or a place inside one: ``realm_access.roles``."""


class SignInSettings(BaseModel):
    """``access/oidc.toml`` of the data folder. A key nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    issuer: str
    """Exactly as tokens say it in ``iss``."""
    audience: str
    """What tokens for this server say in ``aud``."""
    jwks_url: str
    """Where the issuer publishes its keys."""
    algorithms: list[Literal["RS256", "ES256"]] = Field(default=["RS256"], min_length=1)
    leeway_seconds: Annotated[float, Field(ge=0, le=300)] = 60.0
    """How far the issuer's clock may be from ours."""
    name_claim: Claim = "email"
    """What the record calls people. Give keys the same names: one name is one person."""
    roles_claim: Claim = "groups"
    roles: dict[str, list[Role]] = Field(default={}, min_length=1)
    """What each value of ``roles_claim`` may be here; others give no role."""
    tenant: str | None = None
    """The tenant of all who sign in; or ``tenant_claim`` says each one's."""
    tenant_claim: Claim | None = None
    all_tenants_for: list[str] = []
    """Values of ``roles_claim`` whose holders are of the whole installation."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.tenant is None) == (self.tenant_claim is None):
            raise ValueError("give either tenant or tenant_claim")
        if self.tenant is not None and not is_tenant(self.tenant):
            raise ValueError(f"tenant {self.tenant!r} is no name of a tenant")
        place = urlsplit(self.jwks_url)
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in _LOOPBACK):
            raise ValueError("jwks_url has to be https: whoever changes the keys is everybody")
        return self


def path_of(data: Path) -> Path:
    """The file of a data folder."""
    return data / FOLDER / NAME


def load(data: Path) -> SignInSettings | None:
    """The folder's settings; None where nobody signs in.

    Raises:
        UsageError: the file is not as it should be; the server does not start with it.

    """
    path = path_of(data)
    try:
        value = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    try:
        return SignInSettings.model_validate_json(_as_json(value))
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        )
        raise UsageError(f"{path}: {told}") from None


def principal_of(claims: Mapping[str, Any], settings: SignInSettings) -> Principal:
    """Who verified claims name. Roles come from the settings' table only.

    Raises:
        NotSignedIn: no subject or no tenant that can be.

    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise NotSignedIn("the token names no subject that can be recorded")
    groups = _texts(_at(claims, settings.roles_claim))
    roles = frozenset(role for group in groups for role in settings.roles.get(group, ()))
    tenant: str | None = None
    if not groups & set(settings.all_tenants_for):
        named = settings.tenant or _at(claims, settings.tenant_claim or "")
        if not isinstance(named, str) or not is_tenant(named):
            raise NotSignedIn("the token names no tenant")
        tenant = named
    return Principal(f"oidc:{subject}", tenant, roles, Method.OIDC, _name(_at(claims, settings.name_claim)))


def _at(claims: Mapping[str, Any], place: str) -> Any:
    if place in claims:  # some issuers have dots in the names of claims
        return claims[place]
    value: Any = claims
    for part in place.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    return frozenset(each for each in values if isinstance(each, str))


def _name(value: Any) -> str | None:
    """A name as the record takes it: without the signs that set it off from the id."""
    if not isinstance(value, str):
        return None
    plain = "".join(sign for sign in value if sign.isprintable() and sign not in "()").strip()
    return plain[:_LONGEST_NAME] or None


def _as_json(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)
