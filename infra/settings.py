"""The settings of an installation, from the environment or `.env`; an unknown or malformed one stops the start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from infra.environment import read_values, variable
from infra.errors import SettingsError
from schemas.ids import holds_patient_id

if TYPE_CHECKING:
    from handlers.world import Policy

__all__ = ["Need", "Settings", "SettingsError"]

Need = Literal["database", "kafka", "secret"]

_NEEDED: dict[Need, str] = {
    "database": "database_url",
    "kafka": "kafka_bootstrap_servers",
    "secret": "patient_key_secret",
}
_SECRET_BYTES = 32
_POSITION = re.compile(r"[0-9]{6}")
_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _none_when_empty(value: object) -> object:
    return None if value == "" else value


def _secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and len(value.get_secret_value().encode()) < _SECRET_BYTES:
        raise ValueError(f"must be {_SECRET_BYTES} bytes or more")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url:
        rule = "must be a URL like postgresql://user:password@host:port/database, special characters percent-encoded"
        try:
            scheme = urlsplit(url).scheme
        except ValueError:  # its text would quote the URL
            raise ValueError(rule) from None
        if scheme != "postgresql" or not url.startswith("postgresql://") or len(url) == len("postgresql://"):
            raise ValueError(rule)
    return value


def _servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",")] if value else []
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[1]) <= 65535:
            raise ValueError("must be host:port, several separated by commas")
    return ",".join(servers)


def _positions(value: object) -> object:
    if not isinstance(value, str):
        return value
    codes = [code.strip() for code in value.split(",")]
    if not all(_POSITION.fullmatch(code) for code in codes):
        raise ValueError("must be codes of six digits, several separated by commas")
    return codes


def _no_control_characters(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


def _operator(value: str | None) -> str | None:
    if value is not None and (not value.isprintable() or holds_patient_id(value)):
        raise ValueError("must be a name without control characters and personnummer")
    return value


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
OptionalText = Annotated[str | None, BeforeValidator(_none_when_empty)]


class Settings(BaseSettings):
    """What running.md lists under Settings. `database_url`, `kafka_bootstrap_servers` and `patient_key_secret` are
    empty where they were not given and the caller of `load` did not need them."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False, allow_inf_nan=False
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = SecretStr("")
    kafka_bootstrap_servers: Annotated[str, AfterValidator(_servers)] = ""
    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)
    ] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None,
        BeforeValidator(lambda value: _none_when_empty(_upper(value))),
    ] = None
    kafka_username: OptionalText = None
    kafka_password: Annotated[SecretStr | None, BeforeValidator(_none_when_empty)] = None
    kafka_ca_file: OptionalText = None
    kafka_cert_file: OptionalText = None
    kafka_key_file: OptionalText = None
    kafka_compression: Annotated[Literal["none", "gzip", "snappy", "lz4", "zstd"], BeforeValidator(_lower)] = "none"
    patient_key_secret: Annotated[SecretStr, AfterValidator(_secret)] = SecretStr("")
    group_id: Name = "fastlakare"
    instance_id: Annotated[Name | None, BeforeValidator(_none_when_empty)] = None
    topic_prefix: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12
    source: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_control_characters)] = "fastlakare"
    own_clock: bool = True
    clock_may_jump: bool = False
    on_doctor_left: Literal["end", "keep"] = "end"
    eligible_positions: Annotated[frozenset[str], BeforeValidator(_positions)] = frozenset(
        {"201010", "201011", "202010", "203010", "203090"}
    )
    doctor_figures_every: Annotated[float, Field(ge=0, le=86_400)] = 60
    verify_every: Annotated[float, Field(ge=0, le=86_400)] = 0
    dlq_retention_days: Annotated[int, Field(ge=1, le=3650)] = 14
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 2000
    batch_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 20
    http_host: Annotated[str, Field(min_length=1), AfterValidator(_no_control_characters)] = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    log_format: Literal["console", "json"] | None = None
    operator: Annotated[
        str | None, Field(max_length=100), BeforeValidator(_none_when_empty), AfterValidator(_operator)
    ] = None

    @classmethod
    def load(cls, needs: Iterable[Need] = ("database", "kafka", "secret")) -> Self:
        """The settings as given; raises SettingsError that names every one that is missing or malformed."""
        try:
            settings = cls()
        except ValidationError as error:
            problems = dict.fromkeys(_problem(problem) for problem in error.errors())
            raise SettingsError("; ".join(problems)) from None
        missing = [variable(_NEEDED[need]) for need in needs if not _is_set(getattr(settings, _NEEDED[need]))]
        if missing:
            raise SettingsError(f"{', '.join(missing)}: needed, but not given")
        return settings

    def topic(self, bare: str) -> str:
        """The topic's name on this cluster, for its name in the contract."""
        return self.topic_prefix + bare

    @property
    def transactional_id(self) -> str:
        """The relay's: one for the installation, so that a new leader shuts out every earlier one."""
        return f"{self.topic_prefix}{self.group_id}.relay"

    @property
    def policy(self) -> Policy:
        """What handlers need to know of the settings (S3, S6)."""
        from handlers.world import Policy  # here, so that reading settings stays quick for the tools

        return Policy(self.eligible_positions, self.on_doctor_left == "end")

    @model_validator(mode="after")
    def _kafka_security(self) -> Self:
        protocol, name = self.kafka_security_protocol, variable
        sasl: dict[str, object] = {
            "kafka_sasl_mechanism": self.kafka_sasl_mechanism,
            "kafka_password": self.kafka_password,
        }
        if self.kafka_sasl_mechanism != "OAUTHBEARER":
            sasl["kafka_username"] = self.kafka_username
        if protocol.startswith("SASL"):
            missing = [name(field) for field, value in sasl.items() if value is None]
            if missing:
                raise ValueError(f"{', '.join(missing)}: needed with {name('kafka_security_protocol')}={protocol}")
        elif any(value is not None for value in (*sasl.values(), self.kafka_username)):
            raise ValueError(f"{name('kafka_security_protocol')}: must be SASL_SSL or SASL_PLAINTEXT to log in")
        tls = (self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file)
        if not protocol.endswith("SSL") and any(file is not None for file in tls):
            raise ValueError(f"{name('kafka_security_protocol')}: must be SSL or SASL_SSL to use certificates")
        if self.kafka_key_file is not None and self.kafka_cert_file is None:
            raise ValueError(f"{name('kafka_cert_file')}: needed with {name('kafka_key_file')}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a caller gives goes first, then the variables."""
        return init_settings, _Variables(settings_cls)


class _Variables(PydanticBaseSettingsSource):
    """The environment and `.env`, with the suffix `_FILE` and without room for unknown names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Unused: all fields are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values that were given, as text."""
        return dict(read_values(self.settings_cls.model_fields))


def _is_set(value: SecretStr | str) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _problem(problem: Any) -> str:
    """One line for a pydantic error; its message states the rule and not the input."""
    rule = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable(str(problem['loc'][0]))}: {rule}" if problem["loc"] else rule
