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

"""Recorded stories, replayed on a real etcd and a real Heat.

Every config write of a record is written again, in its order; Nova and
the REST server are scripted. Jobs, dependencies, records and published
states must be those of the record, with the recorded templates in etcd
and with those that are shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import types
from typing import Any, ClassVar

from testtools import matchers

from esi_worker.collector import heat_plugin
from esi_worker.embedded import fixtures, ours
from esi_worker.tests.conformance import traces
from esi_worker.tests.functional import embedded_support, stories
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional.raw_etcd import Event
from esi_worker.tests.functional.story_replay import Replay

LOGICAL_NETWORK = '00_logical_network'
LOAD_BALANCER = '05_load_balancer'

TEMPLATES = '/config/v2.0/heat_templates'

#: Fields of a job that a record shows; the others are compared by the
#: conformance tests.
FIELDS = ('handler', 'action', 'is_first', 'is_last', 'on_failure')


class StoryTest(support.ServiceTestCase):
    traces: ClassVar[traces.Traces]
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        found = traces.find()
        if found is None:
            raise cls.skipException(
                'there are no recorded traces; set '
                f'{traces.VARIABLE} to their folder'
            )
        cls.traces = traces.Traces(found)
        super().setUpClass()
        collector = ours.CollectorProcess(
            cls.folder,
            cls.server.endpoint,
            # The devices are not there, and never answer.
            # The first values of some interfaces are held for 30 seconds.
            {
                'collector': {
                    'poll_timeout': 1,
                    'poll_interval': 5,
                    'poll_backoff': 1,
                }
            },
        )
        cls.enterClassContext(collector)
        cls.heat = fixtures.HeatFixture(
            plugin_dirs=[Path(heat_plugin.__file__).parent],
            extra_options={
                'collector_agents': {
                    'host': '127.0.0.1',
                    'port': str(collector.port),
                }
            },
        )
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.recorded_templates = False
        self.tenant = fixtures.unique('tenant')
        self.stacks = embedded_support.Stacks(
            embedded_support.noauth_session(self.heat.server, self.tenant)
        )
        self.addCleanup(self.etcd.delete_everything)

    # --- the replays ------------------------------------------------------

    def test_load_balancer_with_recorded_templates(self) -> None:
        self.put_recorded_templates('heat_templates_2018.json')
        story = self.replay(LOAD_BALANCER)
        self.check(story)
        self.check_ports_came_meanwhile(story)
        self.check_deleted_port(story)

    def test_load_balancer_with_shipped_templates(self) -> None:
        story = self.replay(LOAD_BALANCER)
        self.check(story)
        self.check_ports_came_meanwhile(story)
        self.check_deleted_port(story)

    def test_load_balancer_whose_server_waits_for_its_ports(self) -> None:
        """In one direction; in both, nothing would ever be done."""
        story = self.replay(
            LOAD_BALANCER, driver_vnf_instance={'wait_for_ports': True}
        )
        more = {
            stories.without_end(job['id']): story.busy_ports(write)
            for write in story.writes
            for job in write.jobs
            if write.type == 'vnf_instance'
        }
        self.assertEqual([3, 1], [len(ports) for ports in more.values()])
        self.check_jobs(story, more)
        self.check_states(story)
        self.check_ports_came_meanwhile(story)

    def test_logical_network_with_recorded_templates(self) -> None:
        self.put_recorded_templates('heat_templates_2018.json')
        self.check(self.replay(LOGICAL_NETWORK))

    def test_logical_network_with_shipped_templates(self) -> None:
        self.check(self.replay(LOGICAL_NETWORK))

    def put_recorded_templates(self, file: str) -> None:
        self.recorded_templates = True
        for id_, body in self.traces.document(file).items():
            self.etcd.put(f'{TEMPLATES}/{id_}', support.config(body))

    def replay(
        self, scenario: str, **options: Mapping[str, object]
    ) -> stories.Story:
        """:param options: of the service, by section"""
        story = stories.load(self.traces, scenario, self.tenant)
        process = self.make(
            scenario,
            'all',
            self.heat.server.endpoint,
            heat={'poll_interval': 0.1, 'poll_interval_max': 0.5},
            resources={'schemas': self.traces.root / 'schemas.json'},
            **options,
        )
        self.addCleanup(self.processes.remove, process)
        self.addCleanup(process.close)
        process.start()
        Replay(
            story,
            self.etcd,
            self.history,
            self.heat.server.faults,
            self.check_server_in_progress,
        ).run()
        return story

    # --- what must be as recorded -----------------------------------------

    def check(self, story: stories.Story) -> None:
        statuses = self.stacks.statuses()
        self.check_jobs(story)
        self.check_states(story)
        for write in story.last().values():
            if write.value is not None:
                self.check_accepted(write)
            if write.stack is not None:
                self.check_stack(write, statuses)
            if write.monitoring:
                self.check_monitoring(write)

    def check_jobs(
        self,
        story: stories.Story,
        more: Mapping[str, set[str]] = types.MappingProxyType({}),
    ) -> None:
        """Each recorded job, no other, and who waits for whom.

        :param more: dependencies that are not recorded, by the job
        """
        made = {
            stories.without_end(event.json[1]['id']): event.json[1]
            for event in self.puts('/jobs/all/')
        }
        waiting = {
            stories.without_end(event.key.removeprefix('/jobs/waiting/'))
            for event in self.puts('/jobs/waiting/')
        }
        expected = _jobs(story.jobs)
        for id_, others in more.items():
            expected[id_]['waits for'] |= others
        self.assertEqual(expected, _jobs(made))
        self.assertEqual(
            {id_ for id_, job in expected.items() if job['waits for']},
            waiting,
        )

    def check_states(self, story: stories.Story) -> None:
        """Each version was published as recorded."""
        for write in story.writes:
            if write.state is not None:
                self.check_state(write)

    def check_state(self, write: stories.Write) -> None:
        assert write.state is not None
        published = self.history.put(
            f'/state/{write.path}',
            lambda event: event.json['version'] == write.version,
        )
        self.assert_same(write, write.state, published.json)

    def check_accepted(self, write: stories.Write) -> None:
        """What the worker remembers of the config."""
        assert write.value is not None
        self.assertEqual(
            {
                'body': write.body,
                'version': write.version,
                'deleted': write.value['marked_for_deletion'],
            },
            self.etcd.json(f'/esi-worker/config/{write.path}'),
        )

    def check_stack(
        self, write: stories.Write, statuses: Mapping[str, str]
    ) -> None:
        """The record of the stack, and what Heat itself says."""
        assert write.stack is not None
        record = self.etcd.json(f'/esi-worker/heat_stacks/{write.path}')
        self.assert_same(write, write.stack, record)
        self.assertEqual(
            write.stack['stack_status'], statuses[write.stack['stack_id']]
        )

    def assert_same(
        self, write: stories.Write, recorded: Any, actual: Any
    ) -> None:
        expected, observed = (
            stories.comparable(value, described=self.recorded_templates)
            for value in (recorded, actual)
        )
        self.assertEqual(expected, observed, str(write))

    def check_monitoring(self, write: stories.Write) -> None:
        """Whether it is up depends on devices that are not there."""
        found = self.history.put(
            f'/monitoring/{write.path}',
            lambda event: event.json['version'] == write.version,
        )
        self.assertEqual(
            set(write.monitoring[-1]), set(found.json), str(write)
        )

    def check_ports_came_meanwhile(self, story: stories.Story) -> None:
        """Nova changes a server's ports while it makes the server."""
        for server in (w for w in story.writes if w.type == 'vnf_instance'):
            working = self.working(server)
            self.assertEqual(
                [
                    (write.key, write.version)
                    for write in story.writes
                    if _is_by_nova(write.type, write.version)
                    and server.time < write.time < str(server.published)
                ],
                [
                    (event.key, event.json['version'])
                    for event in self.puts('/config/v2.0/ports/')
                    if _is_by_nova('port', event.json['version'])
                    and event.revision in working
                ],
            )

    def check_server_in_progress(self, write: stories.Write) -> None:
        """Heat works on a server as long as its ports change."""
        if write.type == 'vnf_instance':
            assert write.stack is not None
            status = self.stacks.statuses()[write.stack['stack_id']]
            self.assertThat(status, matchers.EndsWith('_IN_PROGRESS'))

    def check_deleted_port(self, story: stories.Story) -> None:
        """The second step of its deletion leaves nothing."""
        (write,) = (w for w in story.writes if w.value is None)
        self.assertEqual(
            [],
            [
                key
                for prefix in ('/config/', '/state/', '/esi-worker/')
                for key in self.etcd.keys(prefix)
                if write.id in key
            ],
        )
        self.assertNotIn(f'port_{write.id}', self.stacks.names())

    def working(self, write: stories.Write) -> range:
        """The revisions between the claim and the end of its job."""
        (job,) = (stories.without_end(job['id']) for job in write.jobs)
        return range(
            self.history.put(f'/jobs/working/{job}:').revision,
            self.history.put(f'/jobs/finished/{job}:').revision,
        )

    def puts(self, prefix: str) -> list[Event]:
        return [
            event
            for event in self.history.events
            if event.key.startswith(prefix) and event.value is not None
        ]


def _is_by_nova(type_: str, version: int | None) -> bool:
    return type_ == 'port' and version is not None and version > 1


def _jobs(jobs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What must be the same of jobs, by their ids."""
    return {
        id_: {
            'waits for': {stories.without_end(d) for d in job['dependency']},
            **{field: job[field] for field in FIELDS},
        }
        for id_, job in jobs.items()
    }
