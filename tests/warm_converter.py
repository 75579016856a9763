"""A process that has imported torch's converters, has converted once, and forks for every conversion of the tests.

A conversion of a small network takes a second, what comes before it five. The fork starts with what a new process has
after its first conversion and ends with its own, so none of them sees what another one did. That an export works in a
process that is really new is tested in tests/builder/exports, without this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]


class WarmConverter:
    """Has the interface of builder.exports.ready: `convert` in place of the one that looks for a waiting process."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-W", "ignore", __file__]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self.guard = threading.Lock()

    def convert(self, folder: Path, network: str, module: str, kind: str) -> subprocess.CompletedProcess[str]:
        assert self.process.stdin is not None and self.process.stdout is not None
        with self.guard, tempfile.TemporaryDirectory() as apart:
            output, errors = Path(apart, "output"), Path(apart, "errors")
            job = {"folder": str(folder), "network": network, "module": module, "kind": kind}
            self.process.stdin.write(json.dumps({**job, "output": str(output), "errors": str(errors)}) + "\n")
            self.process.stdin.flush()
            code = self.process.stdout.readline()
            assert code, "the process that forks for conversions has ended"
            said = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (output, errors)]
        return subprocess.CompletedProcess([kind], int(code), *said)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


# -- in the other process ---------------------------------------------------------------------------------------------


def serve() -> None:
    """Do one job for each line of stdin, and answer with the exit status of its process."""
    sys.path.insert(0, str(ROOT))
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        convert_once()
        for line in sys.stdin:
            child = os.fork()
            if not child:
                do(json.loads(line))
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def convert_once() -> None:
    import torch

    from builder.exports.formats.onnx import Onnx

    module, given = torch.nn.Linear(3, 2).eval().requires_grad_(False), (torch.zeros(2, 3),)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Onnx().convert(module, given, given, ["x"], ["y"])
        os.chdir(ROOT)


def do(job: dict[str, Any]) -> NoReturn:
    """What the script of builder.exports.interpreter.convert does, and Python at its end."""
    code = 1
    try:
        for number, path in ((1, job["output"]), (2, job["errors"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.chdir(job["folder"])
        getattr(import_module(job["module"]), job["kind"])().convert_files(job["network"])
        code = 0
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
