"""Keys out of other people's text: a server may echo what it was sent."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

_SHORTEST = 4


class Redactor:
    """Replaces secrets in any text by ``***`` and their last four letters, also in percent, Base64 and hex spelling."""

    def __init__(self, secrets: Sequence[str]) -> None:
        forms: dict[str, str] = {}
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                mark = "***" + (secret[-4:] if len(secret) >= 12 else "")
                for form in _forms(secret):
                    forms.setdefault(form, mark)
        self._forms = forms
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor(***)"

    def __call__(self, text: str) -> str:
        """``text`` without the secrets."""
        if self._pattern is None or not any(form in text for form in self._forms):
            return text
        return self._pattern.sub(lambda match: self._forms[match[0]], text)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "replace")
    forms = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret),
        json.dumps(secret)[1:-1],
        raw.hex(),
        raw.hex().upper(),
    }
    forms.update({re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in set(forms) if "%" in form})
    forms.add("".join(f"%{byte:02X}" for byte in raw))
    forms.add("".join(f"%{byte:02x}" for byte in raw))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.add(encode(raw).decode().rstrip("="))
        for before in (1, 2):
            # Inside a longer Base64 text the letters at both ends mix with the neighbours; the ones between do not.
            code = encode(b"\0" * before + raw).decode().rstrip("=")
            forms.add(code[before + 1 : -1])
        forms.add(encode(raw).decode().rstrip("=")[:-1])
    return {form for form in forms if len(form) >= min(_SHORTEST, len(secret))}
