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
"""``/metrics``, ``/healthz`` and ``/readyz``.

=============  ======================================================
``/metrics``   everything for Prometheus, as text
``/healthz``   200 as long as the process serves requests
``/readyz``    200 when the watch proved to be alive within its
               deadline and the lease is held, else 503 with a reason
=============  ======================================================
"""

from __future__ import annotations

from typing import Any

import falcon
import prometheus_client

from esi_worker import health as healths


class Metrics:
    """``/metrics``"""

    def __init__(self, registry: Any = prometheus_client.REGISTRY) -> None:
        self._registry = registry

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = prometheus_client.CONTENT_TYPE_LATEST
        resp.data = prometheus_client.generate_latest(self._registry)


class Alive:
    """``/healthz``"""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {'alive': True}


class Ready:
    """``/readyz``"""

    def __init__(self, living: healths.Living) -> None:
        self._living = living

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        health = self._living.health()
        resp.status = falcon.HTTP_200 if health.ready else falcon.HTTP_503
        resp.media = {
            'ready': health.ready,
            'reason': health.reason,
            'watch_silence_seconds': round(health.silence, 3),
            'lease_seconds': round(health.lease, 3),
            'leader': health.leading,
            **health.numbers,
        }


def add_routes(
    app: Any,
    living: healths.Living,
    registry: Any = prometheus_client.REGISTRY,
) -> None:
    """Add what every process serves."""
    app.add_route('/metrics', Metrics(registry))
    app.add_route('/healthz', Alive())
    app.add_route('/readyz', Ready(living))
