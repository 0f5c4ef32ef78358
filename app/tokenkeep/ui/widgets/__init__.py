"""Small widgets that the windows are made of: each shows a value and holds no state of its own."""
