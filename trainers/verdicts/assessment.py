"""The verdicts on a run, from the evidence: what `Assessment` collects and what is reported of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import trainers.verdicts.divergence
import trainers.verdicts.network
import trainers.verdicts.outcomes
import trainers.verdicts.settings  # noqa: F401  importing these files defines the rules
from trainers.events import Verdict
from trainers.objectives.guess import Guess
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import EPOCHS, MIN_PROBES, Evidence
from trainers.verdicts.rules import EvidenceRule, causes_first, kinds


class Assessment:
    """Collects the evidence on a run, and gives the verdicts."""

    def __init__(self, circumstances: Circumstances, notes: Iterable[str] = ()) -> None:
        """`notes`: facts from before the first step, which are shown with the verdicts."""
        self.evidence = Evidence(circumstances)
        self.notes = tuple(notes)
        self.rules = tuple(
            kind() for kind in kinds().values() if issubclass(kind, EvidenceRule) and hasattr(kind, "title")
        )

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that hold now: the most serious first, a cause before what came of it, notes at last."""
        found = list(self._of_learner())
        enough = self.evidence.probes.count >= MIN_PROBES or self.evidence.ended or self.evidence.losses.diverged
        if enough or self.evidence.epochs.last:
            found += [verdict for rule in self.rules for verdict in rule.find(self.evidence)]
        return (*causes_first(found), *(Verdict(None, "info", note, "") for note in self.notes))

    def tested(self, scores: Mapping[str, float], guesses: Iterable[Guess]) -> tuple[Verdict, ...]:
        """The final verdicts, when the best weights were evaluated on the test split."""
        self.evidence.test, self.evidence.test_guesses = dict(scores), tuple(guesses)
        return self.verdicts()

    def _of_learner(self) -> Iterator[Verdict]:
        """The learner's verdicts that all of the last epochs have, in the newest words: those on the same thing."""
        last, known = self.evidence.epochs.last, kinds()
        if not last:
            return
        common = set.intersection(*({_subject(verdict) for verdict in epoch.diagnostics} for epoch in last))
        lasting = common if len(last) == EPOCHS else set()
        for verdict in last[-1].diagnostics:
            if _subject(verdict) in lasting or (verdict.kind in known and known[verdict.kind].at_once):
                yield verdict


def _subject(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.kind or verdict.advice, verdict.node
