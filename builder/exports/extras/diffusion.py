"""For a diffusion network: a function that samples by removing noise step by step."""

from __future__ import annotations

from typing import Any

from builder.codegen.module_source import source_of
from builder.exports.extras.base import Extra, filled, signature
from builder.exports.subject import Subject

SAMPLE = '''

{signature}
    """Generated {what}, {shape}, in the unit of the data set; the same seed gives the same samples."""
    model = model or load(Path(__file__).with_name("model.safetensors"))
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    noise = torch.randn({size}, generator=generator)
    *_, samples = denoise(model, noise, signal_share("{schedule}", {timesteps}), steps)
    return {result}
'''

README = """To generate samples:

```python
from model import sample

samples = sample(count=16, seed=1)
```"""


class DiffusionExtra(Extra):
    """The noise schedule, the sampler, and a function that uses them."""

    def fits(self, subject: Subject) -> bool:
        return (
            isinstance(subject.card.get("diffusion"), dict) and len(subject.inputs) == 2 and len(subject.expected) == 1
        )

    def imports(self, subject: Subject) -> tuple[str, ...]:
        imports, _ = self._library()
        return tuple(imports)

    def source(self, subject: Subject) -> str:
        settings: dict[str, Any] = subject.card["diffusion"]
        sizes = [str(size) for size in subject.inputs[0].shape[1:]]
        statistics = subject.card.get("inputs") or [None]
        _, lines = self._library()
        function = filled(
            SAMPLE,
            signature=signature(
                "sample",
                f"model: {subject.class_name} | None = None",
                "count: int = 16",
                f"steps: int = {int(settings['sampling_steps'])}",
                "seed: int | None = None",
                returns="Tensor",
            ),
            what="images" if len(sizes) == 3 else "samples",
            shape=f"(count, {', '.join(sizes)})",
            size=", ".join(["count", *sizes]),
            schedule="cosine" if settings["schedule"] == "cosine" else "linear",
            timesteps=str(int(settings["timesteps"])),
            result="samples * torch.tensor(STD) + torch.tensor(MEAN)" if statistics[0] else "samples",
        )
        return "\n".join(["", *lines]).replace("\n\n\n", "\n", 1) + "\n" + function

    def readme(self, subject: Subject) -> str:
        return README

    @staticmethod
    def _library() -> tuple[list[str], list[str]]:
        from builder.library.diffusion import denoise, signal_share

        return source_of([signal_share, denoise])
