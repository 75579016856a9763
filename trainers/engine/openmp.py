"""Makes torch's OpenMP threads sleep while they wait, instead of spinning. torch reads the setting when it is imported.

With as many threads as cores, a spinning thread occupies the core that another thread needs as soon as anything else
runs, such as the rendering of a page: a step that takes 0.05 s then takes 0.8 s (docs/decisions/006).
"""

from __future__ import annotations

import os

# https://www.openmp.org/spec-html/5.2/openmpse133.html; a value that the user has set stays
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
