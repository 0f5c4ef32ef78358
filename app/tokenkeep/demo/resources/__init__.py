"""Protected resources beside the demo provider (RFC 6750, RFC 9728)."""
