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

"""What etcd held while a load balancer's port was changed.

One example from the original system, by key, with the bodies decoded.
"""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any

PATH = 'v2.0/ports/23464cbc-d910-430a-93f7-3776ea07f992'
CONFIG = f'/config/{PATH}'
JOB = (
    '/jobs/all/modify:heat_worker:port:'
    '23464cbc-d910-430a-93f7-3776ea07f992:3:qfz6n'
)
STACK = f'/esi-worker/heat_stacks/{PATH}'
JOB_STATE = f'/esi-worker/job_state/{PATH}'
STATE = f'/state/{PATH}'


@functools.cache
def _document() -> dict[str, Any]:
    path = pathlib.Path(__file__).with_name('seed.json')
    document: dict[str, Any] = json.loads(path.read_text('utf-8'))
    return document


def value(key: str) -> Any:
    """The decoded value of a key."""
    return _document()[key]


def text(key: str) -> str:
    """The value as it is stored, keys sorted."""
    return json.dumps(value(key), sort_keys=True)
