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

"""The stacks of a real Heat keep the contract."""

from __future__ import annotations

from oslo_config import cfg

from esi_worker.embedded import fixtures
from esi_worker.handlers.heat import options, remote
from esi_worker.tests.contract import stack_case, stack_reading
from esi_worker.tests.contract import stack_contract as contract


class _HeatMixin(stack_case.StackContract):
    def make_backend(self) -> remote.HeatBackend:
        server = self.useFixture(fixtures.HeatFixture()).server
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.register_opts(options.handler_options(), options.GROUP)
        conf.set_override('auth_type', 'none', options.GROUP)
        conf.set_override('endpoint_override', server.endpoint, options.GROUP)
        return remote.HeatBackend(conf)


class HeatCreationsTest(_HeatMixin, contract.Creations):
    pass


class HeatOutputsTest(_HeatMixin, contract.Outputs):
    pass


class HeatUpdatesTest(_HeatMixin, contract.Updates):
    pass


class HeatDeletionsTest(_HeatMixin, contract.Deletions):
    pass


class HeatRefusalsTest(_HeatMixin, contract.Refusals):
    pass


class HeatListingsTest(_HeatMixin, stack_reading.Listings):
    pass


class HeatContentsTest(_HeatMixin, stack_reading.Contents):
    pass


class HeatResourcesTest(_HeatMixin, stack_reading.Resources):
    pass


class HeatPreviewsTest(_HeatMixin, stack_reading.Previews):
    pass
