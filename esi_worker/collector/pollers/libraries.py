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

"""Libraries that only some pollers need.

They come with the extra ``pollers`` of esi-worker. A collector without
them starts, refuses targets that need them, and says what to install.
"""

from __future__ import annotations

import importlib.util


def missing(library: str) -> str | None:
    """Why a library cannot be used, None when it can.

    :param library: the name of its top module and of its package
    """
    if importlib.util.find_spec(library) is not None:
        return None
    return (
        f'this collector lacks the library {library}; '
        'install esi-worker[pollers] on its host'
    )
