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
from esi_worker.mapping import Choice, ParameterMappings, with_previous
from esi_worker.model import Param, ParamType
from esi_worker.tests.unit.mapping.support import (
    GATEWAY,
    R1,
    R2,
    WORLD,
    types,
)


class ParameterMappingsTest(testtools.TestCase):
    def test_parameters_come_in_the_order_of_their_names(self) -> None:
        mappings = ParameterMappings('t', {'b': 'C', 'a': 'C', 'c': 'C'})

        evaluation = mappings.evaluate(GATEWAY, {}, 1, WORLD, types())

        self.assertEqual(
            ['a', 'b', 'c'], [param.name for param in evaluation.params]
        )

    def test_dependency_only_parameters_hold_off_no_deletion(self) -> None:
        ip = 'Frouter+router_id:ip'
        mappings = ParameterMappings(
            't',
            {
                'jinja_force_dependency1': ip,
                'jinja_dummy_dependency': ip,
                'real': 'Frouter+backup_id:ip',
            },
        )

        evaluation = mappings.evaluate(
            GATEWAY,
            {'router_id': 'r1', 'backup_id': 'r2'},
            1,
            WORLD,
            types(),
        )

        self.assertEqual({R2}, evaluation.needs)
        self.assertEqual((R1,), evaluation.params[0].resources)

    def test_a_broken_parameter_is_found_at_once(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, ParameterMappings, 't', {'p': 'X'}
        )
        self.assertIn('template "t", parameter "p"', str(error))

    def test_mappings_must_be_an_object(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, ParameterMappings, 't', []
        )
        self.assertIn('a list', str(error))


class WithPreviousTest(testtools.TestCase):
    def test_new_references_are_followed_by_previous_ones(self) -> None:
        new = (
            Param('a', ParamType.VALUE, 1, (R1,)),
            Param('b', ParamType.VALUE, 2, (R1,)),
        )
        old = (
            Param('gone', ParamType.VALUE, 0, (R2,)),
            Param('a', ParamType.VALUE, 0, (R2, R1)),
        )

        both = with_previous(new, old)

        self.assertEqual((R1, R2, R1), both[0].resources)
        self.assertEqual((1, 2), tuple(param.value for param in both))
        self.assertEqual((R1,), both[1].resources)


class ChoiceTest(testtools.TestCase):
    def _choose(self, raw: Any, **body: Any) -> str | None:
        choice = Choice('heat_worker', 'gateway', raw)
        return choice.evaluate(GATEWAY, {'id': 'g1', **body}, 1, types())

    def test_it_gives_a_template_id(self) -> None:
        self.assertEqual('gw', self._choose('Cgw'))
        self.assertEqual('gw_vpn', self._choose('ACgw_&Pkind', kind='vpn'))

    def test_null_means_no_work(self) -> None:
        self.assertIsNone(self._choose({'constant': None}))
        self.assertIsNone(self._choose('Pkind', kind=None))

    def test_anything_else_is_an_error(self) -> None:
        values: list[Any] = ['', 1, [], False]
        for value in values:
            error = self.assertRaises(
                exceptions.MappingError, self._choose, 'Pkind', kind=value
            )
            self.assertIn(
                'template choice of heat_worker for "gateway"', str(error)
            )

    def test_a_part_that_is_null_is_an_error(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, self._choose, 'ACgw_&Pkind'
        )
        self.assertIn('part 2 is null', str(error))

    def test_it_may_not_look_at_other_resources(self) -> None:
        for raw in (
            'Frouter+router_id:ip',
            {'output_key': 'id'},
            {'field': 'id', 'path': ['router_id'], 'ignore_missing': True},
        ):
            error = self.assertRaises(
                exceptions.MappingError,
                Choice,
                'heat_worker',
                'gateway',
                raw,
            )
            self.assertIn('only look at the resource itself', str(error))
