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

"""The version of the installed package, and which process this is."""

from __future__ import annotations

import functools
from importlib import metadata
import os
import socket

PACKAGE = 'esi-worker'


@functools.cache
def version() -> str:
    """Such as ``0.1.0``; between releases with a suffix ``.devN``."""
    return metadata.version(PACKAGE)


def about() -> dict[str, str | int]:
    """Which process this is, for the records of processes in etcd."""
    return {
        'host': socket.gethostname(),
        'pid': os.getpid(),
        'version': version(),
    }
