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

"""A Heat handler on memory alone: store, stacks, templates and clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any

from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import mapping, store, templates
from esi_worker.handlers import base
from esi_worker.handlers.heat import handler, memory, options
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

TENANT = 'tenant-1'
NETWORK = ResourceRef('network', 'n1')
NAME = 'network_n1'
TEMPLATE = """\
heat_template_version: 2013-05-23
description: for {{ jinja_owner }}
parameters:
  name: {type: string}
outputs:
  id: {value: n1-uuid, description: The id}
  name: {value: {get_param: name}}
"""


def value(name: str, content: Any) -> Param:
    return Param(name, ParamType.VALUE, content)


def output(name: str, ref: ResourceRef, key: str) -> Param:
    content = {'output_key': key, **ref.to_json()}
    return Param(name, ParamType.OUTPUT_KEY, content, (ref,))


def job(
    action: Action = Action.CREATE,
    params: Sequence[Param] = (
        Param('name', ParamType.VALUE, 'blue'),
        Param('heat_timeout', ParamType.VALUE, '3'),
    ),
    ref: ResourceRef = NETWORK,
    version: int = 1,
    **body: Any,
) -> Job:
    return Job(
        id=f'{action.value}:heat_worker:{ref}:{version}:abcde',
        action=action,
        handler='heat_worker',
        resource=ref,
        version=version,
        params=tuple(params),
        resource_input={'id': ref.id, 'tenant_id': TENANT} | body,
    )


def configuration(**values: Any) -> Any:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opts(options.handler_options(), options.GROUP)
    for name, content in values.items():
        conf.set_override(name, content, options.GROUP)
    return conf


def catalog(text: str = TEMPLATE) -> templates.TemplateCatalog:
    """Networks and ports have templates, routers have none."""
    types = TypeRegistry(
        ResourceType(name, f'{name}s', f'/v2.0/{name}s')
        for name in ('network', 'port', 'router')
    )
    choices = {
        'heat_worker': {
            name: mapping.Choice('heat_worker', name, 'Cnetwork')
            for name in ('network', 'port')
        }
    }
    result = templates.TemplateCatalog(types=types, choices=choices)
    result.put('/config/v2.0/heat_templates/network', _envelope(text))
    return result


def _envelope(text: str) -> str:
    body = {
        'id': 'network',
        'handler': 'heat_worker',
        'watch': [],
        'template_file': text,
        'parameter_mappings': {},
    }
    return json.dumps(
        {
            'body': json.dumps(body),
            'version': 1,
            'marked_for_deletion': False,
        }
    )


class Scene:
    """A handler and what it stands on."""

    def __init__(self, text: str = TEMPLATE, seconds: float = 2.0) -> None:
        self.clock = clocks.ManualClock()
        self.store = store.MemoryStore(clock=self.clock)
        self.keys = store.KeyLayout()
        self.stacks = memory.MemoryBackend(self.clock, seconds)
        self.claim = 60.0
        self.conf = configuration()
        self.context = base.HandlerContext(
            conf=self.conf,
            store=self.store,
            keys=self.keys,
            catalog=catalog(text),
            clock=self.clock,
            claim_seconds=lambda: self.claim,
        )
        self.handler = self.restart()

    def restart(self) -> handler.HeatHandler:
        """A worker that has taken over: the handler knows nothing."""
        self.handler = handler.HeatHandler(self.context, self.stacks)
        return self.handler

    def poll(self, job: Job) -> Outcome:
        return self.handler.poll([job])[job.id]

    def follow(self, job: Job, outcome: Outcome, times: int = 50) -> Outcome:
        """Poll until the job is not in progress any more."""
        for _ in range(times):
            if not isinstance(outcome, InProgress):
                return outcome
            self.clock.advance(outcome.after)
            outcome = self.poll(job)
        raise AssertionError(f'still in progress after {times} polls')

    def run(self, job: Job) -> Outcome:
        return self.follow(job, self.handler.start(job))

    def publish(self, path: str, record: Mapping[str, Any]) -> None:
        self.store.put(self.keys.heat_stack(path), json.dumps(record))

    def status(self) -> str:
        """How the stack of the network is now."""
        info = self.stacks.find(TENANT, NAME)
        return 'absent' if info is None else info.status
