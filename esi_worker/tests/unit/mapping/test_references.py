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

"""Relations that lie deeper, and the options that order jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import testtools

from esi_worker import exceptions
from esi_worker.mapping import Evaluation, ParameterMappings, ReferenceList
from esi_worker.mapping.parameters import DEPENDS_ON
from esi_worker.model import ResourceRef
from esi_worker.tests.unit.mapping.support import (
    GATEWAY,
    R1,
    R2,
    S1,
    WORLD,
    evaluate,
    types,
)

GONE = ResourceRef('router', 'gone')


class NestedRelationTest(testtools.TestCase):
    """Relations of list items and members are steps of a path."""

    def test_a_relation_of_an_item(self) -> None:
        param, needs = evaluate(
            {
                'for_field': 'links',
                'for_mapping': {'field': 'ip', 'path': ['router_id']},
            },
            {'links': [{'router_id': 'r1'}, {'router_id': 'r2'}]},
        )
        self.assertEqual(['10.0.0.1', '10.0.0.2'], param.value)
        self.assertEqual((R1, R2), param.resources)
        self.assertEqual({R1, R2}, needs)

    def test_an_item_that_is_the_id(self) -> None:
        param, _ = evaluate(
            {
                'for_field': 'link_ids',
                'for_mapping': {'output_key': 'id', 'path': ['']},
            },
            {'link_ids': ['r2']},
        )
        self.assertEqual((R2,), param.resources)

    def test_a_list_within_an_item(self) -> None:
        param, _ = evaluate(
            {
                'for_field': 'items',
                'for_mapping': {
                    'for_field': 'links',
                    'for_mapping': {'field': 'ip', 'path': ['router_id']},
                },
            },
            {'items': [{'links': [{'router_id': 'r1'}]}, {}]},
        )
        self.assertEqual([['10.0.0.1'], []], param.value)

    def test_a_list_at_the_end_of_a_path(self) -> None:
        param, _ = evaluate(
            {
                'for_field': {'field': 'site_ids', 'path': ['router_id']},
                'for_mapping': {'field': 'city', 'path': ['']},
            },
            {'router_id': 'r1'},
        )
        self.assertEqual(['Kyoto'], param.value)
        self.assertEqual((R1, S1), param.resources)

    def test_a_member_of_an_object(self) -> None:
        expression = {'field': 'ip', 'path': ['uplink.router_id']}
        param, _ = evaluate(expression, {'uplink': {'router_id': 'r1'}})
        self.assertEqual(('10.0.0.1', (R1,)), (param.value, param.resources))

    def test_reading_an_item_refers_to_nothing(self) -> None:
        # As recorded: only steps of paths lead to what lies deeper.
        param, _ = evaluate(
            {'for_field': 'links', 'for_mapping': {'field': 'router_id'}},
            {'links': [{'router_id': 'r1'}]},
        )
        self.assertEqual((['r1'], ()), (param.value, param.resources))

    def test_what_is_no_relation_of_an_item_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError,
            evaluate,
            {
                'for_field': 'links',
                'for_mapping': {'field': 'ip', 'path': ['other_id']},
            },
            {'links': [{'other_id': 'r1'}]},
        )
        self.assertIn(
            '"other_id" is no relation of "gateway", links[] (at item 0 of '
            'gateway:g1)',
            str(error),
        )

    def test_a_list_is_no_step_of_a_path(self) -> None:
        for step, reason in {
            'links[].router_id': 'use "for_field"',
            '': 'only in "for_mapping" may a step be empty',
            'uplink.': 'no name of a relation',
        }.items():
            error = self.assertRaises(
                exceptions.MappingError,
                ParameterMappings,
                't',
                {'p': {'field': 'ip', 'path': [step]}},
            )
            self.assertIn(reason, str(error))


def refer(
    references: list[Any], body: Mapping[str, Any], *, lenient: bool = False
) -> Evaluation:
    """Evaluate a template with these references in ``depends_on``."""
    mappings = ParameterMappings(
        't', {}, depends_on=ReferenceList('t', 'depends_on', references)
    )
    return mappings.evaluate(
        GATEWAY, {'id': 'g1', **body}, 7, WORLD, types(), lenient=lenient
    )


def referred(references: list[Any], **body: Any) -> tuple[ResourceRef, ...]:
    (param,) = refer(references, body).params
    return param.resources


class ReferenceListTest(testtools.TestCase):
    def test_the_forms_of_a_reference(self) -> None:
        body = {
            'router_id': 'r1',
            'link_ids': ['r1', 'r2'],
            'links': [{'router_id': 'r2'}],
            'uplink': {'router_id': 'r2'},
            'device_id': 's1',
        }
        cases: list[tuple[Any, Any]] = [
            ('router_id', (R1,)),
            ('link_ids[]', (R1, R2)),
            ('links[].router_id', (R2,)),
            ('uplink.router_id', (R2,)),
            ({'path': ['router_id', 'site_id']}, (R1, S1)),
            ({'path': ['router_id', 'site_ids[]']}, (R1, S1)),
            ({'path': [{'type': 'site', 'id': 'device_id'}]}, (S1,)),
            ({'field': 'ip', 'path': ['router_id']}, (R1,)),
            ({'field': 'router_id'}, (R1,)),
            (
                {
                    'if_mapping': {'equal': [{'field': 'device_id'}, 's1']},
                    'then_mapping': {'field': 'router_id'},
                    'else_mapping': {'constant': None},
                },
                (R1,),
            ),
        ]
        for reference, expected in cases:
            self.assertEqual(expected, referred([reference], **body))
        self.assertEqual(
            (R1, R2), referred(['router_id', 'uplink.router_id'], **body)
        )

    def test_an_empty_field_refers_to_nothing(self) -> None:
        references = [
            'router_id',
            'link_ids[]',
            'uplink.router_id',
            {'path': ['router_id', 'site_ids[]']},
        ]
        self.assertEqual((), referred(references))
        self.assertEqual((), referred(references, router_id='', uplink={}))

    def test_a_missing_target_is_an_error(self) -> None:
        error = self.assertRaises(
            exceptions.MissingReference, referred, ['router_id'], router_id='x'
        )
        self.assertIn('template "t", option "depends_on"', str(error))
        self.assertIn('router:x does not exist (yet)', str(error))

    def test_a_missing_target_may_be_ignored_but_counts(self) -> None:
        reference = {'path': ['router_id'], 'ignore_missing': True}
        found = refer([reference], {'router_id': 'gone'})
        self.assertEqual((GONE,), found.params[0].resources)
        self.assertEqual(set(), found.needs | found.held_by)

    def test_a_deletion_is_lenient(self) -> None:
        found = refer(
            ['router_id', 'backup_id'],
            {'router_id': 'gone', 'backup_id': 7},
            lenient=True,
        )
        self.assertEqual((GONE,), found.params[0].resources)

    def test_what_is_malformed_is_refused_by_name(self) -> None:
        cases: list[tuple[Any, str]] = [
            ('router_id', 'is a string, a list of references is needed'),
            ([1], 'a number is no reference'),
            ([''], 'may a step be empty'),
            (['[]'], '"[]" is no name of a list'),
            (['a..b'], 'no name of a relation'),
            ([{}], 'needs one of the keys'),
            ([{'path': []}], '"path" must be a list of steps'),
            ([{'path': ['a'], 'x': 1}], 'the key "x" does not belong here'),
            ([{'path': ['a', 'b.c[]']}], '"b.c[]" is no name of a list'),
            ([{'path': ['a'], 'ignore_missing': 1}], 'true or false'),
        ]
        for raw, reason in cases:
            error = self.assertRaises(
                exceptions.MappingError, ReferenceList, 't', 'needs', raw
            )
            self.assertIn('template "t", option "needs"', str(error))
            self.assertIn(reason, str(error))

    def test_a_relation_that_is_none_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, referred, ['name'], name='n'
        )
        self.assertIn('"name" is no relation of "gateway"', str(error))


class EvaluationTest(testtools.TestCase):
    def test_depends_on_is_a_parameter_that_holds_off_nothing(self) -> None:
        found = refer(['router_id'], {'router_id': 'r1'})
        (param,) = found.params
        self.assertEqual((DEPENDS_ON, None), (param.name, param.value))
        self.assertEqual(set(), found.needs | found.after)
        self.assertEqual({R1}, found.held_by)

    def test_needs_is_no_parameter(self) -> None:
        ignored = {'path': ['backup_id'], 'ignore_missing': True}
        needs = ReferenceList('t', 'needs', ['router_id', ignored])
        mappings = ParameterMappings('t', {}, needs=needs)
        body = {'id': 'g1', 'router_id': 'r1', 'backup_id': 'r2'}

        found = mappings.evaluate(GATEWAY, body, 7, WORLD, types())

        self.assertEqual((), found.params)
        self.assertEqual({R1, R2}, found.after)
        self.assertEqual({R1}, found.needs)
        self.assertEqual({R1}, found.held_by)

    def test_the_name_of_the_parameter_is_taken(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, ParameterMappings, 't', {DEPENDS_ON: 'C'}
        )
        self.assertIn('option "depends_on"', str(error))
