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

from hypothesis import given, settings
from hypothesis import strategies as st
import testtools

from esi_worker import exceptions
from esi_worker.mapping import parse
from esi_worker.mapping.parser import MAX_DEPTH
from esi_worker.tests.unit.mapping.support import evaluate

MALFORMED: list[Any] = [
    '',
    'X',
    'P',
    'Ofield',
    'O:key',
    'Ofield:',
    'V',
    'Vother',
    'F',
    'Fip',
    'Frouter+:ip',
    'F+router_id:ip',
    'Frouter+router_id',
    'Frouter+router_id:',
    'M',
    'Mrouter:router_id',
    'Mrouter::id',
    'A',
    'ACx&',
    'ACx&X',
    'AACx&Cy',
    'ACx&Mrouter:router_id:id',
    None,
    1,
    True,
    [],
    {},
    {'unknown': 1},
    {'constant': 1, 'extra': 1},
    {'field': 1},
    {'field': ''},
    {'field': 'a', 'path': []},
    {'field': 'a', 'path': 'b'},
    {'field': 'a', 'path': [1]},
    {'field': 'a', 'path': ['']},
    {'field': 'a', 'path': [{'type': 't'}]},
    {'field': 'a', 'path': [{'type': 1, 'id': 'x'}]},
    {'field': 'a', 'path': [{'type': 't', 'id': 'x', 'extra': 1}]},
    {'field': 'a', 'path': [{'output_key': 'id'}]},
    {'field': 'a', 'path': ['b'], 'ignore_missing': 'yes'},
    {'output_key': None},
    {'nested': ['a']},
    {'nested': ['a', 1]},
    {'nested': 'a'},
    {'concatenate': []},
    {'concatenate': 'a'},
    {'concatenate': [{'output_key': 'id'}]},
    {'version': 'other'},
    {'if_mapping': {'equal': [1, 1]}},
    {'if_mapping': {}, 'then_mapping': 'C', 'else_mapping': 'C'},
    {'if_mapping': {'equal': [1]}, 'then_mapping': 'C', 'else_mapping': 'C'},
    {'if_mapping': {'not': [1, 1]}, 'then_mapping': 'C', 'else_mapping': 'C'},
    {
        'if_mapping': {'regexp': ['a', '(']},
        'then_mapping': 'C',
        'else_mapping': 'C',
    },
    {
        'if_mapping': {'regexp': ['a', 1]},
        'then_mapping': 'C',
        'else_mapping': 'C',
    },
    {'for_field': 'a'},
    {'for_mapping': 'C'},
    {'for_field': '', 'for_mapping': 'C'},
    {'for_field': {'output_key': 'a'}, 'for_mapping': 'C'},
    {1: 2},
    {'constant': 1, 2: 3},
]


def parse_it(expression: Any) -> Any:
    return parse(expression, template='a_template', parameter='a_param')


class ParsingTest(testtools.TestCase):
    def test_what_is_malformed_is_refused_by_name(self) -> None:
        for expression in MALFORMED:
            error = self.assertRaises(
                exceptions.MappingError, parse_it, expression
            )
            self.assertIn(
                'template "a_template", parameter "a_param", expression ',
                str(error),
            )

    def test_the_error_shows_the_expression(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, parse_it, {'field': 'a', 'pth': ['b']}
        )
        self.assertIn('{"field": "a", "pth": ["b"]}', str(error))
        self.assertIn('the key "pth" does not belong here', str(error))

    def test_a_long_expression_is_cut(self) -> None:
        error = self.assertRaises(
            exceptions.MappingError, parse_it, 'X' * 10_000
        )
        self.assertTrue(len(str(error)) < 500)

    def test_depth_has_a_limit(self) -> None:
        expression: Any = {'constant': 1}
        for _ in range(MAX_DEPTH - 1):
            expression = {'for_field': 'a', 'for_mapping': expression}
        parse_it(expression)

        expression = {'for_field': 'a', 'for_mapping': expression}
        error = self.assertRaises(
            exceptions.MappingError, parse_it, expression
        )
        self.assertIn(f'more than {MAX_DEPTH} levels', str(error))

    def test_a_very_deep_expression_does_no_harm(self) -> None:
        expression: Any = {'constant': 1}
        for _ in range(100_000):
            expression = {'for_field': 'a', 'for_mapping': expression}
        try:
            self.assertRaises(exceptions.MappingError, parse_it, expression)
        finally:
            while 'for_mapping' in expression:
                expression = expression['for_mapping']

    def test_equal_expressions_make_equal_trees(self) -> None:
        expression = {'for_field': 'a', 'for_mapping': 'Frouter+r:ip'}
        self.assertEqual(parse_it(expression), parse_it(dict(expression)))


_WORDS = st.sampled_from(
    [
        'constant', 'field', 'output_key', 'path', 'nested', 'concatenate',
        'version', 'if_mapping', 'then_mapping', 'else_mapping', 'equal',
        'regexp', 'for_field', 'for_mapping', 'ignore_missing', 'type', 'id',
    ]
)  # fmt: skip
_SHORTS = st.builds(
    '{}{}'.format, st.sampled_from('CPOVFMA'), st.text('aAC:+&_P', max_size=9)
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | _SHORTS
    | st.sampled_from(['auto_filled', 'router_id', 'items', '('])
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_WORDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def _good(inner: Any) -> Any:
    operand = inner | _LEAVES
    pair = st.lists(operand, min_size=2, max_size=2)
    return st.one_of(
        st.builds(lambda value: {'constant': value}, _JSON),
        st.builds(
            lambda field, path: {'field': field, 'path': path},
            st.sampled_from(['id', 'ip', 'name']),
            st.lists(
                st.sampled_from(['router_id', 'site_id'])
                | st.just({'type': 'router', 'id': ''})
                | inner,
                min_size=1,
                max_size=3,
            ),
        ),
        st.builds(lambda parts: {'concatenate': parts}, pair),
        st.builds(
            lambda name, operands, then, other: {
                'if_mapping': {name: operands},
                'then_mapping': then,
                'else_mapping': other,
            },
            st.sampled_from(['equal', 'regexp']),
            pair,
            inner,
            inner,
        ),
        st.builds(
            lambda source, mapping: {
                'for_field': source,
                'for_mapping': mapping,
                'ignore_missing': True,
            },
            st.just('items') | inner,
            inner,
        ),
    )


_LIKELY = st.recursive(
    st.sampled_from(['Cx', 'Prouter_id', 'Oprimary:a', 'Vauto_filled'])
    | st.just({'output_key': 'id'}),
    _good,
    max_leaves=8,
)


class PropertiesTest(testtools.TestCase):
    @settings(deadline=None, max_examples=300)
    @given(_JSON | _LIKELY)
    def test_any_json_is_parsed_or_refused(self, expression: Any) -> None:
        try:
            parse_it(expression)
        except exceptions.MappingError:
            return

    @settings(deadline=None, max_examples=300)
    @given(
        _LIKELY,
        st.dictionaries(
            st.sampled_from(['router_id', 'items', 'primary', 'kind']),
            _JSON | st.sampled_from(['r1', ['r1', 'r2'], {'a': 1}]),
        ),
        st.booleans(),
    )
    def test_any_body_is_evaluated_or_refused(
        self, expression: Any, body: Any, lenient: bool
    ) -> None:
        try:
            param, needs = evaluate(expression, body, lenient=lenient)
        except exceptions.MissingReference:
            self.assertFalse(lenient)
        except exceptions.MappingError:
            return
        else:
            self.assertTrue(needs <= set(param.resources))
