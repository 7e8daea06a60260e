"""Run by crowd-kit's own Python: aggregates labels with one of its methods. Knows nothing of this project.

python crowd_kit_child.py METHOD < labels.csv > answers.csv     (task,worker,label → task,label)
"""

import sys

import pandas as pd
from crowdkit import aggregation


def main() -> None:
    method = getattr(aggregation, sys.argv[1])()
    answers = method.fit_predict(pd.read_csv(sys.stdin))
    answers.rename_axis("task").rename("label").to_csv(sys.stdout)


if __name__ == "__main__":
    main()
