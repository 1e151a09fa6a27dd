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

"""A worker whose handler answers as a test says."""

from __future__ import annotations

from esi_worker.dispatcher import Settings
from esi_worker.model import Done, Job
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class HandlerTest(cases.ClusterTest):
    """``start`` and ``poll`` of one scripted handler."""

    settings = Settings()

    def make_worker(self) -> members.WorkerMember:
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.caller = self.make_caller()
        return self.cluster.add_worker(
            self.cluster.offer(self.handler), self.settings, self.caller
        )

    def make_caller(self) -> members.HeldCaller | None:
        return None

    def answer(self, *answers: object) -> None:
        """What ``start`` answers in turn; then it is done."""
        left = list(answers)

        def start(job: Job) -> object:
            if job.resource.id != 'n' or not left:
                return Done()
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.handler.on_start = start

    def assert_error(self, text: str) -> None:
        self.assertIn(text, self.cluster.state(NETWORK, 'n')['error'])
        # Others go on.
        self.write(NETWORK, 'm')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'm')
        self.assert_quiet()
