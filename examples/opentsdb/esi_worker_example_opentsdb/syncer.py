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

"""Puts numbers into OpenTSDB (section 6.2 of the reference of
monitoring).

One request per result, with a point for each set of tags, at every
poll. A point that OpenTSDB refuses (400) is dropped and logged: asking
again would not help. Anything else is tried again, with the value that
is the latest by then.
"""

from __future__ import annotations

from collections.abc import Mapping
import http
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_log import log as logging
import requests

from esi_worker import exceptions, plugins
from esi_worker.collector.syncers import base
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

_GROUP = 'tsdb'
_OPTIONS = [
    cfg.URIOpt(
        'url',
        schemes=['http', 'https'],
        required=True,
        help='Base URL of OpenTSDB, such as http://opentsdb:4242.',
    ),
    cfg.FloatOpt(
        'timeout',
        default=5.0,
        min=0.1,
        help='Seconds that a request may take.',
    ),
]
_TAGS = {
    'type': 'object',
    'minProperties': 1,
    'additionalProperties': {'type': 'string', 'minLength': 1},
}


class OpenTsdbDown(exceptions.TransientError):
    """OpenTSDB does not take a point now."""


class OpenTsdbSyncer(base.Syncer):
    """Publishes what ``syncer_properties.tsdb`` names, by result."""

    report_keys: ClassVar[frozenset[str] | None] = None
    settings: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': {
            'type': 'object',
            'required': ['metric', 'tags'],
            'properties': {
                'metric': {'type': 'string', 'minLength': 1},
                'tags': {
                    'anyOf': [
                        _TAGS,
                        {'type': 'array', 'items': _TAGS, 'minItems': 1},
                    ]
                },
            },
        },
    }

    def __init__(self, context: base.SyncerContext) -> None:
        super().__init__(context)
        group = context.conf[_GROUP]
        self._url = f'{group.url.rstrip("/")}/api/put'
        self._timeout = group.timeout

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((_GROUP, _OPTIONS),)

    def needs(self, target: Target, name: str, value: Any) -> bool:
        return bool(self._points(target, name, value))

    def publish(self, target: Target, name: str, value: Any) -> None:
        points = self._points(target, name, value)
        # Another collector may poll this target by now.
        if not points or self.context.fence(target) is None:
            return
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    self._url, json=points, timeout=self._timeout
                )
        except requests.RequestException as error:
            raise OpenTsdbDown(
                f'OpenTSDB does not answer: {type(error).__name__}'
            ) from None
        self._check(answer, target, name)

    def withdraw(self, target: Target) -> None:
        """What was measured stays true."""

    def _points(
        self, target: Target, name: str, value: Any
    ) -> list[dict[str, Any]]:
        wanted = target.syncer_properties[_GROUP].get(name)
        if wanted is None or isinstance(value, bool):
            return []
        if not isinstance(value, int | float):
            return []
        tags = wanted['tags']
        return [
            {
                'metric': wanted['metric'],
                'timestamp': int(self.context.clock.time()),
                'value': value,
                'tags': each,
            }
            for each in (tags if isinstance(tags, list) else [tags])
        ]

    def _check(
        self, answer: requests.Response, target: Target, name: str
    ) -> None:
        if answer.status_code == http.HTTPStatus.BAD_REQUEST:
            LOG.error(
                'OpenTSDB refuses a point, is the metric registered? '
                'target=%s result=%s',
                target,
                name,
            )
        elif answer.status_code >= http.HTTPStatus.BAD_REQUEST:
            raise OpenTsdbDown(f'OpenTSDB answered {answer.status_code}')
