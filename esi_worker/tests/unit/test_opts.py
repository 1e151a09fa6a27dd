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

from oslo_config import cfg
import testtools

from esi_worker import opts


class ListOptsTest(testtools.TestCase):
    def test_options_of_all_services_are_there(self) -> None:
        names = {
            str(getattr(group, 'name', group)) for group, _ in opts.list_opts()
        }
        self.assertTrue(
            {'etcd', 'keys', 'resources', 'heat', 'collector'} <= names, names
        )

    def test_every_option_can_be_registered(self) -> None:
        conf = cfg.ConfigOpts()
        for group, options in opts.list_opts():
            conf.register_opts(options, group=group)

    def test_every_option_is_explained(self) -> None:
        for _, options in opts.list_opts():
            for option in options:
                self.assertTrue(option.help, option.name)

    def test_passwords_are_secret(self) -> None:
        for _, options in opts.list_opts():
            for option in options:
                if 'password' in option.dest:
                    self.assertTrue(option.secret, option.name)


class MergedTest(testtools.TestCase):
    def test_groups_declared_twice_become_one(self) -> None:
        first, second = cfg.StrOpt('first'), cfg.StrOpt('second')
        merged = opts.merged([('heat', [first]), ('heat', [second])])
        self.assertEqual([('heat', [first, second])], merged)

    def test_option_declared_twice_comes_once(self) -> None:
        option = cfg.StrOpt('name')
        group = cfg.OptGroup('heat')
        merged = opts.merged(
            [(group, [option]), ('heat', [cfg.StrOpt('name')])]
        )
        self.assertEqual([(group, [option])], merged)
