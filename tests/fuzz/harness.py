"""One reader under a coverage-guided fuzzer (Atheris, libFuzzer).

`harness.py NAME [libFuzzer options] [folders]` feeds one, `harness.py` alone all of them for five minutes each, and
`harness.py --seconds N [NAME …]` some for N seconds. Inputs that were found interesting stay in `.fuzz/NAME`, one that
breaks a promise is written to `.fuzz`, and given as an argument it is tried again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
KEPT = TESTS.parent / ".fuzz"
SELECTOR = b"bf"  # status 200, JSON
LIMITS = ("-max_len=4096", "-rss_limit_mb=2048", "-timeout=20")  # bytes, MB, seconds for one input: it hangs


def prepare(name: str, folder: Path) -> list[str]:
    """Write seeds and words of a reader into a folder; returns the arguments that name them."""
    from support.parsers import PARSERS

    parser = PARSERS[name]
    seeds = folder / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    prefix = SELECTOR if parser.form == "answer" else b""
    for number, seed in enumerate(parser.seeds):
        (seeds / str(number)).write_bytes(prefix + seed.encode())
    words = "".join('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n' for word in parser.words)
    (folder / "words").write_text(words)
    return [f"-dict={folder / 'words'}", str(seeds)]


def fuzz(name: str, options: list[str]) -> None:
    """Feed one reader; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["tokenkeep"], enable_loader_override=False):
        from support.parsers import PARSERS
    feed = PARSERS[name].feed
    atheris.Setup([sys.argv[0], *LIMITS, *options], feed)
    atheris.Fuzz()


def fuzz_all(names: list[str], seconds: int) -> int:
    """Feed readers one after another, each in a process of its own; returns how many broke a promise."""
    from support.parsers import PARSERS

    broken = 0
    for name in names or list(PARSERS):
        found = KEPT / name
        found.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={KEPT}/{name}-", "-print_final_stats=1", str(found)]
        command = [sys.executable, __file__, name, *options, *prepare(name, KEPT / "inputs" / name)]
        print(f"== {name}", flush=True)
        broken += subprocess.run(command, check=False).returncode != 0
    return broken


def main(arguments: list[str]) -> int:
    """Of one reader, or of several."""
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "app")]
    if arguments and any(one.startswith("-") and not one.startswith("--") for one in arguments[1:]):
        fuzz(arguments[0], arguments[1:])
    parser = argparse.ArgumentParser(prog="harness.py", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="for each; 300 unless told")
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args(arguments)
    return fuzz_all(chosen.names, chosen.seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
