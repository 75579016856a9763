"""Makes torch's OpenMP threads wait for one another for a moment only, and then sleep. Read when torch is imported.

Threads that wait in a busy loop for long, as they do by default, occupy a core that another thread needs as soon as
anything else runs, such as the rendering of a page: a step that takes 0.05 s then takes 0.8 s. Threads that sleep at
once have to be woken up for each of the hundreds of short operations in a step, which takes longer than they save. In a
step of a small network the next operation comes within some hundredths of a millisecond (docs/decisions/016).
"""

from __future__ import annotations

import os

# A value that the user has set stays. https://www.openmp.org/spec-html/5.2/openmpse133.html
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    # GNU's OpenMP, which torch uses on Linux, looks so often before it sleeps: for 0.03 to 0.1 ms.
    # https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
