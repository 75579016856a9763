"""Writes assets/layer_facts.json: what torch infers of every layer of the templates. `make docs` runs it."""

from __future__ import annotations

import builder
import trainers
from builder.analysis.infer import analyse, measure
from builder.analysis.known_layers import PATH, KnownLayer, write
from builder.analysis.memory import kept_inside
from builder.analysis.summary import measured_flops
from builder.spec import LayerSpec, Signal


def layers() -> dict[tuple[LayerSpec, tuple[Signal, ...]], KnownLayer]:
    """Every layer of the templates whose facts are the same on every machine, run anew."""
    found: dict[tuple[LayerSpec, tuple[Signal, ...]], KnownLayer] = {}
    for document in builder.templates().values():
        analysis = analyse(trainers.bind(document))
        for step in analysis.plan.steps:
            if step.name not in analysis.facts or step.spec.role != "layer":
                continue
            if type(step.spec).missing is not LayerSpec.missing:  # it depends on what is installed
                continue
            signals = tuple(analysis.facts[source].signal for source in step.inputs)
            if (step.spec, signals) not in found:
                facts = measure(step.spec, signals)
                flops = measured_flops(step.spec, facts.signal, signals)
                run = signals and step.spec.infer_output(*signals) is None  # the others follow from a formula
                kept = kept_inside(step.spec, signals) if run else 0
                found[step.spec, signals] = KnownLayer(*facts, flops, kept)
    return found


if __name__ == "__main__":
    PATH.unlink(missing_ok=True)  # so that every layer is run
    PATH.write_text(write(layers()), encoding="utf-8")
