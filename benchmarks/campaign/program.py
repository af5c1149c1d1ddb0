"""A search in a process of its own, for the campaign."""

import json
import sys

import reinas
from benchmarks.campaign.searches import SPACE, Hashed, Plan, policy, run
from reinas.errors import ReinasError


def _ask(plan: Plan) -> None:
    """Work on a study that other processes work on, too."""
    study = reinas.Study(
        SPACE,
        policy(plan),
        store=plan.store,
        name="s",
        seed=plan.seed,
        budget=reinas.Budget(plan.trials),
        batch_size=8,
        reuse=plan.reuse,
    )
    evaluate = Hashed(plan.pause, plan.hog)
    while not study.finished:
        for trial in study.ask(1, wait=0.2):
            try:
                outcome = evaluate(study.job(trial))
            except ValueError as error:
                study.tell(trial, error=str(error))
            else:
                study.tell(trial, outcome=outcome)


def main(text: str) -> None:
    """Run a plan in this process; a failure is one sentence, as on the command line."""
    plan = Plan(**json.loads(text))
    try:
        if plan.kind == "ask":
            _ask(plan)
        elif plan.kind == "workers":
            limit = 1.0 if plan.hog else None
            run(plan, plan.store, executor=reinas.Processes(2, memory_limit=limit))
        elif plan.kind == "cluster":
            run(plan, plan.store, executor=reinas.Cluster(workers=2))
        elif plan.kind == "servers":
            schedule = reinas.Asynchronous(replicas=1, shards=2)
            run(plan, plan.store, executor=reinas.Cluster(workers=2), schedule=schedule)
        else:
            run(plan, plan.store)
    except ReinasError as error:
        print(f"reinas: {error}", file=sys.stderr)
        sys.exit(error.status)


if __name__ == "__main__":
    main(sys.argv[1])
