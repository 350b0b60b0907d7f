#!/usr/bin/env bash
# The whole path on the bundled example: train on one or several processes, evaluate, export, predict.
# Running it again resumes or, when training is finished, repeats the steps after it.
#
#   scripts/train_example.sh        NP: number of processes (2; more than one needs Horovod),
#                                   RUN_DIR: where it goes (runs/pizza)
set -euo pipefail
cd "$(dirname "$0")/.."

project=examples/pizza
run=${RUN_DIR:-runs/pizza}
processes=${NP:-2}
export PATH=$PWD/.venv/bin:$PATH # horovodrun starts the first `python` it finds

step() { printf '\n== %s\n   %s\n' "$1" "${*:2}"; "${@:2}"; }

if [ "$processes" = 1 ]; then
    launcher=()
    step "Training" python -m trainer --project "$project" --run-dir "$run"
else
    # --gloo, also where Horovod has MPI: mpirun refuses to run as root, as containers do.
    launcher=(horovodrun --gloo -np "$processes")
    step "Training on $processes processes (the launcher needs some seconds; notes of TensorFlow's are harmless)" \
        "${launcher[@]}" python -m trainer --project "$project" --run-dir "$run"
fi
step "Evaluating on stories that were not trained on" \
    python -m trainer evaluate "$run" --stories "$project/tests/test_stories.yml" \
    --json "$run/ted/evaluation.json"
step "Evaluating on examples that were not trained on" \
    python -m trainer evaluate "$run" --nlu "$project/tests/test_nlu.yml" --json "$run/evaluation.json"
step "Exporting a SavedModel of DIET" \
    python -m trainer export "$run" --out "$run/saved_model"
step "Exporting a SavedModel of TED" \
    python -m trainer export "$run/ted" --out "$run/ted/saved_model"
step "Predicting" \
    python -m trainer predict "$run" "i'd like two large veggie pizzas for tomorrow"

cat <<END

== Done
   run directory    $run              of TED: $run/ted
   evaluation       $run/evaluation.json    $run/ted/evaluation.json
   SavedModel       $run/saved_model        $run/ted/saved_model

   curves           .venv/bin/tensorboard --logdir $run
   resume           the same command again
   your project     ${launcher[*]:+.venv/bin/${launcher[*]} }.venv/bin/python -m trainer --project PATH
END
