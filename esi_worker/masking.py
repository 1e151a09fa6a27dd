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
looks like that of a secret or is one of ``[DEFAULT] secret_fields``. Heat
quotes parameter values in its reasons, so each text that came from there
is masked with the values of the job it belongs to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
import json
import re
from typing import Any

from oslo_config import cfg

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


OPTS = [
    cfg.ListOpt(
        'secret_fields',
        default=[],
        help='Names of further fields and parameters whose values are '
        'secrets, at any depth, in any case. They never reach a log, an '
        'error or a page. What is named like a password, a token, a key or '
        'the like is a secret anyway, and so is every parameter that a Heat '
        'template declares as hidden.',
    ),
]


def list_opts() -> list[tuple[str, list[Any]]]:
    """The options by group, for the generator of the sample file."""
    return [('DEFAULT', list(OPTS))]


def fields(conf: Any) -> frozenset[str]:
    """The names that the configuration says are those of secrets."""
    conf.register_opts(OPTS)
    return frozenset(name.lower() for name in conf.secret_fields)


def secrets_in(value: Any, names: Collection[str] = ()) -> frozenset[str]:
    """Collect the secret values in nested objects, as texts.

    :param value: what JSON can hold
    :param names: further names of secrets, in lower case
    """
    return frozenset(text for text in _collect(value, False, names) if text)


def texts_in(value: Any) -> frozenset[str]:
    """Collect all values in nested objects, for all are secrets."""
    return frozenset(text for text in _collect(value, True, ()) if text)


def redacted(value: Any, names: Collection[str] = ()) -> Any:
    """The same objects with ``***`` in the place of every secret.

    :param value: what JSON can hold
    :param names: further names of secrets, in lower case
    """
    if isinstance(value, Mapping):
        return {
            name: MASK
            if is_secret(name, names) and item not in (None, '')
            else redacted(item, names)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(item, names) for item in value]
    return value


def without(value: Any, secrets: Collection[str]) -> Any:
    """The same objects with ``***`` in the place of known secrets.

    :param value: what JSON can hold
    :param secrets: the secret values as texts, wherever they stand
    """
    if isinstance(value, Mapping):
        return {name: without(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [without(item, secrets) for item in value]
    if isinstance(value, str):
        return masked(value, secrets)
    is_known = not isinstance(value, bool | None) and str(value) in secrets
    return MASK if is_known else value


def is_secret(name: object, names: Collection[str] = ()) -> bool:
    """Whether what stands under a name is a secret."""
    text = str(name)
    return text.lower() in names or _SECRET_NAME.search(text) is not None


def masked(text: str, secrets: Iterable[str]) -> str:
    """Put ``***`` in the place of every secret in a text."""
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = _without(text, form)
    return text


def _collect(
    value: Any, secret: bool, names: Collection[str]
) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            named = secret or is_secret(name, names)
            yield from _collect(item, named, names)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _collect(item, secret, names)
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
