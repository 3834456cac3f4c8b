"""The same plan by every runner: the bytes compared, and what a second worker brings.

``python -m bench.runners [POSTS]`` builds invented posts. Ray is left out where it is not there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

from bench import measure
from corpus import demo

RUNS = (("serial", 1), ("processes", 1), ("processes", 2), ("ray", 1), ("ray", 2))


def digest(out: Path) -> str:
    """SHA-256 over all files of a corpus, the manifest without its seconds."""
    whole = hashlib.sha256()
    for path in sorted(out.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "manifest.json":
                manifest = json.loads(data)
                for row in manifest["funnel"]:
                    row.pop("seconds")
                data = json.dumps(manifest).encode()
            whole.update(str(path.relative_to(out)).encode() + b"\0" + data)
    return whole.hexdigest()


def main(posts: int) -> None:
    """Build with each runner and print a row each."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        demo.write(root / "dumps", posts=posts, seed=1)
        text = (measure.ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8")
        plan = root / "plan.yaml"
        plan.write_text(text.replace("dumps/demo", str(root / "dumps")), encoding="utf-8")
        print("| runner | workers | s | core s | peak MB | SHA-256 of all files |")
        print("| --- | ---: | ---: | ---: | ---: | --- |")
        for runner, workers in RUNS:
            if importlib.util.find_spec("ray") is None and runner == "ray":
                continue
            out = root / f"{runner}-{workers}"
            command = [
                sys.executable, "-m", "corpus", "build", str(plan), "-q", "--out", str(out),
                "--runner", runner, "--workers", str(workers),
            ]  # fmt: skip
            took = measure.run(command, root / "log.txt", workers)
            print(
                f"| {runner} | {workers} | {took.seconds:.1f} | {took.cpu_seconds:.1f} | "
                f"{took.peak_mb:,.0f} | `{digest(out)[:16]}…` |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
