"""What a demo provider can be started with; all times in seconds."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """The settings of one run, as the command line gives them."""

    port: int = 0
    token_lifetime: int = 300
    refresh_lifetime: int = 86400
    # RFC 6749 §4.1.2 wants codes to end within ten minutes; a browser needs seconds.
    code_lifetime: int = 60
    device_lifetime: int = 600
    device_interval: int = 5
    # How long a retired refresh token is still answered after its rotation; 0 means not at all.
    refresh_grace: int = 0
    # Registration needs the initial access token that the description names.
    registration_token: bool = False
    # Serve https, with an authority and certificates made for this run.
    tls: bool = False
    # How long a pushed authorization request waits for its browser.
    par_lifetime: int = 90
    # Authorization requests that were not pushed are refused (RFC 9126 §5).
    require_par: bool = False
    # The path of the issuer, with or without a final slash; its endpoints are at the root all the same.
    issuer_path: str = ""
    faults: dict[str, str] = field(default_factory=dict)
