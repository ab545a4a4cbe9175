"""An authority of our own, and certificates that it signs, made with openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """PEM files: the key, the certificate, and both in one as Kafka's PEM stores want them."""

    key: Path
    cert: Path
    both: Path


class Authority:
    """Signs certificates for a day; everything lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._key = folder / "ca.key"
        self.cert = folder / "ca.pem"
        words = ["-x509", "-days", "1", "-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign"]
        _openssl("req", *words, *_NEW_KEY, "-keyout", str(self._key), "-out", str(self.cert))

    def sign(self, name: str) -> Certificate:
        """A certificate for 127.0.0.1 whose common name is `name`."""
        certificate = Certificate(*(self._folder / f"{name}.{ending}" for ending in ("key", "pem", "both.pem")))
        words = ["-x509", "-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        words += ["-CA", str(self.cert), "-CAkey", str(self._key), "-addext", "basicConstraints=critical,CA:FALSE"]
        _openssl("req", *words, *_NEW_KEY, "-keyout", str(certificate.key), "-out", str(certificate.cert))
        certificate.both.write_text(certificate.key.read_text() + certificate.cert.read_text())
        return certificate


_NEW_KEY = ("-newkey", "rsa:2048", "-nodes")


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, stdin=subprocess.DEVNULL)
