"""What changed: detectors that turn an image stack into findings. Pure functions of the stack."""
