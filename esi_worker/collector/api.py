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
``PUT /targets/<id>``     200; another description for the same id
``DELETE /targets/<id>``  204
``GET /members.json``     the description of all that
``GET /metrics``          for Prometheus
``GET /healthz``          200 as long as the process answers
``GET /readyz``           200, or 503 while it cannot poll or publish
========================  =============================================

The targets are those of section 2 of the reference of monitoring. An
error is ``{"title", "description"}``: 400 names each field and its fix,
409 what stands in the way, 503 asks to try again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import http
import json
from typing import Any

import falcon
from oslo_log import log as logging
import prometheus_client

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker import health as healths
from esi_worker.collector import errors, members, peers
from esi_worker.collector.authentication import given_token
from esi_worker.collector.monitoring import Monitoring
from esi_worker.collector.rendering import Renderer
from esi_worker.collector.targets import Target
from esi_worker.collector.validation import TargetParser
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 1

#: Gives the members to show of a target's values, for a request that is
#: not passed on when it comes from another collector.
ValuesOf = Callable[[Target, str, bool], Mapping[str, Json]]


class _Targets:
    """What both resources share."""

    def __init__(
        self,
        monitoring: Monitoring,
        parser: TargetParser,
        renderer: Renderer,
        clock: clocks.Clock,
        max_body_bytes: int,
    ) -> None:
        self.monitoring = monitoring
        self.renderer = renderer
        self._parser = parser
        self._clock = clock
        self._max_body_bytes = max_body_bytes

    def described(self, req: falcon.Request) -> Target:
        """The target in the body of a request."""
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
        return self._parser.parse(body, clocks.timestamp(self._clock))


class TargetCollection(_Targets):
    """``/targets``"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        wanted = _filters(req)
        resp.media = {
            'targets': [
                self.renderer.target(target)
                for target in self.monitoring.list()
                if _matches(target, wanted)
            ]
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        saved = self.monitoring.create(self.described(req))
        shown = self.renderer.target(saved.target)
        resp.media, resp.location = shown, shown['link']
        resp.status = (
            http.HTTPStatus.CREATED if saved.created else http.HTTPStatus.OK
        )


class TargetItem(_Targets):
    """``/targets/<id>``"""

    def __init__(self, values_of: ValuesOf, *shared: Any) -> None:
        super().__init__(*shared)
        self._values_of = values_of

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, target_id: str
    ) -> None:
        target = self.monitoring.get(target_id)
        passed_on = req.get_header(peers.HEADER) is not None
        values = self._values_of(target, given_token(req.env), passed_on)
        resp.media = {**self.renderer.target(target), **values}

    def on_put(
        self, req: falcon.Request, resp: falcon.Response, target_id: str
    ) -> None:
        saved = self.monitoring.replace(target_id, self.described(req))
        resp.media = self.renderer.target(saved.target)

    def on_delete(
        self, _req: falcon.Request, resp: falcon.Response, target_id: str
    ) -> None:
        self.monitoring.delete(target_id)
        resp.status = http.HTTPStatus.NO_CONTENT


class Description:
    """``/members.json``"""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._document


class Metrics:
    """``/metrics``"""

    def __init__(self, values: prometheus_client.CollectorRegistry) -> None:
        self._registries = (prometheus_client.REGISTRY, values)

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = b''.join(
            prometheus_client.generate_latest(each)
            for each in self._registries
        )
        resp.content_type = prometheus_client.CONTENT_TYPE_LATEST


class Health:
    """``/healthz``"""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {'healthy': True}


class Readiness:
    """``/readyz``"""

    def __init__(self, living: healths.Living) -> None:
        self._living = living

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        health = self._living.health()
        resp.media = {'ready': health.ready, 'reason': health.reason}
        if not health.ready:
            resp.status = http.HTTPStatus.SERVICE_UNAVAILABLE


def application(resources: Mapping[str, Any]) -> Any:
    """Make the WSGI application.

    :param resources: by their paths
    """
    app = falcon.App()
    for path, resource in resources.items():
        app.add_route(path, resource)
    app.set_error_serializer(_serialize)
    # The handler that was added last is asked first.
    app.add_error_handler(Exception, _on_bug)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(errors.InvalidTarget, _on_invalid)
    app.add_error_handler(errors.TargetNotFound, _on_missing)
    app.add_error_handler(errors.TargetConflict, _on_conflict)
    app.add_error_handler(exceptions.TransientError, _on_transient)
    return app


def _filters(req: falcon.Request) -> dict[str, str]:
    unknown = sorted(set(req.params) - set(members.FILTERS))
    if unknown:
        raise falcon.HTTPBadRequest(
            title='Unknown query parameter',
            description=f'"{unknown[0][:40]}" cannot be asked for; '
            f'known are: {", ".join(members.FILTERS)}',
        )
    if 'version' in req.params:
        req.get_param_as_int(
            'version', min_value=0, max_value=members.MAX_VERSION
        )
    return {name: req.get_param(name, default='') for name in req.params}


def _matches(target: Target, wanted: dict[str, str]) -> bool:
    return all(
        str(getattr(target, name)) == value for name, value in wanted.items()
    )


def _serialize(
    _req: Any, resp: falcon.Response, error: falcon.HTTPError
) -> None:
    """Errors are JSON, whatever a client would rather have."""
    shown = {
        'title': error.title,
        'description': error.description or error.title,
    }
    resp.data = json.dumps(shown).encode()
    resp.content_type = falcon.MEDIA_JSON


def _on_invalid(_req: Any, _resp: Any, error: Exception, _params: Any) -> None:
    raise falcon.HTTPBadRequest(
        title='This target cannot be monitored', description=str(error)
    )


def _on_missing(_req: Any, _resp: Any, error: Exception, _params: Any) -> None:
    raise falcon.HTTPNotFound(title='No such target', description=str(error))


def _on_conflict(
    _req: Any, _resp: Any, error: Exception, _params: Any
) -> None:
    raise falcon.HTTPConflict(
        title='Something stands in the way', description=str(error)
    )


def _on_transient(
    req: falcon.Request, _resp: Any, error: Exception, _params: Any
) -> None:
    LOG.warning(
        'Request not served; method=%s path=%s reason=%s',
        req.method,
        req.path,
        error,
    )
    silent = isinstance(error, peers.OwnerSilent)
    raise falcon.HTTPServiceUnavailable(
        title='Not now',
        description=str(error)
        if silent
        else 'etcd does not answer as it should; ask again',
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
