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

"""Secrets are found and masked."""

from __future__ import annotations

from oslo_config import cfg
import testtools

from esi_worker import masking


class SecretsTest(testtools.TestCase):
    def test_secrets_are_found_at_any_depth(self) -> None:
        found = masking.secrets_in(
            {
                'name': 'blue',
                'users': [{'name': 'root', 'admin_password': 'a1b2c3'}],
                'snmp_community': 'public',
                'auth': {'Token': 't-1', 'api_key': ['k-1', 'k-2']},
                'client_secret': {'value': 'deep'},
                'key_data': 'k-3',
            }
        )
        self.assertEqual(
            {'a1b2c3', 'public', 't-1', 'k-1', 'k-2', 'k-3', 'deep'}, found
        )

    def test_other_names_are_no_secrets(self) -> None:
        found = masking.secrets_in(
            {'keystone_url': 'http://k', 'keyboard': 'us', 'name': 'blue'}
        )
        self.assertEqual(frozenset(), found)

    def test_empty_and_boolean_values_are_no_secrets(self) -> None:
        found = masking.secrets_in(
            {'password': '', 'secret': None, 'has_password': True}
        )
        self.assertEqual(frozenset(), found)

    def test_numbers_are_secrets_too(self) -> None:
        self.assertEqual({'1234'}, masking.secrets_in({'password': 1234}))


class MaskedTest(testtools.TestCase):
    def check(self, expected: str, text: str, *secrets: str) -> None:
        self.assertEqual(expected, masking.masked(text, secrets))

    def test_secrets_are_replaced_everywhere(self) -> None:
        self.check('*** and x***x', 'hunter2 and xhunter2x', 'hunter2')

    def test_longer_secret_hides_the_shorter_one_within(self) -> None:
        self.check('is ***', 'is hunter2-long', 'hunter2', 'hunter2-long')

    def test_short_secret_is_masked_as_a_word_only(self) -> None:
        self.check('a cat, ***!', 'a cat, at!', 'at')

    def test_quoted_forms_are_masked(self) -> None:
        self.check('got "***"', 'got "a\\"b\\\\c"', 'a"b\\c')
        self.check("got '***'", "got 'line\\nnext'", 'line\nnext')

    def test_single_lines_of_a_long_secret_are_masked(self) -> None:
        secret = '-----BEGIN-----\nMIIEvQIBADANBg\n'
        self.check('bad line ***', 'bad line MIIEvQIBADANBg', secret)

    def test_secret_cut_at_the_end_is_masked(self) -> None:
        self.check('value is ***', 'value is hunte', 'hunter2')


class FieldsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        masking.fields(conf)
        conf.set_override('secret_fields', ['License_Code', 'pin'])
        self.names = masking.fields(conf)

    def test_named_fields_are_secrets_in_any_case(self) -> None:
        found = masking.secrets_in(
            {'license_code': 'abc', 'deep': [{'PIN': 1234, 'pins': 5678}]},
            self.names,
        )
        self.assertEqual({'abc', '1234'}, found)

    def test_redacted_keeps_everything_else(self) -> None:
        self.assertEqual(
            {
                'name': 'blue',
                'admin_password': '***',
                'empty_password': '',
                'no_token': None,
                'list': [{'pin': '***', 'port': 80}],
            },
            masking.redacted(
                {
                    'name': 'blue',
                    'admin_password': 'hunter2',
                    'empty_password': '',
                    'no_token': None,
                    'list': [{'pin': {'a': 1}, 'port': 80}],
                },
                self.names,
            ),
        )
