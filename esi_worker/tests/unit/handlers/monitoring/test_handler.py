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

from __future__ import annotations

import json

import testtools

from esi_worker.collector.results import STATUS, Failure, Sample
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    Retry,
)
from esi_worker.tests.unit.handlers.monitoring import support
from esi_worker.tests.unit.handlers.monitoring.support import DETACHED, job

BOTH = """\
one:
  type: virtual_machine_interface
  fq_name: a:b:one
two:
  type: virtual_machine_interface
  fq_name: a:b:two
"""


class MonitoringTest(testtools.TestCase):
    def scene(self, text: str = support.TEMPLATE) -> support.Scene:
        scene = support.Scene(text)
        self.addCleanup(scene.close)
        return scene

    def assert_status(self, expected: object, outcome: object) -> None:
        assert isinstance(outcome, Done), outcome
        self.assertEqual({'state_monitoring': expected}, outcome.results)


class CreateTest(MonitoringTest):
    def test_registers_a_target_and_publishes_its_first_status(self) -> None:
        scene = self.scene()

        outcome = scene.run(job())

        self.assert_status({'vmi': 'ACTIVE'}, outcome)
        self.assertEqual([('vmi', 1)], scene.targets())
        (target,) = scene.setting.collector.monitoring.list()
        self.assertEqual(
            ('ports', 'tenant-1', {'fq_name': 'a:b:p1'}),
            (target.resource_type, target.tenant_id, target.properties),
        )
        self.assertEqual('{"version":1,"vmi":"UP"}', scene.published())

    def test_a_resource_without_sections_monitors_nothing(self) -> None:
        scene = self.scene()

        self.assert_status({}, scene.run(job(values=DETACHED)))

        self.assertEqual([], scene.targets())

    def test_a_status_that_is_not_good_is_waited_for(self) -> None:
        scene = self.scene()
        scene.setting.poller.sees['a:b:p1'] = Sample(STATUS, 'DOWN')
        first = scene.handler.start(job())
        scene.setting.poll()
        second = scene.handler.poll([job()])[job().id]
        scene.setting.poller.sees['a:b:p1'] = Sample(STATUS, 'UP')
        scene.clock.advance(60)
        scene.setting.poll()

        third = scene.handler.poll([job()])[job().id]

        self.assertIsInstance(first, InProgress)
        self.assertIsInstance(second, InProgress)
        self.assert_status({'vmi': 'ACTIVE'}, third)

    def test_a_status_that_stays_bad_ends_the_job_all_the_same(self) -> None:
        for sees, word in (
            (Sample(STATUS, 'DOWN'), 'DOWN'),
            (Failure(STATUS, 'no answer'), 'FAIL'),
        ):
            scene = self.scene()
            scene.setting.poller.sees['a:b:p1'] = sees

            self.assert_status({'vmi': word}, scene.run(job()))

    def test_a_section_tells_how_long_to_wait(self) -> None:
        scene = self.scene(
            BOTH + '  timeout: 120\n  time_between_retries: 10\n'
        )
        scene.setting.poller.sees['a:b:two'] = Sample(STATUS, 'DOWN')
        started = scene.clock.monotonic()

        outcome = scene.run(job())

        self.assert_status({'one': 'ACTIVE', 'two': 'DOWN'}, outcome)
        waited = scene.clock.monotonic() - started
        self.assertTrue(120 <= waited <= 130, waited)

    def test_one_that_nobody_polls_is_not_known(self) -> None:
        scene = self.scene()
        outcome = scene.handler.start(job())
        scene.clock.advance(11)

        outcome = scene.handler.poll([job()])[job().id]

        self.assert_status({'vmi': 'FAIL'}, outcome)

    def test_a_crash_between_registers_nothing_twice(self) -> None:
        scene = self.scene()
        scene.handler.start(job())
        scene.restart()

        self.assertIsInstance(scene.handler.poll([job()])[job().id], Retry)
        self.assert_status({'vmi': 'ACTIVE'}, scene.run(job()))

        self.assertEqual([('vmi', 1)], scene.targets())

    def test_what_the_collector_refuses_fails_and_says_why(self) -> None:
        scene = self.scene('vmi: {type: virtual_machine_interface}\n')

        outcome = scene.run(job())

        assert isinstance(outcome, Failed), outcome
        self.assertIn('properties.fq_name', outcome.error)

    def test_a_broken_template_fails_without_its_values(self) -> None:
        scene = self.scene('vmi:\n  type: [{{ password }}\n')

        outcome = scene.run(job(values={'password': 'open-sesame'}))

        assert isinstance(outcome, Failed), outcome
        self.assertIn('port_monitoring', outcome.error)
        self.assertNotIn('sesame', outcome.error)

    def test_a_collector_that_is_down_is_waited_for(self) -> None:
        scene = self.scene()
        scene.close()

        for work in (job(), job(Action.DELETE)):
            outcome = scene.handler.start(work)

            assert isinstance(outcome, Retry), outcome
            self.assertIn('collector_url', outcome.reason)

    def test_a_collector_that_goes_away_meanwhile_is_waited_for(self) -> None:
        scene = self.scene()
        scene.handler.start(job())
        scene.close()

        outcome = scene.handler.poll([job()])[job().id]

        self.assertIsInstance(outcome, Retry)

    def test_a_collector_that_is_away_is_asked_for_one_job_only(self) -> None:
        scene = self.scene()
        jobs = [job(version=version) for version in range(1, 30)]
        for each in jobs:
            scene.handler.start(each)
        scene.close()

        outcomes = scene.handler.poll(jobs)

        self.assertEqual(
            {Retry}, {type(each).__base__ for each in outcomes.values()}
        )
        self.assertEqual(1, len(set(outcomes.values())))
        self.assertEqual(len(jobs), len(outcomes))

    def test_a_slow_collector_leaves_jobs_to_the_next_poll(self) -> None:
        scene = self.scene()
        jobs = [job(version=version) for version in range(1, 5)]
        for each in jobs:
            scene.handler.start(each)
        real = scene.clock.monotonic

        def hurrying() -> float:
            scene.clock.advance(6)
            return real()

        scene.clock.monotonic = hurrying  # type: ignore[method-assign]

        outcomes = scene.handler.poll(jobs)

        self.assertLess(len(outcomes), len(jobs))

    def test_without_a_claim_nothing_is_registered(self) -> None:
        scene = self.scene()
        scene.claim = 0.0

        self.assertIsInstance(scene.handler.start(job()), Retry)

        self.assertEqual([], scene.targets())


