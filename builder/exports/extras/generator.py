"""For a generator and for the decoder of a variational autoencoder: a function that samples from noise."""

from __future__ import annotations

from builder.exports.extras.base import Extra, filled, signature
from builder.exports.subject import Subject

SAMPLE = '''
{signature}
    """Generated samples, {shape}{unit}; the same seed gives the same samples.

    A temperature below 1 gives more typical samples, above 1 more varied ones.{more}
    """
    model = model or load(Path(__file__).with_name("model.safetensors"))
    noise = temperature * torch.randn({size}, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return {result}
'''

README = """To generate samples:

```python
from model import sample

samples = sample(count=16, seed=1{option})
```"""


class GeneratorExtra(Extra):
    """A function that passes noise through the network."""

    def fits(self, subject: Subject) -> bool:
        """Whether the card names this network as the generator, with noise and at most a class as inputs; or whether it
        is the decoder of a code whose prior is the standard normal distribution."""
        card = subject.card
        noise, *others = subject.inputs
        class_inputs = all(not given.is_floating_point() and tuple(given.shape[1:]) == (1,) for given in others)
        decoder = card.get("prior") == "standard normal" and card.get("inputs") == [None]
        generator = subject.network == card.get("generator", card.get("draws"))  # "draws" in cards of version 0.1.0
        one_output = len(subject.expected) == 1
        return (generator or decoder) and noise.is_floating_point() and one_output and len(others) < 2 and class_inputs

    def source(self, subject: Subject) -> str:
        sizes = [str(size) for size in subject.inputs[0].shape[1:]]
        shape = [str(size) for size in next(iter(subject.expected.values())).shape[1:]]
        conditional = len(subject.inputs) == 2
        call = "model(noise, torch.full((count, 1), label))" if conditional else "model(noise)"
        reverts = bool(subject.card.get("targets"))
        arguments = ["count: int = 16", "seed: int = 0", "temperature: float = 1.0"]
        arguments += ["label: int = 0"] if conditional else []
        return filled(
            SAMPLE,
            signature=signature("sample", f"model: {subject.class_name} | None = None", *arguments, returns="Tensor"),
            shape=f"(count, {', '.join(shape)})",
            unit=" in the unit of the data set" if reverts else "",
            more=" `label` is the index of a class." if conditional else "",
            size=", ".join(["count", *sizes]),
            result=f"postprocess({call})" if reverts else call,
        )

    def readme(self, subject: Subject) -> str:
        return filled(README, option=", label=3" if len(subject.inputs) == 2 else "")
