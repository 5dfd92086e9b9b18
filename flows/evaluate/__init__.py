"""How good the detectors are, on real scenes with truth, on scenes where nothing happens, and on simulated sites."""
