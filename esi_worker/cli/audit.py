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

"""A record of every change that an operator makes.

Two lines of JSON on the log channel ``esi_worker.audit``: one before
anything is written, one with what came of it. They share an ``id``. The
channel goes to the system log of the host where there is one, and to the
file that ``--log-file`` names; on a terminal, in between of questions, it
is seen only with ``--verbose``. It says who did what to what, never with
which values.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import getpass
import json
import logging
import logging.handlers
import os
from pathlib import Path
import socket
import uuid

from esi_worker import exceptions

CHANNEL = 'esi_worker.audit'
LOG = logging.getLogger(CHANNEL)

_SYSLOG = Path('/dev/log')


def set_up() -> None:
    """Send the channel to the system log too, once."""
    LOG.setLevel(logging.INFO)
    if any(
        isinstance(each, logging.handlers.SysLogHandler)
        for each in LOG.handlers
    ):
        return
    if _SYSLOG.exists():
        try:
            handler = logging.handlers.SysLogHandler(str(_SYSLOG))
        except OSError:
            return
        handler.setFormatter(
            logging.Formatter('esi-worker-manage: %(message)s')
        )
        LOG.addHandler(handler)


def who() -> str:
    """Who runs the command, as user@host."""
    user = os.environ.get('SUDO_USER')
    if not user:
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
    return f'{user}@{socket.gethostname()}'


@contextlib.contextmanager
def recorded(action: str, what: str) -> Iterator[None]:
    """Note a change before it is made, and its outcome afterwards.

    An outcome is ``unknown`` when nobody can tell whether the change was
    made: the store has not answered, or the command was stopped.
    """
    line = {
        'event': 'command',
        'id': uuid.uuid4().hex[:12],
        'who': who(),
        'action': action,
        'what': what,
    }
    _write(line, 'begun')
    try:
        yield
    except exceptions.StoreTimeout as error:
        _write(line, 'unknown', str(error))
        raise
    except exceptions.EsiWorkerError as error:
        _write(line, 'failed', str(error))
        raise
    except BaseException as error:
        _write(line, 'unknown', type(error).__name__)
        raise
    _write(line, 'done')


def _write(line: dict[str, str], outcome: str, reason: str = '') -> None:
    line = {**line, 'outcome': outcome}
    if reason:
        line['reason'] = reason
    LOG.info('%s', json.dumps(line))


def is_other(record: logging.LogRecord) -> bool:
    """Whether a line of the log is of another channel."""
    return record.name != CHANNEL