class ModifyTest(MonitoringTest):
    """The delete and the create of one modify, around Heat's part."""

    def modified(self, scene: support.Scene) -> tuple[Job, Job]:
        scene.run(job(version=1))
        scene.write_config(2)
        jobs = job(Action.DELETE, 2), job(version=2)
        for each in jobs:
            scene.schedule(each)
        return jobs

    def test_the_value_stays_until_the_new_target_is_polled(self) -> None:
        scene = self.scene()
        delete, create = self.modified(scene)

        self.assertEqual(Done(), scene.run(delete))
        self.assertEqual('{"version":1,"vmi":"UP"}', scene.published())
        self.assertIsInstance(scene.handler.start(create), InProgress)
        self.assertEqual('{"version":1,"vmi":"UP"}', scene.published())
        scene.setting.poll()
        self.assertEqual('{"version":2,"vmi":"UP"}', scene.published())
        outcome = scene.handler.poll([create])[create.id]

        self.assert_status({'vmi': 'ACTIVE'}, outcome)
        self.assertEqual([('vmi', 2)], scene.targets())
        self.assertEqual('{"version":2,"vmi":"UP"}', scene.published())

    def test_the_old_version_is_monitored_while_heat_works(self) -> None:
        scene = self.scene()
        delete, _ = self.modified(scene)
        scene.run(delete)
        scene.setting.poller.sees['a:b:p1'] = Sample(STATUS, 'DOWN')
        scene.clock.advance(60)
        scene.setting.poll()

        self.assertEqual('{"version":1,"vmi":"DOWN"}', scene.published())

    def test_a_late_delete_leaves_the_new_target_alone(self) -> None:
        scene = self.scene()
        delete, create = self.modified(scene)
        scene.run(create)

        scene.run(delete)
        self.assertEqual([('vmi', 2)], scene.targets())
        scene.store.delete(scene.keys.job(create.id))
        scene.run(delete)

        self.assertEqual([('vmi', 2)], scene.targets())
        self.assertEqual('{"version":2,"vmi":"UP"}', scene.published())

    def test_what_a_crash_has_left_is_removed_by_the_delete(self) -> None:
        scene = self.scene()
        scene.run(job(version=1))
        scene.handler.start(job(version=2))
        self.assertEqual([('vmi', 1), ('vmi', 2)], scene.targets())
        scene.schedule(job(version=3))

        scene.run(job(Action.DELETE, 3))

        self.assertEqual([('vmi', 2)], scene.targets())

    def test_a_detached_port_loses_its_field(self) -> None:
        scene = self.scene()
        delete, _ = self.modified(scene)
        scene.run(delete)

        outcome = scene.run(job(version=2, values=DETACHED))

        self.assert_status({}, outcome)
        self.assertEqual([], scene.targets())
        self.assertIsNone(scene.published())

    def test_a_version_that_is_not_monitored_loses_its_field(self) -> None:
        scene = self.scene()
        scene.run(job(version=1))
        scene.write_config(2)

        scene.run(job(Action.DELETE, 2))

        self.assertEqual([], scene.targets())
        self.assertIsNone(scene.published())


