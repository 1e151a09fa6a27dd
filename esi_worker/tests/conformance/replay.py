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


"""Replays recorded workflows of two handlers on the whole system.

Manager, worker, monitoring handler and collector are the real ones, on
the store in memory and moved by hand; only Heat and the devices answer as
recorded. What is compared is what others see: jobs, their order and what
they leave in the job state, the published states, the targets in the
place of messages to the monitoring of those days, and ``/monitoring``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import json
from typing import Any, ClassVar

from oslo_config import cfg

from esi_worker import templates
from esi_worker.collector.pollers import routers, snmp_device, snmp_ports
from esi_worker.collector.pollers.contrail import (
    VirtualMachineInterfacePoller,
    VirtualNetworkPoller,
)
from esi_worker.collector.pollers.openstack import ComputePoller
from esi_worker.collector.results import STATUS, UP, Result, Sample
from esi_worker.collector.target_types import TargetType
from esi_worker.collector.targets import Target
from esi_worker.handlers import base
from esi_worker.handlers.monitoring import MonitoringHandler, options
from esi_worker.model import Done, Job, Outcome, ResourceRef, StackRecord
from esi_worker.tests import cluster
from esi_worker.tests.conformance.traces import Traces
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.handlers.monitoring.support import AppServer

MONITORING = 'monitoring_worker'
#: Messages that were no monitors; nobody takes them any more.
_MESSAGES_ONLY = frozenset(('monitor_igs_counter',))


class RecordedDevices(support.ToldPoller):
    """All devices work, the primary routers are masters."""

    types: ClassVar[tuple[TargetType, ...]] = tuple(
        row
        for poller in (
            VirtualMachineInterfacePoller,
            VirtualNetworkPoller,
            ComputePoller,
            snmp_device.SnmpDevicePoller,
            snmp_ports.SnmpPortsPoller,
            routers.VrrpPoller,
            routers.BgpPoller,
        )
        for row in poller.types
    )

    def pool_key(self, target: Target) -> str:
        return target.id

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        return {target.id: (_seen(target),) for target in targets}


def _seen(target: Target) -> Result:
    if target.type == 'vrrp_session':
        is_primary = target.field_name.startswith('primary')
        return Sample(STATUS, 'MASTER' if is_primary else 'BACKUP')
    if target.type == 'bgp_session':
        return Sample(STATUS, 'ESTABLISHED')
    return Sample(STATUS, UP)


class Setting(support.Setting):
    """A collector whose devices are the recorded ones."""

    poller_class: ClassVar[type[support.ToldPoller]] = RecordedDevices


class RecordedHeat(base.Handler):
    """Heat as it was seen: the stack and the outputs of each job."""

    def __init__(
        self, context: base.HandlerContext, records: Sequence[Any]
    ) -> None:
        super().__init__(context)
        self._records = {
            _identity(record): record
            for record in records
            if record['handler'] != MONITORING
        }

    def start(self, job: Job) -> Outcome:
        if job.action.deletes:
            # No deletion with two handlers was recorded.
            return Done({}, StackRecord.deleted(job.resource, 'tenant'))
        record = self._records[
            job.action.value, str(job.resource), job.version
        ]
        stack = StackRecord.decode('stack', json.dumps(record['heat_stack']))
        results = {'heat_outputs': record['job_state']['heat_outputs']}
        return Done(results, stack)


def _identity(record: Any) -> tuple[str, str, int]:
    job = record['job_value'][1]
    resource = f'{job["resource_type"]}:{job["resource_id"]}'
    return job['action'], resource, job['version']


class Watched(base.Handler):
    """Another handler, and what it is given and finds."""

    def __init__(self, inner: base.Handler, replay: Replay) -> None:
        super().__init__(inner.context)
        self._inner = inner
        self._replay = replay

    def start(self, job: Job) -> Outcome:
        self._replay.note(job)
        return self._inner.start(job)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        return self._inner.poll(jobs)


class Replay(cluster.Cluster):
    """One recorded scenario."""

    def __init__(self, traces: Traces, scenario: str) -> None:
        self._traces = traces
        self._scenario = scenario
        self.records = [
            record
            for record in traces.lines(f'two_handlers/{scenario}.jsonl')
            if record['context_complete'] and record['template_known']
        ]
        #: The jobs that were started, with the job state they found.
        self.started: list[tuple[Job, Any]] = []
        super().__init__(('heat_worker', MONITORING))
        self.setting = Setting(self.store, self.clock)
        self._server = AppServer()
        url = self._server.url
        self._server.serve(self.setting.collector.application(url))
        self._write_templates()
        self.add_manager()
        self.add_worker(self._handlers(url))
        self.settle()

    def close(self) -> None:
        self._server.close()

    def make_catalog(self) -> templates.TemplateCatalog:
        return self._traces.two_handlers(self._scenario).catalog

    def workflows(self) -> Iterator[list[Any]]:
        """The records of each workflow, in the order of the writes."""
        found: dict[tuple[str, ...], list[Any]] = {}
        for record in sorted(
            self.records,
            key=lambda each: (each['seq'], each['workflow_index']),
        ):
            found.setdefault(tuple(record['workflow']), []).append(record)
        yield from found.values()

    def play(self, workflow: Sequence[Any]) -> None:
        """Write the config that made a workflow, and let it end."""
        for record in workflow:
            for name, body in record['context'].items():
                self._write_context(ResourceRef(*name.split(':', 1)), body)
        self.put(workflow[0]['config_key'], workflow[0]['config_value'])

    def put(self, key: str, value: Any) -> None:
        """Write a config, and let all that follows end."""
        self.started.clear()
        self.store.put(key, _config(value))
        for _ in range(400):
            self.settle()
            self.setting.poll()
            self.clock.advance(0.5)
            if not self.jobs():
                return
        raise AssertionError(f'{self.jobs()} do not end')

    def note(self, job: Job) -> None:
        path = self.catalog.types.path(job.resource)
        assert path is not None
        self.started.append((job, self.json(self.keys.job_state(path))))

    def targets(self, resource_id: str) -> list[Target]:
        found = self.setting.collector.monitoring.list()
        return [each for each in found if each.resource_id == resource_id]

    def _handlers(self, url: str) -> dict[str, base.Handler]:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.register_opts(options.handler_options(), options.GROUP)
        conf.set_override('collector_url', url, options.GROUP)
        context = base.HandlerContext(
            conf,
            self.store,
            self.keys,
            self.catalog,
            self.clock,
            lambda: 30.0,
        )
        return {
            'heat_worker': Watched(RecordedHeat(context, self.records), self),
            MONITORING: Watched(MonitoringHandler(context), self),
        }

    def _write_templates(self) -> None:
        stored = self._traces.document(
            self._traces.two_handlers_templates(self._scenario)
        )
        for id_, body in (stored or {}).items():
            path = f'{templates.HEAT_TEMPLATES_PATH}/{id_}'
            value = {'body': json.dumps(body), 'version': 1}
            self.store.put(self.keys.config(path), json.dumps(value))

    def _write_context(self, ref: ResourceRef, body: Any) -> None:
        """Resources that the records refer to; those of records of their
        own are there already."""
        path = self.catalog.types.path(ref)
        assert path is not None
        if self.store.get(self.keys.config(path)) is None:
            self.store.put(
                self.keys.config(path),
                _config({'body': body, 'version': 1}),
            )
            self.settle()


def _config(value: Any) -> str:
    return json.dumps({**value, 'body': json.dumps(value['body'])})


def messages(record: Any) -> set[tuple[Any, ...]]:
    """What a monitoring job told the monitoring of those days."""
    return {
        (
            sent['message']['gohan_resource_type'],
            sent['message']['gohan_id'],
            sent['message']['name'],
            sent['message']['tenant_id'],
            sent['message']['version'],
        )
        for sent in record['kafka']
        if sent['topic'] not in _MESSAGES_ONLY
    }


def identity(target: Target) -> tuple[Any, ...]:
    return (
        target.resource_type,
        target.resource_id,
        target.field_name,
        target.tenant_id,
        target.version,
    )
