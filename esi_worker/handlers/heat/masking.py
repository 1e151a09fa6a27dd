# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Keeps secrets out of what is published and logged.

A value is a secret when the name it stands under, or any name above it,
looks like that of a secret. Heat quotes parameter values in its reasons,
so each text that came from there is masked with the values of the job it
belongs to. Secrets under harmless names are not recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import json
import re

from esi_worker.model.codec import Json

MASK = '***'
_SECRET_NAME = re.compile(
    'password|passwd|passphrase|community|token|secret|md5|license'
    # A key, but not Keystone.
    r'|keys?$|(?<![a-z])keys?[_-]',
    re.IGNORECASE,
)
#: Shorter secrets are masked only where they stand as a whole word.
_SHORT = 4
#: A text may have been cut within a secret; so much of it gives it away.
_CUT = 4


def secrets_in(value: Json) -> frozenset[str]:
    """Collect the secret values in nested objects, as texts."""
    return frozenset(text for text in _collect(value, False) if text)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Put ``***`` in the place of every secret in a text."""
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = _without(text, form)
    return text


def _collect(value: Json, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            named = _SECRET_NAME.search(str(name)) is not None
            yield from _collect(item, secret or named)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _collect(item, secret)
    elif secret and not isinstance(value, bool | None):
        yield str(value)


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may be written: plain, quoted, line by line."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) > 2 * _SHORT)


def _without(text: str, secret: str) -> str:
    if len(secret) < _SHORT:
        pattern = rf'(?<!\w){re.escape(secret)}(?!\w)'
        return re.sub(pattern, MASK, text)
    text = text.replace(secret, MASK)
    for length in range(len(secret) - 1, _CUT - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length] + MASK
    return text
