"""The number of threads: measured without a trace, remembered, kept by a run, and set by people."""

from __future__ import annotations

import json
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import builder
import trainers
from builder import Document
from trainers.__main__ import main
from trainers.engine import c_libraries, checkpoint, threads
from trainers.engine.cpu_load import LoadMeter
from trainers.engine.session import TrainingSession
from trainers.job import Job
from trainers.runs.store import Store
from trainers.script.train_script import train_script

Train = Callable[..., trainers.Run]
NOT_TINY = 4096  # samples in a batch of the small network below


@pytest.fixture
def network(make: Any) -> Document:
    """A network whose state changes with every forward pass in training mode: batch statistics and dropout."""
    return make(
        ("features", "Input", {"shape": [2]}),
        ("fc", "Linear", {"out_features": 64}),
        ("norm", "BatchNorm1d"),
        ("relu", "ReLU"),
        ("drop", "Dropout"),
        ("last", "Linear", {"out_features": 2}),
        ("scores", "Output"),
        name="Threads",
        training={
            "data": {"name": "moons", "samples": 6000, "batch_size": NOT_TINY, "validation": 0.1, "test": 0.1},
            "optimizer": {"name": "Adam", "lr": 0.01},
            "epochs": 3,
        },
    )


@pytest.fixture
def idle_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Four cores that nobody else uses, and a list to which each measurement adds its choice."""
    chosen: list[int] = []
    fastest = threads.fastest

    def counted(times: dict[int, list[float]]) -> int:
        chosen.append(fastest(times))
        return chosen[-1]

    monkeypatch.setattr(threads, "DEFAULT", 4)
    monkeypatch.setattr(threads, "SPREAD", float("inf"))
    monkeypatch.setattr(threads, "SECONDS", 0.0)
    monkeypatch.setattr(threads, "fastest", counted)
    monkeypatch.setattr(LoadMeter, "others", lambda self: 0.0)
    before = torch.get_num_threads()
    yield chosen
    torch.set_num_threads(before)


def _session(document: Document, **overrides: Any) -> TrainingSession:
    job = Job.from_document(document, **overrides)
    store = Store()
    return TrainingSession(store.create("threads", job.to_json(), 0, job.settings.epochs), job, store)


@pytest.mark.parametrize(
    "paradigm",
    [
        {"name": "supervised"},
        {"name": "variational"},
        {"name": "bayesian"},
    ],
    ids=lambda paradigm: paradigm["name"],
)
def test_the_measurement_leaves_no_trace(
    network: Document, paradigm: dict[str, Any], idle_cores: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, batch statistics, the optimizer and random states are those of a run that measured nothing."""
    if paradigm["name"] == "variational":
        network = builder.template("convolutional_vae")
    overrides = {"paradigm": paradigm, "epochs": 1} if paradigm["name"] == "bayesian" else {"epochs": 1}
    states = []
    for count in (None, 2):
        random.seed(1), np.random.seed(1)
        session = _session(network, threads=count, **overrides)
        session.prepare()
        assert session.loop is not None
        learner = session.loop.learner
        networks = {name: dict(module.state_dict()) for name, module in learner.modules.items()}
        generators = torch.get_rng_state(), random.random(), np.random.random()
        modes = [module.training for network in learner.modules.values() for module in network.modules()]
        states.append((networks, learner.state_dict(), generators, modes, session.loop.position))
    assert len(idle_cores) == 1, "one of the two runs measured"
    measured, plain = states
    assert str(measured) == str(plain)
    for name, state in measured[0].items():
        assert all(torch.equal(value, plain[0][name][key]) for key, value in state.items())
    assert torch.equal(measured[2][0], plain[2][0])


def test_a_measurement_is_remembered_for_machine_network_and_batch_size(
    network: Document, idle_cores: list[int], home: Path
) -> None:
    first = _session(network)
    first.prepare()
    assert idle_cores == [first.threads]
    for same in ({}, {"epochs": 7}, {"seed": 3}):
        again = _session(network, **same)
        again.prepare()
        assert again.threads == first.threads
    assert len(idle_cores) == 1
    _session(network, data={"batch_size": 2048}).prepare()
    _session(network, optimizer={"name": "SGD", "lr": 0.1}).prepare()
    assert len(idle_cores) == 3
    assert len(json.loads((home / "threads.json").read_text())) == 3


@pytest.mark.parametrize("content", ["", "[1]", '{"a"', '{"key": "two"}', "\0"])
def test_a_damaged_memory_is_measured_anew(network: Document, idle_cores: list[int], home: Path, content: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "threads.json").write_text(content)
    for _ in range(2):
        _session(network).prepare()
    assert len(idle_cores) == 1
    assert len(json.loads((home / "threads.json").read_text())) == 1


