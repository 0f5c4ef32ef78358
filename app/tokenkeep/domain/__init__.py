"""Pure values and rules: no I/O, no clock, no thread, nothing that another room has to be started for."""
