"""`python -m tokenkeep.demo.identity_token ORIGIN`: print a token of the trusted issuer, such as a CI job has."""

import json
import sys
import urllib.request


def main(origin: str) -> int:
    """Ask for it and print it."""
    asked = urllib.request.Request(  # noqa: S310 - an address of the demo provider
        f"{origin}/trusted-issuer/assertion", data=b"{}", headers={"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=10) as answer:
        print(json.load(answer)["assertion"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
