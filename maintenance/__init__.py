"""Scripts for maintainers: calibration, repeatability, campaigns. Nothing imports them."""
