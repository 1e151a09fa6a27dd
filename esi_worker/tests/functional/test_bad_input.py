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

"""What cannot be used: it is named, and nothing else suffers from it."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any, ClassVar
import uuid

from esi_worker.embedded import ours
from esi_worker.tests.functional import service_support as support

#: The types of the tests with all the fields that they have.
SCHEMAS = {
    'schemas': [
        {
            'id': 'thing',
            'plural': 'things',
            'prefix': '/v2.0/things',
            'schema': {
                'properties': {
                    name: {'type': 'string'}
                    for name in ('id', 'tenant_id', 'needs', 'noop')
                }
            },
        }
    ]
}
TEMPLATE = '/config/v2.0/heat_templates/thing'
NO_HEAT = {'auth_type': 'none', 'endpoint_override': 'http://127.0.0.1:9/v1'}


class BadInputTestCase(support.ServiceTestCase):
    options: ClassVar[dict[str, Mapping[str, object]]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        schemas = cls.folder / 'schemas.json'
        schemas.write_text(json.dumps(SCHEMAS))
        cls.options = {
            'resources': {
                'template_paths': support.thing_folder(cls.folder),
                'schemas': schemas,
                'handlers': 'heat_worker,noop',
            },
            'heat': NO_HEAT,
        }

    def setUp(self) -> None:
        super().setUp()
        self.thing = uuid.uuid4().hex

    @property
    def key(self) -> str:
        return f'/config/v2.0/things/{self.thing}'

    def write(self, version: int = 1, **fields: Any) -> None:
        body = {'id': self.thing, 'tenant_id': 'tenant', **fields}
        self.etcd.put(self.key, support.config(body, version))

    def write_template(self, text: str, **mappings: Any) -> None:
        body = {
            'id': 'thing',
            'handler': 'noop',
            'parameter_mappings': mappings,
            'template_file': text,
        }
        self.etcd.put(TEMPLATE, support.config(body))

    def await_done(self, version: int = 1) -> None:
        state = self.history.state(f'things/{self.thing}', version).json
        self.assertEqual('', state['error'])

    def await_block(self, *words: str, path: str | None = None) -> None:
        """Wait until it is shown that and why there is no job."""
        path = path or f'v2.0/things/{self.thing}'
        blocked = self.history.put(f'/esi-worker/blocked/{path}')
        for word in words:
            self.assertIn(word, blocked.json['reason'])


class RunningTest(BadInputTestCase):
    """A service that has been running for a while."""

    service: ClassVar[ours.EsiWorkerProcess]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.service = cls.make('service', 'all', None, **cls.options)
        cls.enterClassContext(cls.service)

    def await_line(self, *words: str) -> None:
        """Wait for one line of the log that holds all the words."""
        support.wait_for(
            lambda: any(
                all(word in line for word in words)
                for line in self.service.log_text().splitlines()
            ),
            f'a line with {words}',
        )

    def check_config(self, value: str, *words: str) -> None:
        """A config of no use, and a good one after it."""
        self.etcd.put(self.key, value)
        self.await_block(*words)
        self.await_line(self.key, *words)
        self.write()
        self.await_done()
        self.history.deleted(f'/esi-worker/blocked/v2.0/things/{self.thing}')

    def test_a_config_that_is_no_json(self) -> None:
        self.check_config('{"body": ', 'no JSON')

    def test_a_config_that_is_no_text(self) -> None:
        self.check_config('\udcff\udcfe', 'no JSON')

    def test_a_config_that_is_no_object(self) -> None:
        self.check_config('[]', 'object')

    def test_a_config_that_is_nested_too_deeply(self) -> None:
        self.check_config('[' * 200_000, 'no JSON')

    def test_a_body_that_is_no_json(self) -> None:
        value = {'body': '{oops', 'version': 1, 'marked_for_deletion': False}
        self.check_config(json.dumps(value), '"body"', 'no JSON')

    def test_a_body_that_is_no_object(self) -> None:
        value = {'body': '[1]', 'version': 1, 'marked_for_deletion': False}
        self.check_config(json.dumps(value), '"body"', 'object')

    def test_a_config_without_a_version(self) -> None:
        value = {'body': '{}', 'marked_for_deletion': False}
        self.check_config(json.dumps(value), '"version"', 'missing')

    def test_a_version_that_is_no_number(self) -> None:
        value = {'body': '{}', 'version': '1', 'marked_for_deletion': False}
        self.check_config(json.dumps(value), '"version"', 'integer')

    def test_a_bad_new_version_leaves_the_good_one_alone(self) -> None:
        self.write()
        self.await_done()

        self.etcd.put(self.key, 'oops')
        self.await_block('no JSON')

        self.write(2)
        self.await_done(2)

    def test_keys_of_no_known_resource_are_left_alone(self) -> None:
        strange = (
            '/config/v2.0/things/',
            '/config/v2.0/toasters/t1',
            '/config/',
            '/configuration',
            '/config/v2.0/\udcff/x',
        )
        for key in strange:
            self.etcd.put(key, 'oops')
            self.addCleanup(self.etcd.delete, key)

        self.write()

        self.await_done()

    def test_an_id_may_be_anything_that_a_key_may_be(self) -> None:
        self.thing = f'{self.thing} a/b:ü%'

        self.write()

        self.await_done()

    def check_template(self, text: str, mappings: Any, *words: str) -> None:
        """A template of no use, and a good one after it."""
        self.addCleanup(self.etcd.delete, TEMPLATE)
        self.write_template(text, **mappings)
        self.write()
        self.await_block(*words)
        self.assertEqual([], self.jobs())

        self.write_template('good', name='Pid')

        self.await_done()

    def jobs(self) -> list[str]:
        return [key for key in self.etcd.keys('/jobs/') if self.thing in key]

    def test_a_template_with_a_malformed_mapping(self) -> None:
        self.check_template('', {'name': {'field': 1}}, 'thing', 'name')
        self.await_line(TEMPLATE, 'name')

    def test_a_template_that_is_no_jinja(self) -> None:
        self.check_template('{% for %}', {'name': 'Pid'}, 'thing', 'line 1')
        self.await_line(TEMPLATE, 'line 1')

    def test_a_template_that_is_no_template(self) -> None:
        self.addCleanup(self.etcd.delete, TEMPLATE)
        self.etcd.put(TEMPLATE, 'oops')
        self.write()
        self.await_block(TEMPLATE, 'no JSON')
        self.await_line(TEMPLATE, 'no JSON')

        self.etcd.delete(TEMPLATE)

        self.await_done()

    def test_a_mapping_of_an_unknown_field(self) -> None:
        self.check_template('', {'colour': 'Pcolour'}, 'thing', '"colour"')
        self.await_line(f'thing:{self.thing}', 'is blocked', '"colour"')

    def test_a_field_of_a_port_that_its_driver_refuses(self) -> None:
        port = uuid.uuid4().hex
        body = support.port(port, 'net', 'sub')
        body['fixed_ips'][0]['ip_address'] = 'here'
        self.etcd.put(f'/config/v2.0/ports/{port}', support.config(body))

        self.await_block('fixed_ips[0].ip_address', path=f'v2.0/ports/{port}')

        self.write()
        self.await_done()

    def test_a_job_that_cannot_be_read(self) -> None:
        for name, record, word in (
            ('text', 'oops', 'no JSON'),
            ('list', '["noop", {}]', 'a list [handler'),
            ('field', '["noop", {"params": []}, 0]', '"id"'),
        ):
            job_id = f'create:noop:thing:{self.thing}:{name}:zzzzz'
            self.etcd.put(f'/jobs/all/{job_id}', record)
            self.etcd.put(f'/jobs/ready/{job_id}', 'noop')
            self.await_line(f'/jobs/all/{job_id}', word)

        self.write()

        self.await_done()

    def test_strange_keys_in_the_queue(self) -> None:
        for place in ('ready', 'working', 'finished', 'waiting', 'other'):
            self.etcd.put(f'/jobs/{place}/{self.thing}', 'noop')
            self.etcd.put(f'/jobs/{place}', 'noop')
            self.etcd.put(f'/jobs/{place}/', '\udcff')

        self.write()

        self.await_done()


class StartingTest(BadInputTestCase):
    """A service that finds everything in a bad state when it starts."""

    def test_a_service_takes_over_whatever_it_finds(self) -> None:
        job = f'create:noop:thing:{self.thing}:1:zzzzz'
        path = f'v2.0/things/{self.thing}'
        found = {
            '/config/v2.0/things/bad': 'oops',
            '/config/v2.0/heat_templates/other': 'oops',
            f'/jobs/all/{job}': 'oops',
            f'/jobs/ready/{job}': 'noop',
            '/jobs/finished/nothing': 'oops',
            '/jobs/working/nothing': 'oops',
            f'/state/{path}': 'oops',
            f'/esi-worker/previous/{path}': 'oops',
            f'/esi-worker/heat_stacks/{path}': 'oops',
            f'/esi-worker/job_state/{path}': 'oops',
            f'/esi-worker/blocked/{path}': 'oops',
            f'/esi-worker/history/{path}': 'oops',
            '/esi-worker/workers/nobody': 'oops',
            '/esi-worker/targets/none': 'oops',
        }
        for key, value in found.items():
            self.etcd.put(key, value)
        self.write()

        service = self.start('service', 'all', **self.options)

        done = self.history.put(
            f'/state/{path}', lambda event: event.value != 'oops'
        )
        self.assertEqual('', done.json['error'])
        self.await_block('no JSON', path='v2.0/things/bad')
        text = Path(service.log_path).read_text()
        for key in (f'/jobs/all/{job}', '/config/v2.0/things/bad'):
            self.assertIn(f'{key}: this is no JSON', text)
        self.assertNotIn('Traceback', text)

    def test_a_record_of_ours_that_cannot_be_read_holds_nothing_up(
        self,
    ) -> None:
        self.etcd.put(f'/esi-worker/config/v2.0/things/{self.thing}', 'oops')
        self.write()
        job = f'/jobs/all/create:noop:thing:{self.thing}'
        self.start('service', 'all', **self.options)

        self.thing = uuid.uuid4().hex
        self.write()
        self.await_done()

        self.assertIn(
            job, '\n'.join(str(each) for each in self.history.events)
        )
