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

"""What the page gets: answers, logins, and never a secret."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from falcon import testing
from oslo_config import cfg
from oslo_config import fixture as config_fixture
import prometheus_client

from esi_worker import exceptions
from esi_worker.admin import opts, serving
from esi_worker.model import Retrying, StackRecord, WorkerRecord
from esi_worker.store import opts as store_opts
from esi_worker.tests.cluster import NETWORK, PORT
from esi_worker.tests.unit.admin import support

CANARY = 'canary-4f2a'
N, P = 'v2.0/networks/n', 'v2.0/ports/p'
PAGES = (
    '/',
    '/static/page.js',
    '/static/page.css',
    '/api/overview',
    '/api/resources',
    '/api/resource?path=v2.0/networks/n',
    '/api/graph',
    '/api/workers',
    '/api/errors',
)


class PageTest(support.InventoryTest):
    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        opts.register(self.conf)
        store_opts.register(self.conf)
        # Groups share their options, so overrides have to be taken back.
        self.useFixture(config_fixture.Config(self.conf))
        self.conf([])
        self.conf.set_override('page', True, 'admin')
        self.client = self.make_client()

    def make_client(self) -> testing.TestClient:
        # The test feeds the inventory, in place of the thread.
        admin = serving.ManagerAdmin(
            self.conf,
            support.Alive(leading=True),
            self.cluster.store,
            self.cluster.catalog.types,
            prometheus_client.CollectorRegistry(),
            inventory=self.inventory,
        )
        self.addCleanup(admin.mirror.stop)
        return testing.TestClient(admin.app)

    def get(self, address: str, /, **params: Any) -> Any:
        self.look()
        name, _, query = address.partition('?')
        answer = self.client.simulate_get(
            name, query_string=query or None, params=params or None
        )
        self.assertEqual(200, answer.status_code, answer.text)
        return answer.json


class AnswersTest(PageTest):
    def test_the_overview_counts(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='gone', fixed_ips=[])
        found = self.get('/api/overview')
        self.assertEqual(1, found['resources']['working'])
        self.assertEqual(1, found['resources']['blocked'])
        self.assertEqual(1, found['jobs']['ready'])
        self.assertTrue(found['leader'])

    def test_resources_are_searched_and_filtered(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'm')
        self.write(PORT, 'p', network_id='gone', fixed_ips=[])

        def names(**params: str) -> list[str]:
            items = self.get('/api/resources', **params)['items']
            return [item['name'] for item in items]

        self.assertEqual(['network:n'], names(search='networks/n'))
        self.assertEqual(['port:p'], names(state='blocked'))
        self.assertEqual(['network:m', 'network:n'], names(type='network'))
        self.assertEqual([], names(type='network', state='failed'))

    def test_pages_hold_everything_once(self) -> None:
        for number in range(120):
            key = self.cluster.keys.config(f'v2.0/networks/{number:03}')
            self.cluster.store.put(key, '{"version": 1}')
        seen = []
        for page in (1, 2, 3):
            found = self.get('/api/resources', page=str(page))
            self.assertEqual((120, 3), (found['total'], found['pages']))
            seen += [item['path'] for item in found['items']]
        self.assertEqual(120, len(set(seen)))
        beyond = self.get('/api/resources', page='99')
        self.assertEqual(3, beyond['page'])

    def test_a_resource_has_its_timeline_and_its_neighbours(self) -> None:
        self.write(NETWORK, 'n')
        self.start_worker()
        self.cluster.remove(self.worker)  # type: ignore[arg-type]
        self.write(NETWORK, 'n', 2)
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        found = self.get('/api/resource', path=N)
        (line,) = found['history']
        self.assertEqual(('create', 1), (line['action'], line['version']))
        labels = {node['path'] for node in found['graph']['nodes']}
        self.assertEqual({N, P}, labels)

    def test_an_unknown_resource_is_not_found(self) -> None:
        answer = self.client.simulate_get(
            '/api/resource', params={'path': 'v2.0/networks/x'}
        )
        self.assertEqual(404, answer.status_code)

    def test_the_graph_tells_who_waits_for_whom_and_why(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        found = self.get('/api/graph')
        nodes = {node['id']: node for node in found['nodes']}
        (edge,) = found['edges']
        self.assertEqual('it refers to network:n', edge['reason'])
        self.assertEqual(P, nodes[edge['source']]['path'])
        self.assertEqual(1, nodes[edge['source']]['column'])
        self.assertEqual(0, nodes[edge['target']]['column'])

    def test_a_blocked_resource_stands_in_the_graph(self) -> None:
        self.write(PORT, 'p', network_id='gone', fixed_ips=[])
        found = self.get('/api/graph')
        states = {node['label']: node['state'] for node in found['nodes']}
        self.assertEqual(
            {'port:p': 'blocked', 'network:gone': 'missing'}, states
        )

    def test_a_large_graph_is_cut_and_says_so(self) -> None:
        self.write(NETWORK, 'n')
        for number in range(150):
            self.write(PORT, f'p{number}', network_id='n', fixed_ips=[])
        found = self.get('/api/graph')
        self.assertEqual((151, 120), (found['total'], found['shown']))
        self.assertIn(N, {node['path'] for node in found['nodes']})
        found = self.get('/api/graph', search='port:p149')
        self.assertEqual(2, found['total'])

    def test_errors_name_the_reasons(self) -> None:
        self.write(PORT, 'p', network_id='gone', fixed_ips=[])
        state = {'version': 1, 'error': 'no quota', 'state': {}}
        self.cluster.store.put(self.cluster.keys.state(N), json.dumps(state))
        self.write(NETWORK, 'm')
        items = self.get('/api/errors')['items']
        found = {(item['kind'], item['path']) for item in items}
        self.assertLessEqual({('blocked', P), ('failed', N)}, found)
        # No worker is there for the job of the other network.
        self.assertIn('stuck', {kind for kind, _ in found})

    def test_jobs_that_are_tried_again_are_among_the_errors(self) -> None:
        self.write(NETWORK, 'n')
        keys, (job_id,) = self.cluster.keys, self.cluster.jobs()
        told = Retrying(job_id, 'noon', 'HTTP 401: no')
        record = WorkerRecord(('heat_worker',), 8, 8, retrying=(told,))
        self.cluster.store.put(keys.worker('w'), record.encode())
        self.cluster.store.put(keys.working(job_id), '')
        reason = 'tried again since noon: HTTP 401: no'
        (item,) = self.get('/api/errors')['items']
        self.assertEqual(('retried', N), (item['kind'], item['path']))
        self.assertEqual(f'{job_id}: HTTP 401: no', item['text'])
        self.assertEqual('noon', item['since'])
        (node,) = self.get('/api/graph')['nodes']
        self.assertEqual((reason, ''), (node['reason'], node['stuck']))

    def test_workers_show_their_jobs(self) -> None:
        self.start_worker()
        self.cluster.pass_time(5)
        (worker,) = self.get('/api/workers')['workers']
        self.assertEqual(['heat_worker'], worker['handlers'])

    def test_etcd_away_is_told_and_what_is_known_is_shown(self) -> None:
        self.write(NETWORK, 'n')
        self.look()

        def away(_name: str, _moment: str) -> None:
            raise exceptions.StoreUnavailable('away')

        self.cluster.store.interceptor = away
        answer = self.client.simulate_get('/api/resources')
        self.assertEqual(1, answer.json['total'])
        answer = self.client.simulate_get('/api/workers')
        self.assertEqual(503, answer.status_code)

    def test_ten_thousand_resources_take_no_second(self) -> None:
        for number in range(10_000):
            key = self.cluster.keys.config(f'v2.0/networks/{number:05}')
            self.cluster.store.put(key, '{"version": 1}')
        self.cluster.remove(self.manager)
        self.look()
        # What others do meanwhile on the machine does not count.
        began = time.thread_time()
        found = self.get('/api/resources', search='9', page='3')
        self.assertLess(time.thread_time() - began, 1.0)
        self.assertEqual(50, len(found['items']))

    def test_no_answer_grows_with_what_there_is(self) -> None:
        """Everything is blocked, so that all of it is in trouble."""

        def sizes() -> dict[str, int]:
            self.look()
            return {
                page: len(self.client.simulate_get(page).content)
                for page in PAGES
            }

        self.cluster.remove(self.manager)
        blocked = {'reason': 'no template', 'version': 1, 'since': 'noon'}
        for number in range(3000):
            if number == 200:
                some = sizes()
            path = f'v2.0/networks/{number:05}'
            self.cluster.store.put(
                self.cluster.keys.config(path), '{"version": 1}'
            )
            self.cluster.store.put(
                self.cluster.keys.blocked(path), json.dumps(blocked)
            )
        for page, size in sizes().items():
            # Numbers have more digits.
            self.assertLess(size, 1.1 * some[page] + 100, page)


class SecretsTest(PageTest):
    def test_no_answer_holds_a_secret(self) -> None:
        self.conf.set_override('password', CANARY, 'etcd')
        keys, target = self.cluster.keys, self.cluster.store
        self.write(NETWORK, 'n', mtu=CANARY, password=CANARY)
        self.write(PORT, 'p', network_id='n', fixed_ips=[], secret=CANARY)
        output = [{'output_key': 'token', 'output_value': CANARY}]
        record = StackRecord('network:n', 't', 's', 'CREATE_COMPLETE', '')
        target.put(
            keys.heat_stack(N),
            json.dumps({**json.loads(record.encode()), 'output': output}),
        )
        state = {
            'version': 1,
            'error': '',
            'state': {'heat_outputs': CANARY, 'worker_state': 'CREATED'},
        }
        target.put(keys.state(N), json.dumps(state))
        target.put(keys.job_state(N), json.dumps({'token': CANARY}))
        target.put(keys.history(N), json.dumps([{'time': 't', 'x': CANARY}]))
        self.look()
        self.assertTrue(self.inventory.jobs())
        for page in (*PAGES, '/metrics', '/readyz'):
            name, _, query = page.partition('?')
            answer = self.client.simulate_get(name, query_string=query or None)
            self.assertEqual(200, answer.status_code, page)
            self.assertNotIn(CANARY, answer.text, page)
            self.assertNotIn(CANARY, str(answer.headers))


class ProtectionTest(PageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        self.look()

    def status(self, page: str, login: str | None = None) -> int:
        headers = {}
        if login is not None:
            token = base64.b64encode(login.encode()).decode()
            headers['Authorization'] = f'Basic {token}'
        name, _, query = page.partition('?')
        answer = self.client.simulate_get(
            name, query_string=query or None, headers=headers
        )
        return int(answer.status_code)

    def test_without_a_user_everybody_may_look(self) -> None:
        for page in PAGES:
            self.assertEqual(200, self.status(page), page)

    def test_with_a_user_only_that_one_may(self) -> None:
        self.conf.set_override('username', 'ops', 'admin')
        self.conf.set_override('password', 'secret', 'admin')
        self.client = self.make_client()
        for page in PAGES:
            self.assertEqual(401, self.status(page), page)
            self.assertEqual(401, self.status(page, 'ops:wrong'), page)
            self.assertEqual(401, self.status(page, 'ops'), page)
            self.assertEqual(200, self.status(page, 'ops:secret'), page)

    def test_probes_and_metrics_stay_open(self) -> None:
        self.conf.set_override('username', 'ops', 'admin')
        self.conf.set_override('password', 'secret', 'admin')
        self.client = self.make_client()
        for page in ('/metrics', '/healthz', '/readyz'):
            self.assertEqual(200, self.status(page), page)

    def test_a_login_that_cannot_be_read_is_refused(self) -> None:
        self.conf.set_override('username', 'ops', 'admin')
        self.conf.set_override('password', 'secret', 'admin')
        self.client = self.make_client()
        for value in ('Basic ?', 'Bearer x', '', 'Basic'):
            answer = self.client.simulate_get(
                '/', headers={'Authorization': value}
            )
            self.assertEqual(401, answer.status_code)

    def test_nothing_can_be_changed(self) -> None:
        for page in PAGES:
            for method in ('POST', 'PUT', 'DELETE', 'PATCH'):
                answer = self.client.simulate_request(
                    method, page.partition('?')[0]
                )
                self.assertEqual(405, answer.status_code)

    def test_browsers_are_told_to_load_nothing_from_elsewhere(self) -> None:
        answer = self.client.simulate_get('/')
        policy = answer.headers['Content-Security-Policy']
        self.assertIn("default-src 'none'", policy)
        for page in ('/', '/static/page.js', '/static/page.css'):
            text = self.client.simulate_get(page).text
            text = text.replace('http://www.w3.org/2000/svg', '')
            self.assertNotIn('http://', text)
            self.assertNotIn('https://', text)
            self.assertNotIn('innerHTML', text)

    def test_off_means_no_page(self) -> None:
        self.conf.set_override('page', False, 'admin')
        self.client = self.make_client()
        for page in PAGES:
            self.assertEqual(404, self.status(page), page)
        self.assertEqual(200, self.status('/healthz'))
