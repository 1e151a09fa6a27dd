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

from typing import Any

import testtools

from esi_worker import exceptions
from esi_worker.model import Param, ParamType, ResourceRef
from esi_worker.tests.unit.mapping.support import R1, R2, S1, evaluate

ROUTER_IP = {'field': 'ip', 'path': ['router_id']}


class ValuesTest(testtools.TestCase):
    def _value(self, expression: Any, **body: Any) -> Any:
        param, _ = evaluate(expression, body)
        self.assertIs(ParamType.VALUE, param.type)
        self.assertEqual((), param.resources)
        return param.value

    def test_a_short_constant_is_always_a_string(self) -> None:
        self.assertEqual('60', self._value('C60'))
        self.assertEqual('a:b-c', self._value('Ca:b-c'))
        self.assertEqual('', self._value('C'))

    def test_a_long_constant_keeps_its_type(self) -> None:
        for value in (13, None, 'x', True, [1], {'a': 1}):
            self.assertEqual(value, self._value({'constant': value}))

    def test_a_field_keeps_its_type(self) -> None:
        for expression in ('Pcount', {'field': 'count'}):
            for value in (1, 'x', None, [1], {'a': 1}):
                self.assertEqual(value, self._value(expression, count=value))

    def test_an_absent_field_is_null(self) -> None:
        self.assertIsNone(self._value('Pname'))

    def test_an_extra_field_in_the_body_does_no_harm(self) -> None:
        self.assertEqual('n', self._value('Pname', name='n', extra=1))

    def test_the_version_is_that_of_the_config(self) -> None:
        self.assertEqual(7, self._value('Vauto_filled'))
        self.assertEqual(7, self._value({'version': 'auto_filled'}))

    def test_a_nested_value_is_found(self) -> None:
        body = {'primary': {'ip': 'x', 'deep': {'a': 1}}}
        self.assertEqual('x', self._value('Oprimary:ip', **body))
        nested = {'nested': ['primary', 'deep', 'a']}
        self.assertEqual(1, self._value(nested, **body))

    def test_a_value_in_a_missing_object_is_null(self) -> None:
        self.assertIsNone(self._value('Oprimary:ip'))
        self.assertIsNone(self._value('Oprimary:ip', primary=None))
        self.assertIsNone(self._value('Oprimary:ip', primary={}))

    def test_parts_are_joined(self) -> None:
        self.assertEqual(
            'gw_1_OUT', self._value('ACgw_&Pcount&C_OUT', count=1)
        )
        joined = {'concatenate': [{'field': 'kind'}, '_gw_id', 5, True]}
        self.assertEqual('vpn_gw_id5true', self._value(joined, kind='vpn'))


class ReferencesTest(testtools.TestCase):
    def test_hops_are_listed_in_order(self) -> None:
        for expression in (
            'Frouter+router_id:site+site_id:city',
            {'field': 'city', 'path': ['router_id', 'site_id']},
            {
                'field': 'city',
                'path': [{'type': 'router', 'id': 'router_id'}, 'site_id'],
            },
        ):
            param, needs = evaluate(expression, {'router_id': 'r1'})
            self.assertEqual('Kyoto', param.value)
            self.assertEqual((R1, S1), param.resources)
            self.assertEqual({R1, S1}, needs)

    def test_an_expression_may_name_the_relation(self) -> None:
        step = {'concatenate': [{'field': 'kind'}, '_id']}
        param, _ = evaluate(
            {'field': 'ip', 'path': [step]},
            {'kind': 'backup', 'backup_id': 'r2'},
        )
        self.assertEqual('10.0.0.2', param.value)
        self.assertEqual((R2,), param.resources)

    def test_a_plain_relation_adds_its_target(self) -> None:
        for expression in ('Prouter_id', {'field': 'router_id'}):
            param, needs = evaluate(expression, {'router_id': 'unknown'})
            self.assertEqual('unknown', param.value)
            self.assertEqual(
                (ResourceRef('router', 'unknown'),), param.resources
            )
            self.assertEqual(set(param.resources), needs)

    def test_an_empty_relation_adds_nothing(self) -> None:
        for empty in (None, ''):
            param, _ = evaluate('Prouter_id', {'router_id': empty})
            self.assertEqual((empty, ()), (param.value, param.resources))

    def test_an_output_is_left_for_later(self) -> None:
        for expression in (
            'Mrouter:router_id:id',
            {'output_key': 'id', 'path': ['router_id']},
        ):
            param, _ = evaluate(expression, {'router_id': 'r1'})
            self.assertIs(ParamType.OUTPUT_KEY, param.type)
            self.assertEqual(
                {
                    'output_key': 'id',
                    'resource_type': 'router',
                    'resource_id': 'r1',
                },
                param.value,
            )
            self.assertEqual((R1,), param.resources)

    def test_an_output_without_path_is_ones_own(self) -> None:
        param, needs = evaluate({'output_key': 'fq_name'}, {})
        self.assertEqual('g1', param.value['resource_id'])
        self.assertEqual(((), frozenset()), (param.resources, needs))

    def test_all_parts_add_what_they_visit(self) -> None:
        param, _ = evaluate(
            'AFrouter+router_id:ip&C-&Frouter+backup_id:ip',
            {'router_id': 'r1', 'backup_id': 'r2'},
        )
        self.assertEqual('10.0.0.1-10.0.0.2', param.value)
        self.assertEqual((R1, R2), param.resources)

    def test_a_field_with_colons_may_end_a_path(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError,
            evaluate,
            'Frouter+router_id:binding:vif_type',
            {'router_id': 'r1'},
        )
        self.assertIn('no field "binding:vif_type"', str(error))


