"""How torch's threads wait for one another: asleep, not spinning. Imported before torch, which reads it once.

With as many threads as cores, a thread that spins while it waits keeps the other from the core that it needs as soon as
anything else runs, such as a page being drawn: a step that takes 0.05 s takes 0.8 s then (docs/decisions/006).
"""

from __future__ import annotations

import os

# the standard's own variable: https://www.openmp.org/spec-html/5.2/openmpse133.html; who has set it knows better
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
