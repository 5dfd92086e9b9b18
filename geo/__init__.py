"""Pixels and coordinates: grids, scenes, stacks, radiometry, masks, registration and imagery sources."""
