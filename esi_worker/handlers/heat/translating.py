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

"""Turns what heatclient and keystoneauth raise into our own errors.

Answers of Heat become a short reason: its own message on one line,
without the server's traceback, and never the whole body. The original
exception is dropped, for its text holds the body.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import re
from typing import Any, NoReturn

from heatclient import exc
from keystoneauth1 import exceptions as keystone
import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from esi_worker import exceptions
from esi_worker.handlers.heat import errors

_MAX_REASON = 800
#: Queries hold long lists of ids.
_QUERY = re.compile(r'\?\S*')
#: Where the inside of Heat begins in what it tells: its code, or the
#: statement that its database refused, with the values of its users.
_INTERNALS = re.compile(
    r'Traceback \(most recent call last\)|\[SQL: '
    r'|\(Background on this error at: '
)
#: What only an error of Heat's own database holds: the driver's name for
#: it, the statement, or where SQLAlchemy explains it.
_DATABASE = re.compile(
    r'\((?:psycopg2?|pymysql|MySQLdb|sqlite3)\.[\w.]+\) '
    r'|\[SQL: |\(Background on this error at: '
)
#: Not now: the token, the pace, a timeout; and every server error.
_TRANSIENT_CODES = frozenset((401, 408, 425, 429))
#: Something between us and Heat has lost its answer.
_LOST_CODES = frozenset((502, 504))
#: Heat's API has lost the answer of its engine.
_LOST_KINDS = frozenset(('MessagingTimeout',))


@contextlib.contextmanager
def addressing() -> Iterator[None]:
    """Translate the errors of a call that addresses one stack."""
    try:
        yield
    except exc.HTTPException as error:
        failure: exceptions.EsiWorkerError = _answered(error)
    except (
        exc.BaseException,
        keystone.ClientException,
        requests.RequestException,
    ) as error:
        failure = _unanswered(error)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        failure = errors.HeatUnavailable(
            'this is no answer of Heat; its endpoint seems to be wrong '
            f'({type(error).__name__})'
        )
    else:
        return
    raise failure from None


@contextlib.contextmanager
def listing() -> Iterator[None]:
    """Translate the errors of a call that lists stacks.

    A list is never missing: then something else than Heat has answered.
    """
    try:
        with addressing():
            yield
    except errors.StackNotFound as error:
        _misrouted(error)


def _misrouted(error: errors.StackNotFound) -> NoReturn:
    raise errors.HeatUnavailable(
        f'{error}; the endpoint of Heat seems to be wrong'
    ) from None


def _unanswered(error: Exception) -> errors.HeatUnavailable:
    text = _QUERY.sub('', f'{type(error).__name__}: {error}')
    sent = isinstance(
        error,
        keystone.RetriableConnectionFailure
        | keystone.UnknownConnectionError
        | requests.RequestException,
    )
    if sent and not _never_connected(error):
        return errors.AnswerLost(_one_line(text))
    return errors.HeatUnavailable(_one_line(text))


def _never_connected(error: BaseException) -> bool:
    """Whether a request cannot have reached anybody.

    keystoneauth names errors of all kinds alike and chains the original.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(
            seen, requests.exceptions.ConnectTimeout | NewConnectionError
        ):
            return True
        inner = getattr(seen.args[0], 'reason', None) if seen.args else None
        if isinstance(inner, NewConnectionError | ConnectTimeoutError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _answered(error: Any) -> exceptions.EsiWorkerError:
    code = error.code
    kind, reason = _reason(error)
    text = f'HTTP {code}: {reason or type(error).__name__}'
    if code in _LOST_CODES or kind in _LOST_KINDS:
        return errors.AnswerLost(text)
    if code in _TRANSIENT_CODES or not isinstance(code, int) or code >= 500:
        return errors.HeatUnavailable(text)
    if code == 404:
        return errors.StackNotFound(text)
    if code == 409 and kind == 'StackExists':
        return errors.StackExists(text)
    if code == 409 and kind == 'ActionInProgress':
        return errors.StackBusy(text)
    if code == 403 and not reason:
        return errors.HeatForbids(f'{text}, and Heat tells no reason')
    return errors.HeatRefused(text)


def _reason(error: Any) -> tuple[str, str]:
    """Heat's name for the error, and its message on one line, if any."""
    body = error.error.get('error') if isinstance(error.error, dict) else None
    if not isinstance(body, dict):
        return '', ''
    message = body.get('message')
    if not isinstance(message, str):
        # Something in front of Heat has answered, with a page of its own.
        return '', ''
    kind = body.get('type')
    return str(kind or ''), _one_line(message)


def is_of_database(text: str) -> bool:
    """Whether a reason tells an error of Heat's own database.

    :param text: the whole of it, internals included
    """
    return _DATABASE.search(text) is not None


def without_internals(text: str) -> str:
    """A message or reason of Heat as far as it is meant for users."""
    return _INTERNALS.split(text, maxsplit=1)[0].rstrip()


def _one_line(text: str) -> str:
    text = ' '.join(without_internals(text).split())
    return text if len(text) <= _MAX_REASON else text[:_MAX_REASON] + '...'
