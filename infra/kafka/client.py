"""How every Kafka client of ours reaches the cluster."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from infra.environment import PREFIX, file_of, read_file, variable
from infra.errors import SettingsError
from infra.kafka.header_names import accept_any_header_name
from infra.settings import Settings


def client_args(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client; its consumers take any header name from then on.

    Raises SettingsError when a certificate cannot be used.
    """
    accept_any_header_name()
    args: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        args["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        args["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            args["sasl_oauth_token_provider"] = _Token(settings)
        elif settings.kafka_password is not None:
            args["sasl_plain_username"] = settings.kafka_username
            args["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return args


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    name, reason = "kafka_ca_file", ""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
        if settings.kafka_cert_file is not None:
            name = "kafka_cert_file"
            # An empty password turns a key that is encrypted into an error instead of a question on the terminal.
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file, password="")
        return context
    except ssl.SSLError as error:
        reason = error.reason or "not in PEM form, or the key does not belong to the certificate"
    except OSError as error:
        reason = error.strerror or "cannot be read"
    raise SettingsError(f"{variable(name)}: the certificate cannot be used ({reason})")


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """The password as bearer token; where it comes from a file, the file is read again for every connection, so that
    what renews the token only has to write it there."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
        self._file = file_of("kafka_password")

    async def token(self) -> str:
        """The token to log in with."""
        if self._file is None:
            return self._password
        return await asyncio.to_thread(read_file, f"{PREFIX}KAFKA_PASSWORD_FILE", self._file)
