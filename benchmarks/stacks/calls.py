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


"""What the jobs of a stack ask of a real Heat and a real Keystone.

The handler is driven as the dispatcher drives it, first with one job at a
time, so that each is charged with its own polls, then with all jobs of
many stacks at once. Requests are counted where they leave, by urllib3.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
import contextlib
import dataclasses
import json
import logging
import re
import time
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import mapping, store, templates
from esi_worker.embedded import Services
from esi_worker.embedded.keystone import KeystoneServer
from esi_worker.handlers import base
from esi_worker.handlers.heat import HeatHandler
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    Outcome,
    Param,
    ParamType,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)

TYPE = 'widget'
_TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  text: {type: string}
  seconds: {type: number, default: 0}
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: text}
      action_wait_secs:
        create: {get_param: seconds}
        update: {get_param: seconds}
        delete: {get_param: seconds}
outputs:
  text: {value: {get_attr: [thing, output]}}
"""
_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP')
#: Heat takes so long that a job has the three looks of the reference.
_THREE_LOOKS = 1.7
_ACTIONS = (Action.CREATE, Action.MODIFY, Action.LOGICAL_DELETE)


@dataclasses.dataclass(frozen=True, slots=True)
class Calls:
    """Requests to Heat per job by its verb, looks included; tokens."""

    requests: Mapping[str, float]
    looks: Mapping[str, float]
    tokens_per_100_jobs: float
    together: float