class MissingTest(testtools.TestCase):
    def _missing(
        self, expression: Any, **body: Any
    ) -> exceptions.MissingReference:
        error = self.assertRaises(
            exceptions.MissingReference, evaluate, expression, body
        )
        assert isinstance(error, exceptions.MissingReference)
        return error

    def test_an_empty_id_is_missing(self) -> None:
        for empty in (None, ''):
            error = self._missing(ROUTER_IP, router_id=empty)
            self.assertEqual(
                ('router', ''), (error.resource_type, error.resource_id)
            )

    def test_an_unknown_target_is_missing(self) -> None:
        for expression in (ROUTER_IP, 'Mrouter:router_id:id'):
            error = self._missing(expression, router_id='r9')
            self.assertEqual(
                ('router', 'r9'), (error.resource_type, error.resource_id)
            )

    def test_the_error_names_everything(self) -> None:
        error = self._missing(ROUTER_IP, router_id='r9')
        for named in (
            '"a_template"',
            '"a_param"',
            '"path": ["router_id"]',
            'router:r9',
            'field "router_id" of gateway:g1',
        ):
            self.assertIn(named, str(error))

    def test_a_type_that_nobody_declares_is_called_so(self) -> None:
        error = self._missing('Fghost+device_id:ip', device_id='x')
        self.assertIn('declares the type "ghost"', str(error))

    def test_what_is_visited_is_kept_when_lenient(self) -> None:
        city = 'Frouter+backup_id:site+site_id:city'
        param, _ = evaluate(city, {'backup_id': 'r2'}, lenient=True)
        self.assertIsNone(param.value)
        self.assertEqual((R2, ResourceRef('site', 'gone')), param.resources)

    def test_an_output_of_nothing_is_null_when_lenient(self) -> None:
        param, _ = evaluate('Mrouter:router_id:id', {}, lenient=True)
        self.assertEqual(
            (ParamType.VALUE, None, ()),
            (param.type, param.value, param.resources),
        )

    def test_a_joined_text_is_null_when_lenient(self) -> None:
        param, _ = evaluate(
            'ACx&Frouter+router_id:ip', {'router_id': 'r9'}, lenient=True
        )
        self.assertIsNone(param.value)
        self.assertEqual((ResourceRef('router', 'r9'),), param.resources)

    def test_errors_are_null_when_lenient(self) -> None:
        param, _ = evaluate('Pghost', {}, lenient=True)
        self.assertIsNone(param.value)

    def test_ignored_ones_are_an_empty_text(self) -> None:
        ignoring = {**ROUTER_IP, 'ignore_missing': True}
        for lenient in (False, True):
            for id_ in (None, '', 'r9'):
                param, needs = evaluate(
                    ignoring, {'router_id': id_}, lenient=lenient
                )
                self.assertEqual(
                    ('', (), frozenset()),
                    (param.value, param.resources, needs),
                )

    def test_ignored_ones_are_visited_but_not_needed(self) -> None:
        ignoring = {**ROUTER_IP, 'ignore_missing': True}
        param, needs = evaluate(ignoring, {'router_id': 'r1'})
        self.assertEqual('10.0.0.1', param.value)
        self.assertEqual((R1,), param.resources)
        self.assertEqual(frozenset(), needs)


