"""`tokenkeep pkce`: a code verifier and its challenge, for requests made by hand (RFC 7636)."""

from __future__ import annotations

import argparse
import re
import sys

from tokenkeep.cli import output
from tokenkeep.cli.exits import DONE, FAILED, USAGE, say
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
LINE_MOST = 4096  # characters of standard input that are read


def run(options: argparse.Namespace) -> int:
    """Print a new verifier with its challenge, or the challenge of the verifier on standard input."""
    if options.verifier is None:
        verifier = pkce.new_verifier()
    elif options.verifier == "-":
        given = sys.stdin.readline(LINE_MOST).rstrip("\r\n")
        if not VERIFIER.fullmatch(given):
            say("That is no code verifier: it has 43 to 128 letters, digits, dashes, dots, underscores and tildes.")
            return FAILED
        verifier = Secret(given)
    else:
        say(
            "A verifier is not taken from the command line, where every program can read it. "
            "Give it on standard input: --verifier -"
        )
        return USAGE
    answer = {
        "code_verifier": verifier.reveal(),
        "code_challenge": pkce.challenge(verifier),
        "code_challenge_method": pkce.METHOD,
    }
    if options.verifier == "-":
        del answer["code_verifier"]  # whoever gave it has it
    if options.json:
        output.print_json(answer)
    else:
        print(output.pairs(list(answer.items())))
    return DONE
