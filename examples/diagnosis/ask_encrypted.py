"""Start a server of the encrypted model, ask it from another process, compare with what is known, and end it."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer

CASEMATE = (sys.executable, "-m", "casemate", "encrypt")
SERVE = ("serve", "diagnosis.program", "--port", "0", "--quiet")
ASKED = 12


def main() -> int:
    """Return 0 where the server answered and ended in good order."""
    data = load_breast_cancer()
    with Path("biopsies.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(data.feature_names)
        writer.writerows(data.data[:ASKED].tolist())
    served = subprocess.Popen([*CASEMATE, *SERVE], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        told = dict(line.split()[:2] for line in (served.stdout.readline() for _ in range(3)))
        words = ["--program", "diagnosis.public.json", "--url", told["serving"], "--card", told["card"]]
        words += ["--tenant", "clinic", "--token", "clinic.token", "--output", "answers.csv"]
        subprocess.run([*CASEMATE, "predict", "biopsies.csv", *words], check=True)  # noqa: S603
    finally:
        served.send_signal(signal.SIGTERM)
        ended = served.wait(timeout=30)
    with Path("answers.csv").open(newline="") as file:
        answers = [row["label"] for row in csv.DictReader(file)]
    right = sum(label == data.target_names[known] for label, known in zip(answers, data.target, strict=False))
    print(f"{right} of {len(answers)} biopsies were told right, by a server that saw none of them")
    return ended


if __name__ == "__main__":
    sys.exit(main())
