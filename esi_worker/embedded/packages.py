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

"""Finds the packages of the ``embedded`` extra without importing them.

They bring hundreds of modules; the parent process needs only their paths.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from esi_worker.embedded import errors


def folder_of(package: str) -> Path:
    """The folder of an installed package; raises ExtraMissing."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise errors.ExtraMissing(package)
    return Path(next(iter(spec.submodule_search_locations)))


def require(*names: str) -> None:
    """Raise ExtraMissing unless all packages are installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise errors.ExtraMissing(name)


def import_root() -> Path:
    """The folder that children need on their path to import us."""
    return Path(__file__).absolute().parents[2]
