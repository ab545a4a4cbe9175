"""A broker that lets nobody in without a login and nobody do what no ACL allows, and the ways to log in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from infra.embedded.ports import free_port
from tests.harness.kafka import Kafka
from tests.security.certificates import Authority

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICE, OPERATOR, SENDER, STRANGER = "fastlakare", "operator", "sender", "stranger"
_PASSWORD = "a password of the test"
_MODULES = "org.apache.kafka.common.security"
_RESOURCES = {
    "--topic": ResourceType.TOPIC,
    "--group": ResourceType.GROUP,
    "--transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


class Cluster:
    """`inside` is the broker's own listener, which tests use as its superuser; the service is given the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority(folder / "certificates")
        self._login, self._mutual = free_port(), free_port()
        server = self._authority.sign("server")
        listeners = f"127.0.0.1:{{port}},LOGIN://127.0.0.1:{self._login},MUTUAL://127.0.0.1:{self._mutual}"
        self._kafka = Kafka(
            folder / "node",
            {
                "listeners": f"PLAINTEXT://{listeners},CONTROLLER://127.0.0.1:{{controller}}",
                "advertised.listeners": f"PLAINTEXT://{listeners}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL",
                "sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
                "listener.name.login.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
                "listener.name.login.oauthbearer.sasl.jaas.config": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule"
                ' required unsecuredLoginStringClaim_sub="server";',
                "listener.name.mutual.ssl.client.auth": "required",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(server.both),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self._authority.cert),
                "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/,DEFAULT",
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
            },
        )
        self.inside = self._kafka.bootstrap

    @contextmanager
    def running(self) -> Iterator[Cluster]:
        """From the first start to the last stop."""
        users = (SERVICE, OPERATOR, SENDER, STRANGER)
        scram = [f"SCRAM-SHA-512=[name={name},password={_PASSWORD}]" for name in users]
        self._kafka.format(*(word for user in scram for word in ("--add-scram", user)))
        self._kafka.start()
        try:
            yield self
        finally:
            self._kafka.stop()

    def login(self, how: str, name: str) -> dict[str, str]:
        """The settings with which `name` logs in: `scram`, `oauthbearer` or `mutual TLS`."""
        ca = {"KAFKA_CA_FILE": str(self._authority.cert)}
        if how == "mutual TLS":
            certificate = self._authority.sign(name)
            files = {"KAFKA_CERT_FILE": str(certificate.cert), "KAFKA_KEY_FILE": str(certificate.key)}
            return {
                "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self._mutual}",
                "KAFKA_SECURITY_PROTOCOL": "SSL",
                **ca,
                **files,
            }
        sasl = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self._login}", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **ca}
        if how == "scram":
            return {
                **sasl,
                "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                "KAFKA_USERNAME": name,
                "KAFKA_PASSWORD": _PASSWORD,
            }
        token = self._folder / f"{name}.token"
        token.write_text(_token(name))
        return {**sasl, "KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_PASSWORD_FILE": str(token)}

    def admin(self) -> AdminClient:
        """The cluster's superuser."""
        return AdminClient({"bootstrap.servers": self.inside, "log_level": 0})

    def grant(self, file: str, name: str, prefix: str, group: str, *, but: AclOperation | None = None) -> None:
        """Gives the principal what a file of deploy/ lists, but for one operation."""
        bindings = [one for one in documented(file, name, prefix, group) if one.operation != but]
        admin = self.admin()  # kept until all has been answered
        for granted in admin.create_acls(bindings).values():
            granted.result(10)

    def rights(self, name: str, prefix: str) -> int:
        """How many ACLs the principal has that name the prefix."""
        every = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]
            ResourcePatternType.ANY,
            f"User:{name}",
            None,  # type: ignore[arg-type]
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        admin = self.admin()
        return sum(prefix in found.name for found in admin.describe_acls(every).result(10))


def documented(file: str, name: str, prefix: str, group: str) -> list[AclBinding]:
    """The lines of a file of deploy/ as ACLs of `name`."""
    lines = [line for line in (DEPLOY / file).read_text().splitlines() if line.startswith("--")]
    return [binding for line in lines for binding in _bindings(line.format(prefix=prefix, group=group), name)]


def _bindings(line: str, name: str) -> Iterator[AclBinding]:
    words = line.split()
    options = list(zip(words[::2], words[1::2], strict=True))
    kind, resource = next((_RESOURCES[word], text) for word, text in options if word in _RESOURCES)
    prefixed = ("--resource-pattern-type", "prefixed") in options
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    for word, text in options:
        if word == "--operation":
            allow = AclPermissionType.ALLOW
            yield AclBinding(kind, resource, pattern, f"User:{name}", "*", _OPERATIONS[text], allow)


def _token(name: str) -> str:
    now = int(time.time())
    segments = ({"alg": "none"}, {"sub": name, "iat": now - 60, "exp": now + 3600})
    encoded = [base64.urlsafe_b64encode(json.dumps(segment).encode()).decode().rstrip("=") for segment in segments]
    return ".".join(encoded) + "."
