"""The protocol: blocking, one request for each call, no storage, no loops, no clock; one file for each RFC or flow."""