def test_what_was_measured_on_busy_cores_is_not_remembered(
    network: Document, idle_cores: list[int], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoadMeter, "others", lambda self: 0.9)
    session = _session(network)
    session.prepare()
    assert idle_cores == [session.threads] and not (home / "threads.json").exists()
    monkeypatch.setattr(LoadMeter, "others", lambda self: 0.0)
    _session(network).prepare()
    assert len(idle_cores) == 2 and (home / "threads.json").exists()
    monkeypatch.setattr(LoadMeter, "others", lambda self: 0.9)
    _session(network).prepare()
    assert len(idle_cores) == 3, "on busy cores, the number for idle ones is not used"


def test_an_unsteady_measurement_is_not_remembered(
    network: Document, idle_cores: list[int], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "measure", lambda *_: {1: [1.0, 1.0, 3.0], 2: [0.5, 0.9, 0.9]})
    monkeypatch.setattr(threads, "SPREAD", 1.3)
    session = _session(network)
    session.prepare()
    assert session.threads == 2 and not (home / "threads.json").exists()


def test_fewer_threads_are_taken_where_more_gain_next_to_nothing() -> None:
    assert threads.fastest({4: [0.99, 0.99], 2: [1.0, 1.0], 1: [1.005, 1.005]}) == 1
    assert threads.fastest({4: [0.5, 0.5], 2: [0.505, 0.505], 1: [1.0, 1.0]}) == 2
    assert threads.fastest({2: [0.5, 9.0, 0.5], 1: [1.0, 1.0, 1.0]}) == 2, "one long turn is no sign"
    assert threads.fastest({2: [0.7, 0.7, 1.4, 1.4, 1.4], 1: [0.8, 0.8, 1.6, 1.6, 1.6]}) == 2, (
        "the machine became slower"
    )
    assert threads.fastest({2: [0.7, 1.4, 1.4], 1: [0.8, 0.8, 1.6]}) == 2
    assert threads.candidates(6) == [6, 4, 2, 1]
    assert threads.candidates(2) == [2, 1]


class _Sleeper:
    """Steps that take as long as the number of threads says, by a clock of their own; `cold` more at first."""

    def __init__(self, seconds: dict[int, float], cold: float = 0.0, cold_steps: int = 0) -> None:
        self.seconds, self.steps = seconds, 0
        self.cold, self.cold_steps = cold, cold_steps

    def step(self) -> None:
        self.steps += 1
        self.now += self.seconds[torch.get_num_threads()] + self.cold * (self.steps <= self.cold_steps)

    now = 0.0


def _measure(steps: _Sleeper, monkeypatch: pytest.MonkeyPatch) -> dict[int, list[float]]:
    monkeypatch.setattr(threads.time, "perf_counter", lambda: steps.now)
    with threads.threads(None):
        return threads.measure(steps.step, sorted(steps.seconds, reverse=True))


def test_slow_steps_are_measured_once_and_hopeless_numbers_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Sleeper({4: 1.0, 2: 2.0, 1: 4.0})
    assert list(_measure(slow, monkeypatch)) == [4]
    assert slow.steps == 2
    quick = _Sleeper({4: 0.004, 2: 0.002, 1: 0.001})
    found = _measure(quick, monkeypatch)
    assert threads.fastest(found) == 1 and len(found) == 3
    assert quick.now < 2 * threads.SECONDS


def test_the_first_steps_of_a_process_do_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A perceptron on two cores: memory and caches were cold for the first turns."""
    steps = _Sleeper({2: 0.0007, 1: 0.0008}, cold=0.0003, cold_steps=40)
    found = _measure(steps, monkeypatch)
    assert threads.fastest(found) == 2
    assert found == {2: pytest.approx([0.0007] * threads.TURNS), 1: pytest.approx([0.0008] * threads.TURNS)}


def test_one_disturbed_moment_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A residual network on two cores: another program had one of them while two threads were tried."""
    for disturbed in (2, 1 + threads.TRIES):  # one step of the tries, and all of them
        steps = _Sleeper({2: 0.033, 1: 0.048}, cold=0.05, cold_steps=disturbed)
        assert threads.fastest(_measure(steps, monkeypatch)) == 2
        assert steps.now < 4 * threads.SECONDS


def test_the_time_to_fetch_a_batch_counts(network: Document, idle_cores: list[int]) -> None:
    session = _session(network)
    session.prepare()
    assert session.loop is not None
    batches, given = session.loop.batches, []

    class Learner:
        def step(self, batch: Any) -> None:
            given.append(batch.targets)

    step = threads._steps(Learner(), batches)  # type: ignore[arg-type]
    for _ in range(batches.count + 1):
        step()
    expected = [batch.targets for number in range(2) for batch in batches.epoch(number)]
    assert all(torch.equal(one, other) for one, other in zip(given, expected, strict=False))
    assert len(given) == batches.count + 1, "after the last batch of an epoch comes the first one of the next"


