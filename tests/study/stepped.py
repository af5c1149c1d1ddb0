"""An evaluator whose children can be stopped and continued, and what must not depend on stops."""

from dataclasses import dataclass
from typing import ClassVar

from reinas import AbstractEvaluator, Asha, Hyperband, Median, MlpSpace, Outcome, Pruned
from reinas.seeds import derive

STEPS = 9
SPACE = MlpSpace(depth=3, widths=(4, 8, 16, 32))


@dataclass
class Stepped(AbstractEvaluator):
    """Scores that depend on the architecture, the job's seed and the step.

    One child in nine fails at step 2; one in nine ends at step 4.
    """

    settings: ClassVar = {"name": "stepped"}

    def steps(self, architecture):
        return STEPS

    def score(self, job, step):
        number = derive(job.seed, f"{job.architecture} {step // 3}")
        return number / 2**63

    def __call__(self, job):
        fate = derive(job.seed, str(job.architecture)) % 9
        end = 4 if fate == 1 else STEPS
        reports = []
        for step in range(1, end + 1):
            if fate == 0 and step == 2:
                raise ValueError("one in nine")
            reports.append((step, self.score(job, step)))
            job.report(*reports[-1])
            if step == job.until and step < end:
                pruned = Pruned(*reports[-1])
                return Outcome(None, pruned=pruned, reports=tuple(reports))
        return Outcome(reports[-1][1], reports=tuple(reports))


def story(record):
    """Everything that must not depend on how often a search was stopped."""
    trials = [
        (t.number, t.batch, t.answers, t.repeat_of, o.reward, o.error, o.pruned, o.reports)
        for t in record.finished()
        for o in [t.outcome]
    ]
    return trials, record.diagnostics()


RULES = {"asha": Asha(), "hyperband": Hyperband(eta=2), "median": Median(3, 3)}