class PreviewTest(MonitoringTest):
    def preview(
        self, scene: support.Scene, work: Job
    ) -> list[tuple[str, str, str]]:
        before = scene.targets()
        found = [
            (each.part, each.kind, each.change.value)
            for each in scene.handler.preview(work)
        ]
        self.assertEqual(before, scene.targets())
        return found

    def test_says_what_a_job_would_change(self) -> None:
        scene = self.scene()
        vmi = 'vmi', 'virtual_machine_interface'
        self.assertEqual([(*vmi, 'add')], self.preview(scene, job()))
        scene.run(job())

        for work, expected in (
            (job(), []),
            (job(version=2), [(*vmi, 'replace')]),
            (job(version=2, values=DETACHED), [('vmi', 'target', 'delete')]),
            (job(Action.DELETE, 1), [('vmi', 'target', 'delete')]),
        ):
            self.assertEqual(expected, self.preview(scene, work))

    def test_the_delete_of_a_modify_changes_nothing(self) -> None:
        scene = self.scene()
        scene.run(job())
        scene.schedule(job(version=2))

        self.assertEqual([], self.preview(scene, job(Action.DELETE, 2)))


class DeleteTest(MonitoringTest):
    def test_a_resource_marked_for_deletion_loses_its_field(self) -> None:
        scene = self.scene()
        scene.run(job(version=1))
        scene.write_config(2, marked=True)

        self.assertEqual(Done(), scene.run(job(Action.DELETE, 2)))

        self.assertEqual([], scene.targets())
        self.assertIsNone(scene.published())

    def test_a_resource_that_vanished_loses_its_field(self) -> None:
        """The deletion has the version that was there last."""
        scene = self.scene()
        scene.run(job(version=1))

        scene.run(job(Action.DELETE, 1))

        self.assertEqual([], scene.targets())
        self.assertIsNone(scene.published())

    def test_twice_is_no_error(self) -> None:
        scene = self.scene()
        scene.run(job(version=1))
        scene.run(job(Action.DELETE, 1))

        self.assertEqual(Done(), scene.run(job(Action.DELETE, 1)))

    def test_other_resources_stay(self) -> None:
        scene = self.scene()
        scene.setting.post(resource_id='p2')

        scene.run(job(Action.DELETE, 9))

        self.assertEqual([('vmi', 3)], scene.targets())


class ReaderTest(MonitoringTest):
    TEXT = (
        'uplink: {type: etcd_reader, etcd_type: network, etcd_id: n1, '
        'timeout: 5}\n'
    )

    def publish(self, scene: support.Scene, monitored: object) -> None:
        record = {
            'version': 1,
            'error': '',
            'state': {'state_monitoring': json.dumps(monitored)},
        }
        scene.store.put(
            scene.keys.state('v2.0/networks/n1'), json.dumps(record)
        )

    def test_says_what_another_resource_says(self) -> None:
        for monitored, word in (
            ({'network': 'ACTIVE'}, 'ACTIVE'),
            ({'network': 'ACTIVE', 'other': 'DOWN'}, 'DOWN'),
            ({}, 'ACTIVE'),
            ([], 'FAIL'),
        ):
            scene = self.scene(self.TEXT)
            self.publish(scene, monitored)

            self.assert_status({'uplink': word}, scene.run(job()))
            self.assertEqual([], scene.targets())

    def test_one_that_says_nothing_is_not_known(self) -> None:
        scene = self.scene(self.TEXT)

        self.assert_status({'uplink': 'FAIL'}, scene.run(job()))

    def test_one_that_names_nothing_fails(self) -> None:
        scene = self.scene('uplink: {type: etcd_reader}\n')

        outcome = scene.run(job())

        assert isinstance(outcome, Failed)
        self.assertIn('etcd_type', outcome.error)
