"""How good a detector is: metrics, simulated sites and calibration. Pure functions of stacks and findings."""
