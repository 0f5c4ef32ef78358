"""What browsers see, and what is done with every request: the guard, sessions, the log."""
