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

"""Serves a WSGI application by waitress, with limits that fit our tests."""

from __future__ import annotations

from typing import Any

import waitress

from esi_worker.embedded import ports

CONNECTION_LIMIT = 5000
"""waitress' default of 100 makes stack creates hang at about 50 stacks."""


def serve(application: Any, port: int, *, threads: int) -> None:
    """Serve on the loopback address until the process ends."""
    waitress.serve(
        application,
        host=ports.LOOPBACK,
        port=port,
        threads=threads,
        connection_limit=CONNECTION_LIMIT,
        # select() cannot watch that many connections.
        asyncore_use_poll=True,
    )
