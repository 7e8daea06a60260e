"""crowd-kit's Dawid–Skene on labels from a file, in crowd-kit's own environment; called by scripts.bench.rules.

Prints the seconds of fitting alone, and the accuracy against the truth, as JSON.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

columns = np.load(sys.argv[1])
frame = pd.DataFrame({name: columns[name] for name in ("task", "worker", "label")})
model = DawidSkene(n_iter=int(sys.argv[2]))
start = time.perf_counter()
answers = model.fit_predict(frame)
seconds = time.perf_counter() - start
right = answers.to_numpy() == columns["truth"][answers.index.to_numpy()]
print(json.dumps({"seconds": seconds, "accuracy": round(float(right.mean()), 4)}))
