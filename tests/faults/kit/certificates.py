"""A certificate authority of the test's own, and certificates that are right or wrong in one way each."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


class Authority:
    """``roots`` is a file that trusts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        made = self._build(self._name, self._key, days=(-2, 30)).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def server(self, kind: str) -> ssl.SSLContext:
        """``kind``: good, self-signed, expired, wrong-name."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        signer = key if kind == "self-signed" else self._key
        days = (-2, -1) if kind == "expired" else (-2, 30)
        built = self._build(name, key, days, issuer=name if kind == "self-signed" else self._name)
        place: x509.GeneralName = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        if kind == "wrong-name":
            place = x509.DNSName("other.example")
        built = built.add_extension(x509.SubjectAlternativeName([place]), critical=False)
        file = self._folder / f"{kind}.pem"
        form = serialization.PrivateFormat.PKCS8
        private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        file.write_bytes(private + built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: tuple[int, int], issuer: x509.Name | None = None
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * _DAY)
            .not_valid_after(now + days[1] * _DAY)
        )