class BranchesTest(testtools.TestCase):
    def _branch(self, condition: Any, **body: Any) -> Param:
        expression = {
            'if_mapping': condition,
            'then_mapping': ROUTER_IP,
            'else_mapping': {'constant': None},
        }
        param, _ = evaluate(expression, {'router_id': 'r1', **body})
        return param

    def test_only_the_chosen_branch_is_evaluated(self) -> None:
        condition = {'equal': [{'field': 'kind'}, 'vpn']}
        then = self._branch(condition, kind='vpn')
        self.assertEqual(('10.0.0.1', (R1,)), (then.value, then.resources))
        other = self._branch(condition, kind='x', router_id=None)
        self.assertEqual((None, ()), (other.value, other.resources))

    def test_equality_is_that_of_json(self) -> None:
        equal: list[Any] = [1, None, [1], {}, 'a', True]
        for value in equal:
            self.assertTrue(self._equal(value, value))
        self.assertTrue(self._equal(1, 1.0))
        different: list[Any] = [(1, True), ('1', 1), ([1], [True]), ({}, [])]
        for left, right in different:
            self.assertFalse(self._equal(left, right))

    def _equal(self, left: Any, right: Any) -> bool:
        condition = {'equal': [{'field': 'count'}, {'constant': right}]}
        return self._branch(condition, count=left).value is not None

    def test_a_pattern_matches_at_the_start(self) -> None:
        condition = {'regexp': [{'field': 'kind'}, {'constant': 'b|a:'}]}
        self.assertIsNotNone(self._branch(condition, kind='a:x').value)
        self.assertIsNone(self._branch(condition, kind='xa:').value)

    def test_null_is_matched_as_an_empty_text(self) -> None:
        anything = {'regexp': [{'field': 'kind'}, '.*']}
        something = {'regexp': [{'field': 'kind'}, '.']}
        self.assertIsNotNone(self._branch(anything, kind=None).value)
        self.assertIsNone(self._branch(something, kind=None).value)

    def test_a_pattern_from_the_body_must_compile(self) -> None:
        condition = {'regexp': ['x', {'field': 'kind'}]}
        error = self.assertRaises(
            exceptions.MappingError, self._branch, condition, kind='('
        )
        self.assertIn('does not compile', str(error))


class LoopsTest(testtools.TestCase):
    def _loop(self, source: Any, mapping: Any, **body: Any) -> Param:
        param, _ = evaluate(
            {'for_field': source, 'for_mapping': mapping}, body
        )
        return param

    def test_values_make_a_plain_list(self) -> None:
        mapping = {'field': 'ip', 'path': [{'type': 'router', 'id': 'r'}]}
        param = self._loop('items', mapping, items=[{'r': 'r1'}, {'r': 'r2'}])
        self.assertIs(ParamType.VALUE, param.type)
        self.assertEqual(['10.0.0.1', '10.0.0.2'], param.value)
        self.assertEqual((R1, R2), param.resources)

    def test_outputs_make_a_list_of_parameters(self) -> None:
        mapping = {'output_key': 'id', 'path': [{'type': 'router', 'id': ''}]}
        param = self._loop('items', mapping, items=['r1', 'r2'])
        self.assertIs(ParamType.LIST, param.type)
        self.assertEqual(
            [('a_param', ParamType.OUTPUT_KEY, ())] * 2,
            [(item.name, item.type, item.resources) for item in param.value],
        )
        self.assertEqual((R1, R2), param.resources)

    def test_mixed_items_are_parameters(self) -> None:
        mapping = {
            'if_mapping': {'equal': [{'field': 'n'}, 1]},
            'then_mapping': {'output_key': 'id'},
            'else_mapping': 'Pn',
        }
        param = self._loop('items', mapping, items=[{'n': 1}, {'n': 2}])
        self.assertEqual(
            [ParamType.OUTPUT_KEY, ParamType.VALUE],
            [item.type for item in param.value],
        )

    def test_the_source_may_lie_elsewhere(self) -> None:
        source = {'field': 'ports', 'path': ['router_id']}
        param = self._loop(source, {'field': 'n'}, router_id='r1')
        self.assertEqual([41, 42], param.value)
        self.assertEqual((R1,), param.resources)

    def test_nothing_to_go_through_is_an_empty_list(self) -> None:
        bodies: list[dict[str, Any]] = [{}]
        bodies += [{'items': None}, {'items': []}, {'items': ''}]
        for body in bodies:
            param = self._loop('items', 'Pn', **body)
            self.assertEqual((ParamType.VALUE, []), (param.type, param.value))

    def test_an_absent_field_of_an_item_is_null(self) -> None:
        self.assertEqual([None], self._loop('items', 'Pn', items=[{}]).value)

    def test_a_missing_target_of_an_item_is_missing(self) -> None:
        mapping = {'field': 'ip', 'path': [{'type': 'router', 'id': 'r'}]}
        error = self.assertRaises(
            exceptions.MissingReference,
            self._loop,
            'items',
            mapping,
            items=[{'r': 'r1'}, {'r': None}],
        )
        self.assertIn('item 1 of gateway:g1', str(error))


