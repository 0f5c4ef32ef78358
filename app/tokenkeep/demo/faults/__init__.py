"""Named fault switches: which there are, which are on, and the wrong answers they give."""
