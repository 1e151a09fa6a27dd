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

One line of JSON on the log channel ``esi_worker.audit``, which goes to
the system log of the host where there is one, and to the file that
``--log-file`` names. It says who did what to what, never with which
values.
"""

from __future__ import annotations

import getpass
import json
import logging
import logging.handlers
import os
from pathlib import Path
import socket

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


def record(action: str, what: str) -> None:
    """Note a change that was made."""
    line = {'event': 'command', 'who': who(), 'action': action, 'what': what}
    LOG.info('%s', json.dumps(line))
