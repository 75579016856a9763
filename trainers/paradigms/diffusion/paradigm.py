"""Diffusion: learn to take noise off a picture, a little at a time; then take it off what is nothing but noise."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import Shutter
from trainers.events import Event, Snapshot, Verdict
from trainers.paradigms.base import Paradigm, Part, ReportedMetric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

SHOWN, GROWING, STAGES = 36, 4, 9  # pictures drawn while it trains, how many of them as they grow, at how many moments
CLOUD = 300  # samples drawn of what is no picture
LOOK = 10**10  # operations that one look may take
LITTLE = 0.25  # of the time steps: there the noise is hard to see
WARM_UP = 10.0  # steps that the average of the weights forgets its random beginning by
USELESS, ALIKE = 0.05, 0.25  # noise explained below this; spread of samples below this share of the data's


class Diffusion(Paradigm):
    """Learns to tell the noise in a picture, and so to draw new pictures out of noise. Nobody has to label anything.

    The network takes the noisy picture and the number of the time step, and gives the noise. Ho, Jain and Abbeel 2020,
    https://arxiv.org/abs/2006.11239; pictures are drawn in fewer steps by Song et al. 2020,
    https://arxiv.org/abs/2010.02502; cosine schedule: Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672
    """

    name: ClassVar[str] = "diffusion"
    label: ClassVar[str] = "Diffusion"
    cards: ClassVar[tuple[str, ...]] = ("denoising", "diffusion_samples")
    panels: ClassVar[tuple[str, ...]] = ("sampling",)

    timesteps: int = Field(200, ge=2, le=4000, description="Steps from a clean picture to nothing but noise.")
    schedule: Literal["cosine", "linear"] = Field(
        "cosine", description="How fast the noise grows; cosine keeps small pictures legible for longer."
    )
    sampling_steps: int = Field(25, ge=1, le=4000, description="Steps in which a new picture is drawn.")
    ema_decay: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="Pictures are drawn by a moving average of the weights; 0: by the weights as they are.",
    )

    @property
    def exports_script(self) -> bool:
        return False

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        return (dataset.signals[0], None)  # the second is the time step

    def scaling(self, dataset: DataSet) -> Scaling:
        return "signed"

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        return (
            ReportedMetric("noise_explained", "noise explained"),
            ReportedMetric("explained_at_little_noise", "noise explained where there is little"),
        )

    def modules(self, document: Document) -> dict[str, str]:
        return {"main": "main", "ema": "main"}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        return modules["ema"]

    def parts(self, document: Document) -> dict[str, Part]:
        return {"network": Part("Denoising network", document, "")}

    def card_facts(self) -> dict[str, Any]:
        settings = {"timesteps": self.timesteps, "schedule": self.schedule, "sampling_steps": self.sampling_steps}
        return {"classes": [], "diffusion": settings}

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> DiffusionLearner:
        return DiffusionLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class DiffusionLearner(NetworkLearner):
    """One network that tells noise, and an average of its weights over the last steps, which draws better."""

    kept_batches: ClassVar[int] = 0

    def __init__(self, paradigm: Diffusion, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        from builder.library.diffusion import signal_share
        from trainers.paradigms.diffusion.sampling import room

        super().__init__(job, prepared, device, *steps)
        self.paradigm = paradigm
        self.share = signal_share(paradigm.schedule, paradigm.timesteps).to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.modules = {"main": self.model, "ema": self.average}
        self.taken = 0
        generator = torch.Generator().manual_seed(job.settings.seed)  # of the samples, and of nothing else
        shape = job.dataset.input_shape
        most = SHOWN if len(shape) == 3 else CLOUD
        count = room(job, paradigm.sampling_steps, LOOK, GROWING, most)
        count -= count % STAGES if STAGES < count <= SHOWN else 0  # whole rows of pictures
        self.beginning = torch.randn(count, *shape, generator=generator)  # the same at every look
        self.growing = GROWING if len(shape) == 3 else count
        self.shutter = Shutter(steps[0])
        self._spread = float(prepared.training.inputs[0].std(dim=0).mean())
        self._alike: float | None = None  # spread of the last samples, as a share of the data's

    def step(self, batch: Batch) -> Tensor:
        inputs = batch.inputs
        import torch

        pictures = inputs[0]
        time = torch.randint(len(self.share), (len(pictures), 1), device=pictures.device)
        noise = torch.randn_like(pictures)
        loss = super().step(batch._replace(inputs=(self.noised(pictures, time, noise), time), targets=noise))
        self._follow()
        return loss

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        from torch import nn

        return nn.functional.mse_loss(outputs, targets)

    def noised(self, pictures: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        """Pictures (N, …) as they are after `time` (N, 1) steps."""
        share = self.share[time].reshape(-1, *(1,) * (pictures.dim() - 1))
        return share.sqrt() * pictures + (1 - share).sqrt() * noise

    def _follow(self) -> None:
        """Move the average a little towards the weights: soon far, so that it forgets the random ones it began with."""
        import torch

        self.taken += 1
        kept = min(self.paradigm.ema_decay, self.taken / (WARM_UP + self.taken))
        with torch.no_grad():
            torch._foreach_lerp_([*self.average.parameters()], [*self.model.parameters()], 1 - kept)
            for mine, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
                mine.copy_(new)

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """By the averaged weights, with the same noise every time, so that epochs compare, and all time steps alike."""
        import torch

        (pictures, *_), steps = split.inputs, len(self.share)
        generator = torch.Generator().manual_seed(self.job.settings.seed)
        noise = torch.randn(pictures.shape, generator=generator).to(pictures.device)
        time = torch.randperm(len(pictures), generator=generator).unsqueeze(1) * steps // len(pictures)
        time = time.to(pictures.device)
        errors = []
        self.average.eval()
        with torch.inference_mode():
            for start in range(0, len(split), self.piece):
                some = slice(start, start + self.piece)
                with self.autocast():
                    guess = self.average(self.noised(pictures[some], time[some], noise[some]), time[some])
                errors.append((guess.float() - noise[some]).square().flatten(1).mean(dim=1))
        error = torch.cat(errors)
        little = error[time[:, 0] < LITTLE * steps]
        loss = float(error.mean())
        self.diagnostics = tuple(self._remarks(1 - loss))
        scores = {"loss": loss, "noise_explained": 1 - loss}
        return scores | ({"explained_at_little_noise": 1 - float(little.mean())} if len(little) else {})

    def _remarks(self, explained: float) -> Iterator[Verdict]:
        if explained < USELESS:
            yield Verdict(
                None,
                "warning",
                f"It explains {max(explained, 0):.0%} of the noise: it does no better than saying that there is none.",
                "Check that the picture reaches the output on a short way, and that the last layer has no activation; "
                "try a higher learning rate, or more channels.",
            )
        elif self._alike is not None and self._alike < ALIKE:
            yield Verdict(
                None,
                "warning",
                f"The pictures that it draws are all alike: they differ {self._alike:.0%} as much as the data do.",
                "Train longer, lower the learning rate, or wire the time step to more layers: without it the network "
                "cannot tell much noise from little, and draws the mean of all pictures.",
            )

    def snapshots(self, step: int) -> Iterator[Event]:
        """Pictures out of noise, now and then, always out of the same."""
        if not self.shutter.due(step):
            return
        from trainers.paradigms.diffusion.sampling import grown

        stages = grown(self.average, self.beginning.to(self.device), self.share, self.paradigm.sampling_steps, STAGES)
        self._alike = float(stages[-1].std(axis=0).mean()) / max(self._spread, 1e-9)
        yield Snapshot(step, "denoising", {"stages": stages[:, : self.growing].swapaxes(0, 1)})
        yield Snapshot(step, "diffusion_samples", {"samples": stages[-1]})
        self.shutter.taken(step)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "taken": self.taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.taken = int(state["taken"])
