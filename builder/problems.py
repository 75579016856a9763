"""What is wrong with a document, in words, and the exceptions that carry it.

NetloomError
├── DocumentError   a file or dictionary is not a document        .problems
├── GraphError      a document cannot be compiled or trained      .problems
├── EditError       an edit does not fit the document
├── NodeError       a node failed while the network ran   .node
└── ExportError     an export failed or did not give the model's outputs
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
    """One thing that is wrong: what happened, what was expected, and, where one exists, the edits that mend it.

    `code` is the number of the check that found it (see `builder/checks/`), `category` one word to show beside it,
    `node` the name of the node it belongs to (None: the whole document), `fix_label` the text of the button.
    """

    code: str
    severity: Severity
    node: str | None
    message: str
    fix: tuple[Edit, ...] | None = None
    fix_label: str = ""
    category: str = ""

    def __str__(self) -> str:
        return f"{self.node}: {self.message}" if self.node else self.message


class NetloomError(Exception):
    """Base of everything that Netloom raises on purpose; its text is a sentence for the user."""


class ProblemsError(NetloomError):
    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DocumentError(ProblemsError):
    """The source is not a valid document. `.problems` lists everything wrong with it."""


class GraphError(ProblemsError):
    """The document has errors, so it cannot be compiled or trained. `.problems` lists them."""


class EditError(NetloomError):
    """An edit does not fit the document, which stays as it was."""


class ExportError(NetloomError):
    """A model could not be exported in a format, or what was exported does not compute what the model computes."""


class NodeError(NetloomError, RuntimeError):
    """A node failed while the network ran. `.node` is its name; the cause is torch's own exception."""

    def __init__(self, node: str, message: str) -> None:
        self.node = node
        super().__init__(message)
