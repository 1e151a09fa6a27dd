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

"""What every scenario of the demo has."""

from __future__ import annotations

import abc
from pathlib import Path
import time
from typing import ClassVar

from esi_worker.demo.showing import Print


class Scenario(abc.ABC):
    """Starts services, shows something on them, judges what was seen."""

    #: What is shown, in words that follow "shows".
    summary: ClassVar[str]

    def __init__(self, run_dir: Path, show: Print, *, keep: bool) -> None:
        """Prepare a run.

        :param run_dir: for logs, data and reports
        :param show: takes the lines for the user
        :param keep: leave the services running until they are stopped
        """
        self._run_dir = run_dir
        self._show = show
        self._keep = keep
        self._began = time.monotonic()

    @abc.abstractmethod
    def run(self) -> None:
        """Do it all; everything is stopped in the end.

        :raises DemoFailed: something is missing or wrong
        :raises EmbeddedError: a service could not be started
        """

    def _progress(self, text: str) -> None:
        """Show a line with the time that has passed."""
        self._show(f'[{time.monotonic() - self._began:6.1f} s] {text}')
