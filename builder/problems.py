"""Problems of a document, with a message and a fix, and the exceptions that carry them.

NetloomError
├── DocumentError   a file or dictionary is not a document              .problems
├── GraphError      a document cannot be compiled or trained            .problems
├── EditError       an edit cannot be applied to the document
├── NodeError       a node failed in the network's forward pass         .node
└── ExportError     an export failed, or its outputs differ from the model's
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from builder.edits import Edit

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what happened, what was expected, and, if there is one, the fix as a list of edits.

    `code` is the number of the check that found it (see `builder/checks/`), `category` one word to show beside it,
    `node` the name of the node it belongs to (None: the whole document), `fix_label` the text of the button. A warning
    that `hinders` is of something that may keep a network from learning.
    """

    code: str
    severity: Severity
    node: str | None
    message: str
    fix: tuple[Edit, ...] | None = None
    fix_label: str = ""
    category: str = ""
    hinders: bool = False

    def __str__(self) -> str:
        return f"{self.node}: {self.message}" if self.node else self.message


class NetloomError(Exception):
    """Base of all exceptions that Netloom raises on purpose; the text is a sentence for the user."""


class ProblemsError(NetloomError):
    """Base of the exceptions that carry a list of problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DocumentError(ProblemsError):
    """The source is not a valid document. `.problems` lists everything wrong with it."""


class GraphError(ProblemsError):
    """The document has errors, so it cannot be compiled or trained. `.problems` lists them."""


class EditError(NetloomError):
    """An edit cannot be applied to the document, which is unchanged."""


class ExportError(NetloomError):
    """A model could not be exported in a format, or the outputs of the export differ from the model's."""


class NodeError(NetloomError, RuntimeError):
    """A node failed in the network's forward pass. `.node` is its name; the cause is torch's own exception."""

    def __init__(self, node: str, message: str) -> None:
        self.node = node
        super().__init__(message)
