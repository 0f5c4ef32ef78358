"""What a server passes and fails of the rules that TokenKeep needs: one small file of rules for each area.

Only unauthenticated GET requests are sent, to addresses that the server itself publishes.
"""

from tokenkeep.oauth.check.report import check_issuer, check_provider, check_resource

__all__ = ["check_issuer", "check_provider", "check_resource"]
