"""Where imagery comes from."""
