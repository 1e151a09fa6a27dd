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

"""What went wrong with a request to etcd, and whether it was applied.

The second question decides everything: a request that surely was not
applied may go to the next endpoint, a write whose fate is unknown must
not. No text made here holds more than the endpoint, etcd's own message
and the reason of the operating system.
"""

from __future__ import annotations

import dataclasses
import enum
import json

from etcd3gw import exceptions as gateway
import requests
from urllib3 import exceptions as urllib3_errors

from esi_worker import exceptions

#: What a call through etcd3gw raises.
CALL_ERRORS = (
    gateway.Etcd3Exception,
    requests.RequestException,
    urllib3_errors.HTTPError,
    OSError,
    ValueError,
)


class Fate(enum.Enum):
    """What became of a request that failed."""

    #: etcd said why; no other endpoint would say otherwise.
    REFUSED = 'refused'
    #: The request was not applied, another endpoint may take it.
    NOT_APPLIED = 'not applied'
    #: The request may have been applied.
    UNKNOWN = 'unknown'
    #: As REFUSED, but a new token may help.
    REAUTHENTICATE = 'reauthenticate'


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A failed request: what became of it, and the error to raise."""

    fate: Fate
    error: exceptions.StoreError


_REFUSALS: dict[str, type[exceptions.StoreError]] = {
    'duplicate key given in txn request': exceptions.DuplicateKey,
    'too many operations in txn request': exceptions.TooManyOperations,
    'request is too large': exceptions.RequestTooLarge,
    'message larger than max': exceptions.RequestTooLarge,
    'database space exceeded': exceptions.StoreNoSpace,
    'requested lease not found': exceptions.LeaseLost,
    'required revision has been compacted': exceptions.RevisionCompacted,
    'invalid user ID or password': exceptions.StoreAuthError,
    'user name not found': exceptions.StoreAuthError,
    'permission denied': exceptions.StoreAuthError,
    'authentication is not enabled': exceptions.StoreAuthError,
}
_BAD_TOKEN = (
    'invalid auth token',
    'user name is empty',
    'revision of auth store is old',
    'revision in header is old',
)
_NOT_APPLIED = (
    'etcdserver: no leader',
    'etcdserver: too many requests',
    'not supported for learner',
)
# gRPC codes that say nothing about the request itself: cancelled,
# unknown, deadline exceeded, aborted, internal, unavailable, data loss.
_UNCERTAIN_CODES = frozenset((1, 2, 4, 10, 13, 14, 15))
# How OpenSSL names what happens before the first byte is sent.
_HANDSHAKE = ('CERTIFICATE', 'ALERT', 'WRONG_VERSION', 'HOSTNAME')


def classify(error: Exception, endpoint: str) -> Failure:
    """Sort out an error that a call raised."""
    if isinstance(error, gateway.Etcd3Exception):
        cause = error.__context__
        if not isinstance(cause, requests.RequestException):
            return answered(error.detail_text or '', endpoint)
        # etcd3gw wraps the connection errors of requests.
        error = cause
    unsent = _unsent(error)
    return Failure(
        Fate.NOT_APPLIED if unsent else Fate.UNKNOWN,
        exceptions.StoreUnavailable(f'{endpoint}: {_reason(error)}'),
    )


def answered(body: str, endpoint: str) -> Failure:
    """Sort out an answer that is not what was asked for."""
    text, code = _parse(body)
    for pattern, kind in _REFUSALS.items():
        if pattern in text:
            return Failure(Fate.REFUSED, kind(text))
    if any(pattern in text for pattern in _BAD_TOKEN):
        return Failure(Fate.REAUTHENTICATE, exceptions.StoreAuthError(text))
    unavailable = exceptions.StoreUnavailable(f'{endpoint}: {text}')
    if any(pattern in text for pattern in _NOT_APPLIED):
        return Failure(Fate.NOT_APPLIED, unavailable)
    if code in _UNCERTAIN_CODES:
        return Failure(Fate.UNKNOWN, unavailable)
    return Failure(Fate.REFUSED, exceptions.RequestRefused(text))


def _parse(body: str) -> tuple[str, int]:
    """The message and the gRPC code of an error answer."""
    try:
        answer = json.loads(body)
        if isinstance(answer['error'], dict):
            # The error of a stream is one level deeper.
            answer = answer['error']
        text = answer.get('message') or answer.get('error')
        code = answer.get('code', answer.get('grpc_code', 2))
        return str(text), int(code)
    except (ValueError, KeyError, TypeError, AttributeError):
        return 'the answer is not from etcd', 2


def _unsent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    if isinstance(error, requests.exceptions.SSLError):
        return any(word in str(error).upper() for word in _HANDSHAKE)
    inner = error.args[0] if error.args else None
    reason = getattr(inner, 'reason', inner)
    return isinstance(
        reason,
        (
            urllib3_errors.NewConnectionError,
            urllib3_errors.ConnectTimeoutError,
            urllib3_errors.NameResolutionError,
        ),
    )


def _reason(error: BaseException) -> str:
    """The innermost reason, without the noise around it."""
    if isinstance(error, requests.Timeout):
        return 'timed out'
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return 'the answer is not from etcd'
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
