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

"""What the linter finds, and what it keeps quiet about."""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

import fixtures
import testtools

from esi_worker import exceptions, templates
from esi_worker.mapping import Choice, ParameterMappings, ReferenceList
from esi_worker.model import ResourceType, TypeRegistry
from esi_worker.templates import Linter, Severity
from esi_worker.templates.linting import findings

NETWORK = ResourceType(
    'network', 'networks', '/v2.0/networks', fields=frozenset(('id', 'name'))
)
PLAN = ResourceType('plan', 'plans', '/v2.0/plans')
PORT = ResourceType(
    'port',
    'ports',
    '/v2.0/ports',
    {'network_id': 'network', 'plan_id': 'plan'},
    frozenset(('id', 'name', 'network_id', 'plan_id', 'fixed_ips', 'items')),
    {'fixed_ips[].network_id': 'network'},
)
NETWORK_TEXT = """
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
outputs:
  id: {value: x}
"""


def port_text(parameters: str = '', rest: str = '') -> str:
    """A Heat template with these lines under ``parameters``."""
    lines = parameters or '  name: {type: string, default: x}'
    return f'heat_template_version: 2013-05-23\nparameters:\n{lines}\n{rest}'


class LinterTest(testtools.TestCase):
    def lint(
        self,
        mappings: Mapping[str, Any],
        text: str = port_text(),
        *,
        choice: Any = 'Cport',
        handler: str = 'heat_worker',
        **options: Any,
    ) -> list[tuple[str, str]]:
        """The rules and the parameters of what is found in a port."""
        references = {
            name: ReferenceList('port', name, raw)
            for name, raw in options.items()
        }
        port = templates.Template(
            'port',
            handler,
            ParameterMappings(
                'port', {'heat_timeout': 'C60', **mappings}, **references
            ),
            text,
            'port.yaml',
        )
        network = templates.Template(
            'network',
            'heat_worker',
            ParameterMappings(
                'network', {'heat_timeout': 'C60', 'name': 'Pname'}
            ),
            NETWORK_TEXT,
            'network.yaml',
        )
        self.catalog = templates.TemplateCatalog(
            TypeRegistry((NETWORK, PLAN, PORT)),
            choices={
                'heat_worker': {
                    'port': Choice('heat_worker', 'port', choice),
                    'network': Choice('heat_worker', 'network', 'Cnetwork'),
                }
            },
            templates=(port, network),
        )
        self.found = Linter(self.catalog).lint()
        return [(finding.rule.id, finding.parameter) for finding in self.found]

    # --- mappings against schemas -----------------------------------------

    def test_a_template_that_fits_has_no_finding(self) -> None:
        found = self.lint(
            {
                'name': 'Pname',
                'network': 'Mnetwork:network_id:id',
                'jinja_nets': {
                    'for_field': 'fixed_ips',
                    'for_mapping': {
                        'field': 'name',
                        'path': ['network_id'],
                    },
                },
            },
            port_text(
                '  name: {type: string}\n  network: {type: string}',
                'resources:\n{% for net in jinja_nets %}\n'
                '  net_{{ net }}: {type: x}\n{% endfor %}\n',
            ),
            depends_on=['fixed_ips[].network_id'],
            needs=['plan_id'],
        )
        self.assertEqual([], found)

    def test_a_field_that_the_schema_lacks(self) -> None:
        expressions: tuple[Any, ...] = (
            'Pcolour',
            'Ocolour:deep',
            'ACx&Pcolour',
            'Fnetwork+network_id:colour',
            'Fnetwork+colour:name',
            {'nested': ['colour', 'deep']},
            {'field': 'colour', 'path': ['network_id']},
            {
                'if_mapping': {'equal': [{'field': 'colour'}, 'x']},
                'then_mapping': 'Cx',
                'else_mapping': 'Cy',
            },
            {'for_field': 'colour', 'for_mapping': 'Px'},
        )
        for expression in expressions:
            self.assertEqual(
                [('unknown-field', 'name')],
                self.lint({'name': expression}),
                str(expression),
            )

    def test_fields_of_types_without_a_schema_are_not_known(self) -> None:
        found = self.lint({'name': 'Fplan+plan_id:colour'})
        self.assertEqual([], found)

    def test_a_step_that_is_no_relation(self) -> None:
        self.assertEqual(
            [('unknown-relation', 'name')],
            self.lint({'name': {'field': 'name', 'path': ['name']}}),
        )

    def test_a_type_that_nobody_declares(self) -> None:
        step = {'type': 'ghost', 'id': 'name'}
        expression = {'field': 'name', 'path': [step]}
        self.assertEqual(
            [('unknown-type', 'name')], self.lint({'name': expression})
        )
        ignored = {**expression, 'ignore_missing': True}
        self.assertEqual([], self.lint({'name': ignored}))

    def test_a_step_that_contradicts_the_schema(self) -> None:
        self.assertEqual(
            [('step-disagrees', 'name')],
            self.lint({'name': 'Fplan+network_id:name'}),
        )

    def test_references_for_their_own_sake_are_checked_too(self) -> None:
        self.assertEqual(
            [('unknown-relation', 'depends_on')],
            self.lint({'name': 'Pname'}, depends_on=['colour']),
        )
        self.assertEqual(
            [('unknown-relation', 'needs')],
            self.lint({'name': 'Pname'}, needs=['fixed_ips[].colour']),
        )

    # --- outputs ----------------------------------------------------------

    def test_an_output_that_nobody_gives(self) -> None:
        self.assertEqual(
            [('unknown-output', 'name')],
            self.lint({'name': 'Mnetwork:network_id:colour'}),
        )

    def test_an_output_of_what_has_no_stack(self) -> None:
        self.assertEqual(
            [('no-stack', 'name')], self.lint({'name': 'Mplan:plan_id:id'})
        )

    # --- texts ------------------------------------------------------------

    def test_a_variable_that_nobody_gives(self) -> None:
        text = port_text('', 'resources: {{ jinja_x }}\n')
        self.assertEqual(
            [('variable-not-mapped', 'jinja_x')],
            self.lint({'name': 'Pname'}, text),
        )

    def test_a_variable_without_the_prefix_is_not_given(self) -> None:
        text = port_text('', 'resources: {{ name }}\n')
        self.lint({'name': 'Pname'}, text)
        (finding,) = self.found
        self.assertIn('begin with "jinja_"', finding.message)

    def test_what_the_text_sets_itself_is_given(self) -> None:
        text = port_text(
            '',
            '{% set x = 1 %}{% for y in range(3) %}{{ x + y }}{% endfor %}\n',
        )
        self.lint({'name': 'Pname'}, text.replace('{{ x + y }}', '#{{ y }}'))
        self.assertNotIn(
            findings.VARIABLE_NOT_MAPPED, [each.rule for each in self.found]
        )

    def test_a_variable_that_is_not_used(self) -> None:
        self.assertEqual(
            [('variable-not-used', 'jinja_x')],
            self.lint({'name': 'Pname', 'jinja_x': 'Pname'}),
        )

    def test_what_only_orders_jobs_need_not_be_used(self) -> None:
        found = self.lint(
            {
                'name': 'Pname',
                'jinja_force_dependency_x': 'Pname',
                'jinja_dummy_dependency': 'Pname',
            }
        )
        self.assertEqual([], found)

    def test_other_handlers_give_all_to_the_text(self) -> None:
        found = self.lint(
            {'name': 'Pname', 'other': 'Pname'},
            'relation: {{ name }}',
            choice={'constant': None},
            handler='monitoring',
        )
        self.assertEqual([('never-chosen', '')], found)

    def test_a_parameter_that_is_not_declared(self) -> None:
        self.assertEqual(
            [('parameter-not-declared', 'colour')],
            self.lint({'name': 'Pname', 'colour': 'Cred'}),
        )

    def test_a_parameter_that_is_not_given(self) -> None:
        text = port_text('  name: {type: string}\n  size: {type: number}')
        self.assertEqual(
            [('parameter-not-mapped', 'size')],
            self.lint({'name': 'Pname'}, text),
        )

    def test_one_that_is_declared_at_times_is_only_a_warning(self) -> None:
        text = port_text(
            '  name: {type: string}\n{% if jinja_x %}\n'
            '  size: {type: number}\n{% endif %}'
        )
        self.lint({'name': 'Pname', 'jinja_x': 'Pname'}, text)
        (finding,) = self.found
        self.assertEqual('size', finding.parameter)
        self.assertIs(Severity.WARNING, finding.severity)

    def test_one_with_a_default_is_only_a_note(self) -> None:
        self.lint({})
        (finding,) = self.found
        self.assertIs(Severity.NOTE, finding.severity)

    def test_constants_have_to_fit(self) -> None:
        cases: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...] = (
            ('number', ('C60', {'constant': 6.5}), ('Cx', {'constant': True})),
            ('boolean', ('CFalse', {'constant': True}), ('Cmaybe',)),
            ('json', ({'constant': {}}, 'C[1]'), ('C{', {'constant': 1})),
            ('comma_delimited_list', ('Ca,b',), ({'constant': 1},)),
            ('string', ('Cx', {'constant': 1}), ({'constant': [1]},)),
        )
        for type_, good, bad in cases:
            text = port_text(f'  name: {{type: {type_}}}')
            for expression in good:
                self.assertEqual([], self.lint({'name': expression}, text))
            for expression in bad:
                self.assertEqual(
                    [('wrong-constant', 'name')],
                    self.lint({'name': expression}, text),
                    str(expression),
                )

    def test_constants_of_branches_count_too(self) -> None:
        text = port_text('  name: {type: number}')
        expression = {
            'if_mapping': {'equal': [{'field': 'name'}, 'x']},
            'then_mapping': 'C1',
            'else_mapping': 'Cmany',
        }
        self.assertEqual(
            [('wrong-constant', 'name')],
            self.lint({'name': expression}, text),
        )

    def test_the_timeout_is_a_number_of_minutes(self) -> None:
        for value in ('Cx', 'C0', {'constant': -1}, {'constant': True}):
            self.assertEqual(
                [('wrong-constant', 'heat_timeout')],
                self.lint({'name': 'Pname', 'heat_timeout': value}),
            )

    def test_a_text_that_is_no_yaml_without_its_values_is_told(self) -> None:
        text = port_text('', 'resources: [\n')
        self.assertEqual(
            [('unclear-text', '')], self.lint({'name': 'Pname'}, text)
        )

    # --- choices ----------------------------------------------------------

    def test_a_template_that_does_not_exist(self) -> None:
        self.lint({'name': 'Pname'}, choice='Crobot')
        rules = [finding.rule.id for finding in self.found]
        self.assertEqual(['no-template', 'never-chosen'], rules)

    def test_a_template_of_another_handler(self) -> None:
        found = self.lint({}, 'x', handler='monitoring')
        self.assertEqual([('wrong-handler', '')], found)

    def test_a_computed_choice_fits_by_its_pattern(self) -> None:
        self.assertEqual([], self.lint({'name': 'Pname'}, choice='ACpo&Pname'))
        self.assertEqual(
            [('never-chosen', '')],
            self.lint({'name': 'Pname'}, choice='ACx_&Pname'),
        )

    def test_what_is_never_chosen_has_no_errors(self) -> None:
        self.lint({'colour': 'Cred'}, choice={'constant': None})
        self.assertEqual(
            set(),
            {each for each in self.found if each.severity is Severity.ERROR},
        )

    def test_a_choice_of_an_unknown_field(self) -> None:
        self.assertIn(
            ('unknown-field', ''),
            self.lint({'name': 'Pname'}, choice='ACport&Pcolour'),
        )

    # --- the service ------------------------------------------------------

    def test_what_heat_would_refuse_is_not_used(self) -> None:
        self.lint({'name': 'Pname', 'colour': 'Cred'})
        error = self.assertRaises(
            exceptions.TemplateError,
            self.catalog.get_for,
            'heat_worker',
            'port',
        )
        self.assertIn('parameter "colour"', str(error))
        self.assertIn('port.yaml', str(error))
        template = self.catalog.get_for('heat_worker', 'network')
        self.assertEqual('network', template.id)

    def test_warnings_stop_nothing(self) -> None:
        self.lint({'name': 'Pname', 'jinja_x': 'Pname'})
        template = self.catalog.get_for('heat_worker', 'port')
        self.assertEqual('port', template.id)

    def test_a_service_tells_of_each_error_once(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        self.lint({'name': 'Pcolour'})
        journal = templates.Journal(self.catalog)
        journal.look_at_all()
        journal.look_at('port')
        journal.look_at_all()
        self.assertEqual(1, log.output.count('unknown-field'))

    def test_a_service_tells_of_what_comes_from_etcd(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        self.lint({'name': 'Pname'})
        journal = templates.Journal(self.catalog)
        body = {
            'handler': 'heat_worker',
            'parameter_mappings': {'name': 'Pcolour'},
            'template_file': '',
        }
        self.catalog.put(
            '/config/v2.0/heat_templates/port',
            json.dumps({'body': body, 'version': 1}),
        )
        journal.look_at('port')
        self.assertIn('no field "colour"', log.output)
