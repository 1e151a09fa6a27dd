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

"""A monitoring handler and a collector that it asks over HTTP.

The collector is the real one on the store in memory, with a poller that
is told what to see and polls that are done by hand; so is everything
else but the socket between the two.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from wsgiref import simple_server

from oslo_config import cfg

from esi_worker import mapping, store, templates
from esi_worker.handlers import base
from esi_worker.handlers.monitoring import MonitoringHandler, options
from esi_worker.model import (
    Action,
    InProgress,
    Job,
    Outcome,
    Param,
    ParamType,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.tests.unit.collector import support as collector_support

PORT = ResourceRef('port', 'p1')
PATH = 'v2.0/ports/p1'
TEMPLATE = """\
{% if attached %}
vmi:
  type: virtual_machine_interface
  fq_name: {{ fq_name }}
{% endif %}
"""
ATTACHED = {'attached': True, 'fq_name': 'a:b:p1'}
DETACHED = {'attached': False, 'fq_name': 'a:b:p1'}


def job(
    action: Action = Action.CREATE,
    version: int = 1,
    values: dict[str, Any] = ATTACHED,
    **body: Any,
) -> Job:
    params = tuple(
        Param(name, ParamType.VALUE, value) for name, value in values.items()
    )
    return Job(
        id=f'{action.value}:monitoring:{PORT}:{version}:abcde',
        action=action,
        handler='monitoring',
        resource=PORT,
        version=version,
        params=params,
        resource_input={'id': PORT.id, 'tenant_id': 'tenant-1'} | body,
    )


def configuration(**values: Any) -> Any:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opts(options.handler_options(), options.GROUP)
    for name, content in values.items():
        conf.set_override(name, content, options.GROUP)
    return conf


def catalog(text: str = TEMPLATE) -> templates.TemplateCatalog:
    """Ports, and the template of their monitoring in etcd."""
    types = TypeRegistry(
        ResourceType(name, f'{name}s', f'/v2.0/{name}s')
        for name in ('port', 'network')
    )
    choice = mapping.Choice('monitoring', 'port', 'Cport_monitoring')
    result = templates.TemplateCatalog(
        types=types,
        handlers=('heat_worker', 'monitoring'),
        choices={'monitoring': {'port': choice}},
    )
    body = {
        'handler': 'monitoring_worker',
        'parameter_mappings': {},
        'template_file': text,
    }
    result.put(
        '/config/v2.0/heat_templates/port_monitoring',
        json.dumps({'body': json.dumps(body), 'version': 1}),
    )
    return result


class _Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        pass


class AppServer:
    """Serves a WSGI application; quick to start and to stop."""

    def __init__(self) -> None:
        self._server = simple_server.WSGIServer(('127.0.0.1', 0), _Quiet)
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def serve(self, application: Any) -> None:
        self._server.set_app(application)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Scene:
    """A handler, and the collector that it asks."""

    def __init__(self, text: str = TEMPLATE, **values: Any) -> None:
        self.setting = collector_support.Setting()
        self.clock = self.setting.clock
        self.store = self.setting.store
        self.keys = store.KeyLayout()
        self.claim = 60.0
        self._server = AppServer()
        self.url = self._server.url
        self._server.serve(self.setting.collector.application(self.url))
        self.context = base.HandlerContext(
            conf=configuration(**{'collector_url': self.url, **values}),
            store=self.store,
            keys=self.keys,
            catalog=catalog(text),
            clock=self.clock,
            claim_seconds=lambda: self.claim,
        )
        self.handler = self.restart()

    def restart(self) -> MonitoringHandler:
        """A worker that has taken over: the handler knows nothing."""
        self.handler = MonitoringHandler(self.context)
        return self.handler

    def close(self) -> None:
        self._server.close()

    def run(self, work: Job, times: int = 100) -> Outcome:
        """Do a job while the collector polls."""
        outcome = self.handler.start(work)
        for _ in range(times):
            if not isinstance(outcome, InProgress):
                return outcome
            self.setting.poll()
            self.clock.advance(outcome.after)
            outcome = self.handler.poll([work])[work.id]
        raise AssertionError('still in progress')

    def targets(self) -> list[tuple[str, int]]:
        """Field and version of every target that is stored."""
        found = self.setting.collector.monitoring.list()
        return sorted((each.field_name, each.version) for each in found)

    def published(self) -> str | None:
        return self.setting.monitoring('p1')

    def schedule(self, work: Job) -> None:
        """Store a job as the manager does."""
        self.store.put(self.keys.job(work.id), work.encode())

    def write_config(self, version: int, *, marked: bool = False) -> None:
        value = {
            'body': '{}',
            'version': version,
            'marked_for_deletion': marked,
        }
        self.store.put(self.keys.config(PATH), json.dumps(value))
