"""What model.py of a generator offers besides: samples out of noise, of one class where it takes one."""

from __future__ import annotations

from builder.exports.extra import Extra
from builder.exports.subject import Subject

SAMPLE = '''
def sample(
    model: {name} | None = None, count: int = 16, seed: int = 0, temperature: float = 1.0{option}
) -> Tensor:
    """Samples out of noise, {shape}{unit}; the same seed draws the same.

    A temperature below 1 draws what is more usual, above 1 what is less.{more}
    """
    model = model or load(Path(__file__).with_name("model.safetensors"))
    noise = temperature * torch.randn({size}, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return {result}
'''

README = """To draw new samples:

```python
from model import sample

drawn = sample(count=16, seed=1{option})
```"""


class DrawingExtra(Extra):
    """A function that feeds noise into a generator."""

    def fits(self, what: Subject) -> bool:
        """Whether it is the network that its card calls the one that draws, with noise and at most a class going in; or
        the decoder of a code whose prior is the standard normal distribution."""
        first, *others = what.inputs
        classes = all(not given.is_floating_point() and tuple(given.shape[1:]) == (1,) for given in others)
        decodes = what.card.get("prior") == "standard normal" and what.card.get("inputs") == [None]
        named = what.card.get("draws") == what.network or decodes
        draws = named and first.is_floating_point() and len(what.expected) == 1
        return draws and len(others) < 2 and classes

    def source(self, what: Subject) -> str:
        sizes = [str(size) for size in what.inputs[0].shape[1:]]
        drawn = [str(size) for size in next(iter(what.expected.values())).shape[1:]]
        asked = len(what.inputs) == 2
        call = "model(noise, torch.full((count, 1), wanted))" if asked else "model(noise)"
        reverts = bool(what.card.get("targets"))
        return SAMPLE.format(
            name=what.class_name,
            option=", wanted: int = 0" if asked else "",
            shape=f"(count, {', '.join(drawn)})",
            unit=" in the data set's own unit" if reverts else "",
            more=" `wanted` is the number of a class." if asked else "",
            size=", ".join(["count", *sizes]),
            result=f"postprocess({call})" if reverts else call,
        )

    def readme(self, what: Subject) -> str:
        return README.format(option=", wanted=3" if len(what.inputs) == 2 else "")