class _Account(logging.Handler):
    """Counts what urllib3 sends, in the order of sending."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.requests: list[str] = []
        self.tokens = 0

    def emit(self, record: logging.LogRecord) -> None:
        found = _LINE.search(record.getMessage())
        if found is None:
            return
        if found['path'].endswith('/auth/tokens'):
            self.tokens += found['method'] == 'POST'
        elif '/v1/' in found['path']:
            path = found['path'].partition('?')
            look = '?id=' if path[2].startswith('id=') else ''
            self.requests.append(f'{found["method"]}{look}')


@contextlib.contextmanager
def _account() -> Iterator[_Account]:
    logger = logging.getLogger('urllib3.connectionpool')
    account, level = _Account(), logger.level
    logger.addHandler(account)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield account
    finally:
        logger.removeHandler(account)
        logger.setLevel(level)
        logger.propagate = True


def count(folder: Any, alone: int, together: int) -> Calls:
    """Count the requests of jobs.

    :param alone: stacks that are made, changed and deleted one by one
    :param together: stacks that are made, changed and deleted at once
    """
    with Services(folder, etcd=False, keystone=True) as services:
        tenants = _tenants(services.keystone)
        with _handler(services.keystone) as handler, _account() as account:
            requests, looks = _alone(handler, account, tenants[0], alone)
        with _handler(services.keystone) as handler, _account() as account:
            for action in _ACTIONS:
                jobs = [
                    _job(action, f't{number}', tenants[number % 2])
                    for number in range(together)
                ]
                _run(handler, jobs)
        jobs_run = len(_ACTIONS) * together
    return Calls(
        requests=requests,
        looks=looks,
        tokens_per_100_jobs=account.tokens * 100 / jobs_run,
        together=len(account.requests) / jobs_run,
    )


def _alone(
    handler: HeatHandler, account: _Account, tenant: str, stacks: int
) -> tuple[dict[str, float], dict[str, float]]:
    requests: collections.Counter[str] = collections.Counter()
    looks: collections.Counter[str] = collections.Counter()
    for number in range(stacks):
        for action in _ACTIONS:
            account.requests.clear()
            job = _job(action, f'a{number}', tenant, seconds=_THREE_LOOKS)
            _run(handler, [job])
            requests[job.action.verb] += len(account.requests)
            looks[job.action.verb] += account.requests.count('GET?id=')
    return (
        {verb: total / stacks for verb, total in requests.items()},
        {verb: total / stacks for verb, total in looks.items()},
    )


def _run(handler: HeatHandler, jobs: Sequence[Job]) -> None:
    """Drive jobs to their ends, as the dispatcher does."""
    due = {job.id: (0.0, handler.start) for job in jobs}
    known = {job.id: job for job in jobs}

    def settle(job_id: str, outcome: Outcome) -> None:
        if isinstance(outcome, Done | Failed):
            assert isinstance(outcome, Done), outcome
            del due[job_id]
            return
        pause = 0.5 if outcome.after is None else outcome.after
        going = isinstance(outcome, InProgress)
        due[job_id] = (
            time.monotonic() + pause,
            _POLL if going else handler.start,
        )

    while due:
        now = time.monotonic()
        late = [each for each, (when, _) in due.items() if when <= now]
        polls = [known[each] for each in late if due[each][1] is _POLL]
        for job_id in late:
            if due[job_id][1] is not _POLL:
                settle(job_id, handler.start(known[job_id]))
        soon = [
            known[each]
            for each, (when, how) in due.items()
            if how is _POLL and now < when < now + 1
        ]
        for batch in handler.batches(polls, soon) if polls else ():
            for job_id, outcome in handler.poll(batch).items():
                settle(job_id, outcome)
        time.sleep(0.01)


def _POLL(job: Job) -> Outcome:  # noqa: N802
    raise NotImplementedError


@contextlib.contextmanager
def _handler(keystone: KeystoneServer) -> Iterator[HeatHandler]:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    for group, options in HeatHandler.options():
        conf.register_opts(options, group)
    conf.register_opts(
        loading.get_auth_plugin_conf_options('password'), 'heat'
    )
    for name, value in _login(keystone).items():
        conf.set_override(name, value, 'heat')
    handler = HeatHandler(
        base.HandlerContext(
            conf=conf,
            store=store.MemoryStore(),
            keys=store.KeyLayout(),
            catalog=_catalog(),
            clock=clocks.SystemClock(),
            claim_seconds=lambda: 60.0,
        )
    )
    try:
        yield handler
    finally:
        handler.close()


def _login(keystone: KeystoneServer) -> dict[str, str]:
    return {
        'auth_type': 'password',
        'auth_url': keystone.auth_url,
        'username': keystone.admin_user,
        'password': keystone.admin_password,
        'user_domain_id': 'default',
        'project_name': keystone.admin_project,
        'project_domain_id': 'default',
    }


def _tenants(keystone: KeystoneServer) -> list[str]:
    """Two tenants in which the service user may work."""
    identity = keystone.identity()
    admin = identity.user(
        keystone.admin_user,
        keystone.admin_password,
        project=keystone.admin_project,
        roles=('admin',),
    )
    tenants = [identity.project(name) for name in ('blue', 'green')]
    for tenant in tenants:
        for role in ('admin', 'member', 'heat_stack_user'):
            identity.grant(admin, tenant, identity.role(role))
    return tenants


def _catalog() -> templates.TemplateCatalog:
    types = TypeRegistry([ResourceType(TYPE, f'{TYPE}s', f'/v2.0/{TYPE}s')])
    choice = mapping.Choice('heat_worker', TYPE, f'C{TYPE}')
    catalog = templates.TemplateCatalog(
        types=types, choices={'heat_worker': {TYPE: choice}}
    )
    body = {
        'id': TYPE,
        'handler': 'heat_worker',
        'watch': [],
        'template_file': _TEMPLATE,
        'parameter_mappings': {},
    }
    catalog.put(
        f'/config/v2.0/heat_templates/{TYPE}',
        json.dumps({'version': 1, 'body': json.dumps(body)}),
    )
    return catalog


def _job(action: Action, name: str, tenant: str, seconds: float = 0.0) -> Job:
    ref = ResourceRef(TYPE, name)
    version = _ACTIONS.index(action) + 1
    values = {'text': f'{name}-{version}', 'seconds': seconds}
    return Job(
        id=f'{action.value}:heat_worker:{ref}:{version}:bench',
        action=action,
        handler='heat_worker',
        resource=ref,
        version=version,
        params=tuple(
            Param(key, ParamType.VALUE, value) for key, value in values.items()
        ),
        resource_input={'id': name, 'tenant_id': tenant},
    )
