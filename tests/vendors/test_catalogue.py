"""The table of vendors, base URLs, keys that cannot be keys, and what importing it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.errors import KeyRefused, SettingsError
from app.models import Profile
from app.protocols import Vendor
from app.vendors import CATALOGUE, connect, normal_base

GOOD = [
    ("codeer", "https://api.codeer.ai", "https://api.codeer.ai/api/v1"),
    ("codeer", "https://api.codeer.ai/", "https://api.codeer.ai/api/v1"),
    ("codeer", " https://API.Codeer.AI:443/api/v1/ ", "https://api.codeer.ai/api/v1"),
    ("codeer", "https://gate.example:8443/codeer/api/v1", "https://gate.example:8443/codeer/api/v1"),
    ("codeer", "http://127.0.0.1:5001", "http://127.0.0.1:5001/api/v1"),
    ("codeer", "http://localhost:80/api/v1", "http://localhost/api/v1"),
    ("codeer", "http://[::1]:5001/api/v1", "http://[::1]:5001/api/v1"),
    ("qoder", "https://api.qoder.com/api/v1/cloud/", "https://api.qoder.com/api/v1/cloud"),
    ("qoder", "http://127.0.0.1:9/api/v1/cloud", "http://127.0.0.1:9/api/v1/cloud"),
]
BAD = [
    ("codeer", "http://api.codeer.ai"),
    ("codeer", "http://127.0.0.1.evil.example/api/v1"),
    ("codeer", "http://0.0.0.0/api/v1"),
    ("codeer", "https://user:hunter2@api.codeer.ai"),
    ("codeer", "https://@api.codeer.ai"),
    ("codeer", "https://api.codeer.ai/api/v2"),
    ("codeer", "https://api.codeer.ai/api"),
    ("codeer", "https://api.codeer.ai/api/v1?x=1"),
    ("codeer", "https://api.codeer.ai/api/v1#x"),
    ("codeer", "https://api.codeer.ai?"),
    ("codeer", "https://api.codeer.ai/../api/v1"),
    ("codeer", "https://api.codeer.ai\\@evil.example/api/v1"),
    ("codeer", "https://api.codeer.ai/a b/api/v1"),
    ("codeer", "https://аpi.codeer.ai"),
    ("codeer", "https://api.codeer.ai:99999"),
    ("codeer", "https://"),
    ("codeer", "api.codeer.ai"),
    ("codeer", "ftp://api.codeer.ai"),
    ("codeer", "file:///etc/passwd"),
    ("codeer", ""),
    ("qoder", "https://api.qoder.com"),
    ("qoder", "https://api.qoder.com/api/v1"),
    ("qoder", "https://api.qoder.com/api/v2/cloud"),
    ("qoder", "http://api.qoder.com/api/v1/cloud"),
    ("other", "https://api.example"),
]


@pytest.mark.parametrize(("vendor", "text", "base"), GOOD)
def test_bases(vendor: str, text: str, base: str) -> None:
    assert normal_base(vendor, text) == base == normal_base(vendor, base)


@pytest.mark.parametrize(("vendor", "text"), BAD)
def test_refused_bases(vendor: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        normal_base(vendor, text)
    assert "hunter2" not in str(caught.value)


def test_the_defaults_are_normal() -> None:
    for name, entry in CATALOGUE.items():
        assert entry.default_region in entry.bases
        for base in entry.bases.values():
            assert normal_base(name, base) == base
    assert CATALOGUE["qoder"].guess("pt-abc") and not CATALOGUE["codeer"].guess("pt-abc") and CATALOGUE["codeer"].guess("cdr-1")


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "ключ", "a b", "pt-abcdefghijklmnopqrstuvwx", "k" * 10_000, "a\x00b"])
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(KeyRefused) as caught:
        connect(Profile("p", "codeer", "https://api.codeer.ai"), key)
    assert not key.strip() or key not in str(caught.value)


def test_connecting() -> None:
    for name, entry in CATALOGUE.items():
        vendor = connect(Profile("p", name, entry.bases[entry.default_region] + "/"), " pt-key\n" if name == "qoder" else "key")
        assert isinstance(vendor, Vendor) and vendor.label == entry.label


def test_importing_it_loads_no_http() -> None:
    names = "('httpx', 'httpcore', 'httpx_sse', 'keyring')"
    code = f"import sys, app.vendors; print([name for name in sys.modules if name.split('.')[0] in {names}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
