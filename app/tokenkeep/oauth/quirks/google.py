"""Google: the device answer says `verification_url`; a token that has ended cannot be revoked.

<https://developers.google.com/identity/protocols/oauth2/limited-input-device> shows the device answer;
<https://github.com/googleapis/google-auth-library-nodejs/issues/1175> the answer to a revocation of an ended token.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks

QUIRKS = Quirks(verification_url=True, unknown_token_revoked=True)
