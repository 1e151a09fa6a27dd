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

"""Waits for a database that another process is still making."""

from __future__ import annotations

import time

import sqlalchemy
from sqlalchemy import exc, pool

POLL_SECONDS = 0.05
TIMEOUT_SECONDS = 60.0


def wait_for(url: str, timeout: float = TIMEOUT_SECONDS) -> None:
    """Return once the database accepts connections.

    Raises sqlalchemy's OperationalError when it does not in time.
    """
    engine = sqlalchemy.create_engine(url, poolclass=pool.NullPool)
    deadline = time.monotonic() + timeout
    while True:
        try:
            engine.connect().close()
        except exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return
