"""The authorization server of the demo provider: clients, grants, endpoints, identity."""
