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
import threading
from typing import Any

import fixtures
import testtools

from esi_worker import exceptions, templates
from esi_worker.mapping import Choice, ParameterMappings
from esi_worker.model import ResourceType, TypeRegistry
from esi_worker.templates import Template, TemplateCatalog, filters

KEY = '/config/v2.0/heat_templates/port'
PORT = ResourceType('port', 'ports', '/v2.0/ports')


def from_file(text: str = 'from a file', id_: str = 'port') -> Template:
    mappings = ParameterMappings(id_, {'name': 'Pid'})
    return Template(id_, 'heat_worker', mappings, text, f'/{id_}.j2')


def stored(**changes: Any) -> str:
    body = {
        'id': 'port',
        'handler': 'heat_worker',
        'watch': [],
        'template_file': 'from etcd',
        'parameter_mappings': {'other': 'Pid'},
        **changes,
    }
    return json.dumps({'body': json.dumps(body), 'version': 1})


def catalog(*files: Template) -> TemplateCatalog:
    choices = {
        'heat_worker': {'port': Choice('heat_worker', 'port', 'Pkind')},
        'monitoring_worker': {'port': Choice('monitoring', 'port', 'Cmon')},
    }
    return TemplateCatalog(
        TypeRegistry([PORT]), ('heat_worker',), choices, files
    )


class ChoosingTest(testtools.TestCase):
    def test_the_body_chooses(self) -> None:
        found = catalog().choose('heat_worker', 'port', {'kind': 'a'}, 1)
        self.assertEqual('a', found)

    def test_null_means_no_work(self) -> None:
        self.assertIsNone(catalog().choose('heat_worker', 'port', {}, 1))

    def test_types_without_a_choice_have_no_work(self) -> None:
        self.assertIsNone(catalog().choose('heat_worker', 'subnet', {}, 1))
        self.assertIsNone(catalog().choose('noop', 'port', {}, 1))

    def test_a_handler_goes_by_any_of_its_names(self) -> None:
        for name in ('monitoring', 'monitoring_worker'):
            found = catalog().choose(name, 'port', {}, 1)
            self.assertEqual('mon', found)

    def test_templates_are_a_type_without_work(self) -> None:
        raw = Choice('heat_worker', 'heat_template', 'Cx')
        ours = TemplateCatalog(choices={'heat_worker': {'heat_template': raw}})

        located = ours.types.locate('v2.0/heat_templates/port')

        assert located is not None
        self.assertEqual('heat_template', located[0].name)
        self.assertIsNone(ours.choose('heat_worker', 'heat_template', {}, 1))

    def test_paths_of_templates_are_told_apart(self) -> None:
        found = templates.is_template_path('v2.0/heat_templates/port')
        self.assertEqual('port', found)
        for path in ('v2.0/heat_templates', 'v2.0/heat_templates/', 'v2.0/x'):
            self.assertIsNone(templates.is_template_path(path))


class SourcesTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())

    def _names(self, ours: TemplateCatalog) -> list[str]:
        return list(ours.get('port').mappings.expressions)

    def test_etcd_takes_the_place_of_a_file(self) -> None:
        ours = catalog(from_file())

        self.assertEqual('port', ours.put(KEY, stored()))

        self.assertEqual('from etcd', ours.render('port', {}))
        self.assertEqual(['other'], self._names(ours))
        self.assertEqual(KEY, ours.get('port').source)

    def test_one_in_etcd_may_order_jobs(self) -> None:
        ours = catalog(from_file())
        ours.put(KEY, stored(depends_on=['network_id'], needs=None))
        mappings = ours.get('port').mappings
        self.assertTrue(mappings.depends_on)
        self.assertFalse(mappings.needs)

    def test_the_file_comes_back(self) -> None:
        ours = catalog(from_file())
        ours.put(KEY, stored())

        ours.remove('port')

        self.assertEqual('from a file', ours.render('port', {}))
        self.assertEqual(['name'], self._names(ours))

    def test_a_list_replaces_all(self) -> None:
        ours = catalog(from_file())
        ours.put(KEY, stored())

        ours.replace_all({KEY.replace('port', 'new'): stored()})

        self.assertEqual(
            ['new', 'port'], [template.id for template in ours.templates()]
        )
        self.assertEqual('/port.j2', ours.get('port').source)

    def test_an_unknown_template_is_not_found(self) -> None:
        error = self.assertRaises(
            exceptions.TemplateNotFound, catalog().get, 'ghost'
        )
        assert isinstance(error, exceptions.TemplateNotFound)
        self.assertEqual('ghost', error.template_id)

    def test_a_broken_one_in_etcd_blocks_the_file(self) -> None:
        broken = {
            stored(parameter_mappings={'p': 'X'}): '"p"',
            stored(parameter_mappings=None): '"parameter_mappings"',
            stored(template_file='\n{% if %}'): 'line 2',
            stored(template_file='{{ a|ghost }}'): 'ghost',
            stored(template_file=1): '"template_file"',
            stored(handler=None): '"handler"',
            stored(depends_on='port_id'): '"depends_on"',
            stored(needs=[1]): '"needs"',
            '{': 'JSON',
        }
        for text, reason in broken.items():
            ours = catalog(from_file())
            ours.put(KEY, text)
            error = self.assertRaises(
                exceptions.TemplateError, ours.get, 'port'
            )
            self.assertIn(KEY, str(error))
            self.assertIn(reason, str(error))
            self.assertEqual((), ours.templates())

    def test_a_broken_one_can_be_mended_or_deleted(self) -> None:
        ours = catalog(from_file())
        ours.put(KEY, '{')
        ours.put(KEY, stored())
        self.assertEqual(KEY, ours.get('port').source)
        ours.put(KEY, '{')
        ours.remove('port')
        self.assertEqual('/port.j2', ours.get('port').source)

    def test_a_broken_one_is_logged_once(self) -> None:
        ours = catalog()
        ours.put(KEY, '{')
        ours.put(KEY, '{')
        ours.replace_all({KEY: '{'})
        self.assertEqual(1, self.log.output.count(KEY + ' cannot'))

    def test_another_key_is_no_template(self) -> None:
        self.assertIsNone(catalog().put('/config/v2.0/ports/p', stored()))
        self.assertIn('/config/v2.0/ports/p', self.log.output)

    def test_a_template_must_be_for_the_handler_that_chose_it(self) -> None:
        ours = catalog()
        ours.put(KEY, stored(handler='monitoring_worker'))

        ours.get_for('monitoring', 'port')
        error = self.assertRaises(
            exceptions.TemplateError, ours.get_for, 'heat_worker', 'port'
        )

        self.assertIn('"monitoring_worker"', str(error))
        self.assertIn(KEY, str(error))

    def test_a_broken_file_is_refused(self) -> None:
        error = self.assertRaises(
            exceptions.TemplateError, catalog, from_file('{{')
        )
        self.assertIn('template "port", line 1', str(error))


class RenderingTest(testtools.TestCase):
    def _render(self, text: str, **params: Any) -> str:
        return catalog(from_file(text)).render('port', params)

    def _error(self, text: str, **params: Any) -> str:
        error = self.assertRaises(
            exceptions.TemplateError, self._render, text, **params
        )
        return str(error)

    def test_settings_are_the_defaults(self) -> None:
        text = '{% if a %}\n  {{ b }}|{{ missing }}|{{ c }}\n{% endif %}\n\n'
        self.assertEqual(
            '\n  <&>||None\n\n', self._render(text, a=1, b='<&>', c=None)
        )

    def test_an_error_names_template_and_line(self) -> None:
        text = 'one\n{% for x in items %}\n{{ x + 1 }}\n{% endfor %}'
        self.assertIn(
            'template "port", line 3: TypeError',
            self._error(text, items=['a']),
        )
        self.assertIn(
            "line 1: UndefinedError: 'a' is undefined",
            self._error('{{ a.b.c }}'),
        )

    def test_an_error_tells_no_values(self) -> None:
        text = '{{ "%d" | format(a.index("x")) }}'
        found = self._error(text, a='secret')
        self.assertIn('line 1: ValueError', found)
        self.assertNotIn('secret', found)

    def test_templates_cannot_reach_into_python(self) -> None:
        found = self._error(
            '{{ a.__class__.__mro__[1].__subclasses__() }}', a=1
        )
        self.assertIn('SecurityError', found)

    def test_a_filter_matches_at_the_start(self) -> None:
        text = '{{ a | match("compute") }}'
        self.assertEqual('True', self._render(text, a='compute:nova'))
        self.assertEqual('False', self._render(text, a='x compute'))
        self.assertEqual('False', self._render(text, a=None))
        self.assertEqual('False', self._render(text))
        self.assertTrue(filters.match(None, ''))

    def test_filters_of_plugins_may_be_used(self) -> None:
        ours = TemplateCatalog(
            templates=[from_file('{{ 2 | twice }}')],
            filters={'twice': lambda value: 2 * value},
        )
        self.assertEqual('4', ours.render('port', {}))

    def test_threads_may_render_while_templates_change(self) -> None:
        ours = catalog(from_file())
        seen: list[str] = []

        def render() -> None:
            seen.extend(ours.render('port', {}) for _ in range(50))

        threads = [threading.Thread(target=render) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            ours.put(KEY, stored())
            ours.remove('port')
        for thread in threads:
            thread.join()

        self.assertEqual(150, len(seen))
        self.assertTrue(set(seen) <= {'from a file', 'from etcd'})