def test_tiny_networks_and_single_cores_are_not_measured(
    moons: Document, network: Document, idle_cores: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = _session(moons)
    tiny.prepare()
    monkeypatch.setattr(threads, "DEFAULT", 1)
    single = _session(network)
    single.prepare()
    assert tiny.threads == single.threads == 1 and not idle_cores


def test_a_step_that_fails_leaves_the_default(network: Document, idle_cores: list[int]) -> None:
    def fails() -> Any:
        raise RuntimeError("this layer cannot do that")

    session = _session(network)
    session.prepare()
    assert session.loop is not None
    job = Job.from_document(network, data={"batch_size": 1024})
    assert threads.choose_threads(job, fails, session.loop.batches, "cpu") == 4


def test_a_resumed_run_computes_with_the_threads_of_its_checkpoint(network: Document, idle_cores: list[int]) -> None:
    session = _session(network)
    session.threads = 3
    session.prepare()
    session.train()
    session.save()
    session.store.write(session.run, [session.progress("paused")])
    resumed = TrainingSession(session.run, session.job, Store())
    resumed.threads = None  # as in a store that was made anew
    resumed.prepare()
    assert resumed.threads == 3 and not idle_cores
    seen: list[int] = []
    assert resumed.loop is not None
    monkeyed = resumed.loop.run
    resumed.loop.run = lambda: seen.append(torch.get_num_threads()) or monkeyed()  # type: ignore[method-assign, func-returns-value]
    resumed.train()
    assert seen == [3]


def test_a_checkpoint_of_an_older_version_follows_the_rule_of_its_time(network: Document) -> None:
    session = _session(network)
    session.prepare()
    session.save()
    state = checkpoint.load(session.folder)
    del state["threads"]
    checkpoint.save(session.folder, 0, state)
    resumed = TrainingSession(session.run, session.job, Store())
    resumed.prepare()
    assert resumed.threads == 1, "fewer than 300 million operations"


def test_a_run_says_with_how_many_threads_it_computes(network: Document, train: Train) -> None:
    run = train(network, threads=2)
    assert run.progress().threads == 2
    assert torch.get_num_threads() == threads.DEFAULT
    assert run.job.settings.threads == 2


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "threads must be at least 1"), (-3, "at least 1"), (1.5, "threads"), ("two", "threads"), (10**6, "at most")],
)
def test_a_wrong_number_of_threads_is_a_problem_in_words(network: Document, value: Any, said: str) -> None:
    document = network.changed(training={**network.training, "threads": value})
    problems = [str(problem) for problem in trainers.check(document)]
    assert any(said in problem for problem in problems), problems
    with pytest.raises(builder.DocumentError, match="threads"):
        Job.from_document(network, threads=value)


def test_threads_on_the_command_line_and_in_the_training_script(
    network: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "network.json"
    path.write_text(builder.dump(network))
    assert main(["train", str(path), "--threads", "2", "--epochs", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert trainers.open_run(printed["run"]).progress().threads == 2
    assert main(["train", str(path), "--threads", "0"]) == 1
    assert "threads must be at least 1" in capsys.readouterr().err
    script = train_script(network.changed(training={**network.training, "threads": 2}))
    assert "    torch.set_num_threads(2)\n" in script
    assert "set_num_threads" not in train_script(network)


def test_other_programs_are_seen_and_this_process_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.engine import cpu_load

    text = (
        "cpu  0 0 0 0\ncpu0 {busy} 0 0 900 0 0 0 0 0 0\ncpu1 0 0 0 100 5 0 0 0 0 0\ncpu2 99999 0 0 0 0 0 0 0\nintr 1\n"
    )
    path = tmp_path / "stat"
    monkeypatch.setattr(cpu_load, "STATISTICS", path)
    monkeypatch.setattr(cpu_load, "cores", lambda: (0, 1))
    monkeypatch.setattr(cpu_load.os, "sysconf", lambda name: 100)
    clock = {"now": 10.0, "own": 1.0}
    monkeypatch.setattr(cpu_load.time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(cpu_load.time, "process_time", lambda: clock["own"])
    path.write_text(text.format(busy=1000))
    meter = LoadMeter()
    clock |= {"now": 12.0, "own": 2.0}
    path.write_text(text.format(busy=1100))
    assert meter.others() == 0.0 and not meter.busy, "the second that the cores were busy was this process's"
    path.write_text(text.format(busy=1300))
    assert meter.others() == pytest.approx(0.5) and meter.busy
    monkeypatch.setattr(cpu_load, "STATISTICS", tmp_path / "missing")
    assert not LoadMeter().busy


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(c_libraries._malloc() is None, reason="another malloc than GNU's, or one that the user has set up")
def test_memory_that_a_step_frees_is_kept_for_the_next_step_and_given_back_afterwards() -> None:
    """A page that the system hands out anew is a fault; 100 MB have 25,600 of them."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    def faults_of_a_step() -> int:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        torch.ones(25_000_000)
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    with threads.threads(1):
        with threads.threads(1):  # an inner block gives nothing back
            faults_of_a_step()
        # a small block that lies in the way moves the next step once, so the first ones may be such
        assert min(faults_of_a_step() for _ in range(8)) < 2000
        kept = resident()
    assert kept - resident() > 90_000_000
    assert faults_of_a_step() > 20_000
