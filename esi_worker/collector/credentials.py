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

"""Credentials that targets name and do not hold.

``community_name``, ``login`` and ``password`` of a target may be the
name of an entry in a file, ``[collector] credentials_file``, so that
the secret itself is neither in etcd nor in a template nor on the wire::

    ESE_NODE_COMMUNITY: public
    core_password: s3cret
    EDGE_ROUTER_COMMUNITY: {user: monitor, auth_password: ...}

The file is YAML, an object of texts and objects. It is read again when
it has changed; while it cannot be read, what was read before counts.
"""

from __future__ import annotations

import os
from pathlib import Path
import threading

from oslo_log import log as logging
import yaml

from esi_worker import exceptions
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class Credentials:
    """The entries of the credentials file; without one there are none."""

    def __init__(self, path: str | None = None) -> None:
        """Read the file.

        :raises ConfigurationError: it cannot be read
        """
        self._path = Path(path) if path else None
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._entries: dict[str, Json] = {}
        if self._path is not None:
            self._stamp = _stamp(self._path)
            self._entries = _load(self._path)

    def resolve(self, value: Json) -> Json:
        """What an entry of this name holds; else the value itself."""
        if not isinstance(value, str):
            return value
        with self._lock:
            self._refresh()
            return self._entries.get(value, value)

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            # Not again until it changes, even if it cannot be used.
            self._stamp = stamp
            self._entries = _load(self._path)
        except exceptions.ConfigurationError as error:
            LOG.error('The earlier credentials are used on: %s', error)
        else:
            LOG.info('Credentials were read again; file=%s', self._path)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load(path: Path) -> dict[str, Json]:
    try:
        entries = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise _unusable(path, error.strerror or 'it cannot be read') from None
    except (ValueError, yaml.YAMLError):
        # The text of the error would show what stands in the file.
        raise _unusable(path, 'it is no YAML text in UTF-8') from None
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise _unusable(path, 'it is no object of names')
    for name, entry in entries.items():
        if not isinstance(name, str) or not isinstance(entry, str | dict):
            raise _unusable(
                path, f'the entry {str(name)[:40]!r} is no text and no object'
            )
    return entries


def _unusable(path: Path, reason: str) -> exceptions.ConfigurationError:
    return exceptions.ConfigurationError(
        f'the credentials file {path} cannot be used: {reason}; correct it, '
        'or credentials_file in [collector]'
    )
