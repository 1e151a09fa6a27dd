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

import functools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import testtools

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.collector import errors
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.syncers.base import SyncerContext
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.targets import Target
from esi_worker.collector.validation import TargetParser
from esi_worker.tests.unit.collector import support

_NOW = '2018-02-12T07:44:26Z'
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@functools.cache
def parser() -> TargetParser:
    conf = support.make_conf()
    clock = clocks.ManualClock()
    context = SyncerContext(conf, store.MemoryStore(), support.KEYS, clock)
    poller = support.ToldPoller(PollerContext(conf, clock))
    return TargetParser(
        Catalogue({'told': poller}), {'etcd': EtcdSyncer(context)}
    )


class TestTargetParser(testtools.TestCase):
    def parse(self, fields: Any) -> Target:
        return parser().parse(json.dumps(fields).encode(), _NOW)

    def refusal(self, **changes: Any) -> str:
        fields = {
            name: value
            for name, value in support.body(**changes).items()
            if value is not ...
        }
        error = self.assertRaises(errors.InvalidTarget, self.parse, fields)
        return str(error)

    def test_takes_what_a_template_describes(self) -> None:
        target = self.parse(support.body())

        self.assertEqual(support.make_target(), target)
        self.assertEqual(_NOW, target.created_at)

    def test_names_every_member_that_is_missing(self) -> None:
        text = self.refusal(tenant_id=..., version=..., properties=...)

        for name in ('tenant_id', 'version', 'properties'):
            self.assertIn(f'the field "{name}" is missing', text)

    def test_says_what_a_type_needs(self) -> None:
        text = self.refusal(properties={})

        self.assertIn('"properties.fq_name" is missing', text)

    def test_names_the_known_types(self) -> None:
        text = self.refusal(type='toaster')

        self.assertIn('known are virtual_machine_interface', text)

    def test_wants_a_number_for_the_version(self) -> None:
        for version in ('3', 3.5, True, None, -1, 2**31):
            text = self.refusal(version=version)
            self.assertIn('the field "version" is', text)

    def test_keeps_paths_in_their_place(self) -> None:
        self.assertIn('"resource_type"', self.refusal(resource_type='a/b'))
        self.assertIn('"resource_id"', self.refusal(resource_id='/a'))
        self.assertIn('"resource_id"', self.refusal(resource_id='a\nb'))

    def test_names_an_unknown_member(self) -> None:
        self.assertIn('"colour" is unknown', self.refusal(colour='red'))

    def test_names_the_field_of_a_syncer(self) -> None:
        cases: list[Any] = [{}, {'status': {}}, {'status': {'key': 'version'}}]
        for case in cases:
            text = self.refusal(syncer_properties={'etcd': case})
            self.assertIn('"syncer_properties.etcd.status', text)

    def test_never_repeats_a_property(self) -> None:
        text = self.refusal(properties={'password': 'HIDDEN'})

        self.assertNotIn('HIDDEN', text)

    def test_refuses_what_is_no_json(self) -> None:
        for body in (b'', b'{', b'\xff', b'NaN', b'[]', b'[' * 100_000):
            self.assertRaises(errors.InvalidTarget, parser().parse, body, _NOW)

    def test_refuses_text_that_is_no_unicode(self) -> None:
        self.assertIn('UTF-8', self.refusal(field_name='\ud800'))

    @given(_JSON)
    def test_any_json_is_a_target_or_refused(self, value: Any) -> None:
        body = json.dumps(value).encode()

        self.assertRaises(errors.InvalidTarget, parser().parse, body, _NOW)

    @given(st.sampled_from(sorted(support.body())), _JSON)
    def test_any_member_is_taken_or_named(self, name: str, value: Any) -> None:
        body = json.dumps(support.body(**{name: value})).encode()

        try:
            target = parser().parse(body, _NOW)
        except errors.InvalidTarget as error:
            self.assertTrue(name in str(error) or 'JSON' in str(error))
        else:
            self.assertEqual(value, getattr(target, name))
