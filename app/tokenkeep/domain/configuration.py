"""The settings of `config.toml` as values, with the defaults that hold when nothing is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from tokenkeep.domain.access import AccessRule, Decision
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.issuers import issuer_conflicts
from tokenkeep.domain.provider import AnyProvider, BrokenProvider, Provider, Seconds, StrictModel
from tokenkeep.domain.registration import check_document_address
from tokenkeep.domain.session import ConfigurationProblem

DecisionValue = Annotated[
    Decision, BeforeValidator(lambda value: Decision(value) if value in list(Decision) else value)
]


def _document_address(url: str) -> str:
    return check_document_address(url, local=True) if url else url


class AppSettings(StrictModel):
    """`[app]`."""

    autostart: bool = False
    start_hidden: bool = True
    theme: Literal["system", "light", "dark"] = "system"
    language: str = "system"
    browser: str = ""
    log_level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    notifications: Literal["all", "needs_you", "none"] = "needs_you"
    lock_with_screen: bool = False
    reduced_motion: Literal["system", "on"] = "system"
    activity_days: Annotated[int, Field(ge=0)] = 90
    client_metadata_url: Annotated[str, AfterValidator(_document_address)] = ""


class StorageSettings(StrictModel):
    """`[storage]`: where the master key is kept; plain text is no choice."""

    key: Literal["keyring", "passphrase", "memory"] = "keyring"


class RefreshSettings(StrictModel):
    """`[refresh]`, all in seconds."""

    validity_skew: Seconds = 30.0
    ahead: Seconds = 600.0
    retry_max: Seconds = 300.0


class AccessRuleEntry(StrictModel):
    """One `[[access.rule]]` as written."""

    app: str = ""
    script: str = ""
    socket: str = ""
    provider: str = "*"
    scope: str = ""
    resource: list[str] = []
    audience: str = ""
    id_token: bool = False
    decision: DecisionValue

    @model_validator(mode="after")
    def _names_one_program(self) -> Self:
        if sum(map(bool, (self.app, self.script, self.socket))) != 1:
            raise ValueError("an access rule names its program by exactly one of app, script, socket")
        return self

    def as_rule(self) -> AccessRule:
        """The rule as the access check uses it."""
        written: dict[str, Any] = self.model_dump()
        return AccessRule(**{**written, "scope": tuple(self.scope.split()), "resource": tuple(self.resource)})


class AccessSettings(StrictModel):
    """`[access]`. Headless, "ask" means deny."""

    default: DecisionValue = Decision.ASK
    manage: DecisionValue = Decision.ASK
    remember: Seconds = 43_200.0
    rule: list[AccessRuleEntry] = []


class SocketSettings(StrictModel):
    """`[sockets]`."""

    restricted: bool = False
    restricted_providers: list[str] = []
    oidc_agent: bool = False


class GatewayClient(StrictModel):
    """`[gateway.clients.NAME]`."""

    providers: list[str] = []


class GatewaySettings(StrictModel):
    """`[gateway]`."""

    enabled: bool = False
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    clients: dict[str, GatewayClient] = {}


class HttpSettings(StrictModel):
    """`[http]`: how providers are reached. Nothing here turns certificate checks off (NET-1)."""

    timeout: Seconds = 15.0
    proxy: str = "system"
    ca_bundle: str = ""


class Configuration(StrictModel):
    """All of `config.toml`: what is good, and what could not be used and why.

    Whatever it was made from, no entry in it claims an earlier one's issuer with other endpoints (META-8).
    """

    app: AppSettings = AppSettings()
    storage: StorageSettings = StorageSettings()
    refresh: RefreshSettings = RefreshSettings()
    access: AccessSettings = AccessSettings()
    sockets: SocketSettings = SocketSettings()
    gateway: GatewaySettings = GatewaySettings()
    http: HttpSettings = HttpSettings()
    providers: dict[str, AnyProvider] = {}
    problems: tuple[ConfigurationProblem, ...] = ()

    @field_validator("providers")
    @classmethod
    def _one_issuer_one_set_of_endpoints(cls, providers: dict[str, AnyProvider]) -> dict[str, AnyProvider]:
        broken = {
            id_: BrokenProvider(
                id=id_, name=providers[id_].name, reason=f"{conflict.sentence}.", key=f"providers.{id_}.{conflict.key}"
            )
            for id_, conflict in issuer_conflicts(providers.values()).items()
        }
        return providers | broken

    def check_addition(self, provider: Provider) -> None:
        """Refuse an entry that is about to be added, or to take the place of the one with its id (META-8).

        :raises Misconfigured: another entry has its issuer with other endpoints.
        """
        others = [one for one in self.providers.values() if one.id != provider.id]
        conflict = issuer_conflicts([*others, provider]).get(provider.id)
        if conflict is not None:
            raise Misconfigured(
                f"{conflict.sentence}.",
                hint="Give the same endpoints, or none, or remove the other entry.",
                key=f"providers.{provider.id}.{conflict.key}",
                provider=provider.id,
            )
