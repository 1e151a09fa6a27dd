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

"""The HTTP API: targets as a WSGI application.

========================  =============================================
``POST /targets``         201, or 200 when the target is there already;
                          ``Location`` names it
``GET /targets``          200; ``{"targets": [...]}``, narrowed down by
                          the members of a target as query parameters
``GET /targets/<id>``     200 with ``values``
``DELETE /targets/<id>``  204
========================  =============================================

The targets are those of section 2 of the reference of monitoring. An
error is ``{"title", "description"}``: 400 names each field and its fix,
503 asks to try again.
"""

from __future__ import annotations

import http
from typing import Any

import falcon
from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.collector import errors
from esi_worker.collector.monitoring import Monitoring
from esi_worker.collector.registry import Registry
from esi_worker.collector.rendering import Renderer
from esi_worker.collector.targets import Target
from esi_worker.collector.validation import TargetParser

LOG = logging.getLogger(__name__)

#: Query parameters of the list.
FILTERS = (
    'type',
    'resource_type',
    'resource_id',
    'field_name',
    'tenant_id',
    'version',
)
_RETRY_AFTER_SECONDS = 1


class TargetCollection:
    """``/targets``"""

    def __init__(
        self,
        monitoring: Monitoring,
        parser: TargetParser,
        renderer: Renderer,
        clock: clocks.Clock,
        max_body_bytes: int,
    ) -> None:
        self._monitoring = monitoring
        self._parser = parser
        self._renderer = renderer
        self._clock = clock
        self._max_body_bytes = max_body_bytes

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        wanted = _filters(req)
        resp.media = {
            'targets': [
                self._renderer.target(target)
                for target in self._monitoring.list()
                if _matches(target, wanted)
            ]
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = self._body(req)
        now = clocks.timestamp(self._clock)
        saved = self._monitoring.create(self._parser.parse(body, now))
        resp.media = self._renderer.target(saved.target)
        resp.location = self._renderer.link(saved.target.id)
        resp.status = (
            http.HTTPStatus.CREATED if saved.created else http.HTTPStatus.OK
        )

    def _body(self, req: falcon.Request) -> bytes:
        media_type = (req.content_type or '').partition(';')[0].strip().lower()
        if media_type != falcon.MEDIA_JSON:
            raise falcon.HTTPUnsupportedMediaType(
                description='send the target as Content-Type: application/json'
            )
        limit = self._max_body_bytes
        body: bytes = req.bounded_stream.read(limit + 1)
        if len(body) > limit:
            raise falcon.HTTPContentTooLarge(
                title='The target is too large',
                description=f'send at most {limit} bytes',
            )
        return body


class TargetItem:
    """``/targets/<id>``"""

    def __init__(
        self, monitoring: Monitoring, registry: Registry, renderer: Renderer
    ) -> None:
        self._monitoring = monitoring
        self._registry = registry
        self._renderer = renderer

    def on_get(
        self, _req: falcon.Request, resp: falcon.Response, target_id: str
    ) -> None:
        target = self._monitoring.get(target_id)
        values = self._registry.values(target_id)
        resp.media = self._renderer.target_with_values(target, values)

    def on_delete(
        self, _req: falcon.Request, resp: falcon.Response, target_id: str
    ) -> None:
        self._monitoring.delete(target_id)
        resp.status = http.HTTPStatus.NO_CONTENT


def application(collection: TargetCollection, item: TargetItem) -> Any:
    """Make the WSGI application."""
    app = falcon.App()
    app.add_route('/targets', collection)
    app.add_route('/targets/{target_id}', item)
    # The handler that was added last is asked first.
    app.add_error_handler(Exception, _on_bug)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(errors.InvalidTarget, _on_invalid)
    app.add_error_handler(errors.TargetNotFound, _on_missing)
    app.add_error_handler(exceptions.TransientError, _on_transient)
    return app


def _filters(req: falcon.Request) -> dict[str, str]:
    unknown = sorted(set(req.params) - set(FILTERS))
    if unknown:
        raise falcon.HTTPBadRequest(
            title='Unknown query parameter',
            description=f'"{unknown[0][:40]}" cannot be asked for; '
            f'known are: {", ".join(FILTERS)}',
        )
    return {name: req.get_param(name, default='') for name in req.params}


def _matches(target: Target, wanted: dict[str, str]) -> bool:
    return all(
        str(getattr(target, name)) == value for name, value in wanted.items()
    )


def _on_invalid(_req: Any, _resp: Any, error: Exception, _params: Any) -> None:
    raise falcon.HTTPBadRequest(
        title='This target cannot be monitored', description=str(error)
    )


def _on_missing(_req: Any, _resp: Any, error: Exception, _params: Any) -> None:
    raise falcon.HTTPNotFound(title='No such target', description=str(error))


def _on_transient(
    req: falcon.Request, _resp: Any, error: Exception, _params: Any
) -> None:
    LOG.warning(
        'Request not served; method=%s path=%s reason=%s',
        req.method,
        req.path,
        error,
    )
    raise falcon.HTTPServiceUnavailable(
        title='Not now',
        description='etcd does not answer as it should; ask again',
        retry_after=_RETRY_AFTER_SECONDS,
    )


def _on_http_error(
    _req: Any, _resp: Any, error: falcon.HTTPError, _params: Any
) -> None:
    raise error


def _on_bug(
    req: falcon.Request, _resp: Any, _error: Exception, _params: Any
) -> None:
    LOG.exception('Request failed; method=%s path=%s', req.method, req.path)
    raise falcon.HTTPInternalServerError(
        title='This is a fault of the collector',
        description='its log says more',
    )
