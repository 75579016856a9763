"""What model.py of a diffusion network offers besides: new pictures, drawn out of noise."""

from __future__ import annotations

import inspect
from typing import Any

from builder.exports.extra import Extra
from builder.exports.subject import Subject

SAMPLE = '''

def sample(model: {name} | None = None, count: int = 16, steps: int = {steps}, seed: int | None = None) -> Tensor:
    """{what} out of noise, {shape}, in the data set's own unit; the same seed draws the same."""
    model = model or load(Path(__file__).with_name("model.safetensors"))
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    noise = torch.randn({size}, generator=generator)
    *_, drawn = denoise(model, noise, signal_share("{schedule}", {timesteps}), steps)
    return {result}
'''

README = """To draw new pictures:

```python
from model import sample

pictures = sample(count=16, seed=1)
```"""


class SamplingExtra(Extra):
    """The noise schedule, and a function that takes noise off step by step."""

    def fits(self, what: Subject) -> bool:
        return isinstance(what.card.get("diffusion"), dict) and len(what.inputs) == 2 and len(what.expected) == 1

    def imports(self, what: Subject) -> tuple[str, ...]:
        return ("import math", "from collections.abc import Callable, Iterator")

    def source(self, what: Subject) -> str:
        from builder.library.diffusion import denoise, signal_share

        settings: dict[str, Any] = what.card["diffusion"]
        sizes = [str(size) for size in what.inputs[0].shape[1:]]
        given = what.card.get("inputs") or [None]
        words = {
            "name": what.class_name,
            "steps": str(int(settings["sampling_steps"])),
            "what": "New pictures" if len(sizes) == 3 else "New samples",
            "shape": f"(count, {', '.join(sizes)})",
            "size": ", ".join(["count", *sizes]),
            "schedule": "cosine" if settings["schedule"] == "cosine" else "linear",
            "timesteps": str(int(settings["timesteps"])),
            "result": "drawn * torch.tensor(STD) + torch.tensor(MEAN)" if given[0] else "drawn",
        }
        functions = "\n\n".join(f"\n{inspect.getsource(each).rstrip()}" for each in (signal_share, denoise))
        return "\n" + functions.lstrip("\n") + "\n" + SAMPLE.format(**words)

    def readme(self, what: Subject) -> str:
        return README