class MisfitsTest(testtools.TestCase):
    def _error(self, expression: Any, **body: Any) -> str:
        error = self.assertRaises(
            exceptions.MappingError, evaluate, expression, body
        )
        self.assertNotIsInstance(error, exceptions.MissingReference)
        self.assertIn('"a_template"', str(error))
        self.assertIn('"a_param"', str(error))
        return str(error)

    def test_a_field_that_the_schema_lacks(self) -> None:
        self.assertIn('no field "ghost"', self._error('Pghost'))
        self.assertIn(
            'schema of "router" has no field "ghost"',
            self._error('Frouter+router_id:ghost', router_id='r1'),
        )
        self.assertIn('no field "ghost"', self._error('Frouter+ghost:ip'))

    def test_a_field_that_only_the_body_has(self) -> None:
        # Else the mapping would work for some resources of a type only.
        self.assertIn('no field "ghost"', self._error('Pghost', ghost='x'))

    def test_fields_of_a_type_without_schema_are_not_checked(self) -> None:
        param, _ = evaluate(
            'Frouter+router_id:site+site_id:ghost', {'router_id': 'r1'}
        )
        self.assertIsNone(param.value)

    def test_a_step_that_is_no_relation(self) -> None:
        text = self._error({'field': 'x', 'path': ['name']}, name='n')
        self.assertIn('"name" is no relation of "gateway"', text)

    def test_a_computed_step_that_is_no_text(self) -> None:
        path = [{'field': 'count'}]
        self.assertIn(
            'a number', self._error({'field': 'x', 'path': path}, count=1)
        )

    def test_an_id_that_is_no_text(self) -> None:
        text = self._error(ROUTER_IP, router_id={'a': 1})
        self.assertIn('the field "router_id" of gateway:g1 is an object', text)

    def test_a_part_that_is_null(self) -> None:
        text = self._error('ACx&Pname')
        self.assertIn('part 2 is null for gateway:g1', text)

    def test_a_part_that_is_a_list(self) -> None:
        text = self._error('APitems&Cx', items=['secret'])
        self.assertIn('part 1 is a list', text)
        self.assertNotIn('secret', text)

    def test_a_nested_value_in_no_object(self) -> None:
        text = self._error({'nested': ['primary', 'a', 'b']}, primary='x')
        self.assertIn('the field "primary" of gateway:g1 is a string', text)

    def test_a_loop_over_no_list(self) -> None:
        loop = {'for_field': 'items', 'for_mapping': 'Pn'}
        self.assertIn('a list is needed', self._error(loop, items={}))

    def test_a_field_of_an_item_that_is_no_object(self) -> None:
        loop = {'for_field': 'items', 'for_mapping': 'Pn'}
        self.assertIn(
            'item 0 of gateway:g1 is a string', self._error(loop, items=['a'])
        )

    def test_an_output_of_a_resource_without_id(self) -> None:
        self.assertIn(
            'the field "id"', self._error({'output_key': 'a'}, id=None)
        )
