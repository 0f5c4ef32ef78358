"""The demo provider: a real authorization server and protected resource on loopback, for newcomers and for tests."""
