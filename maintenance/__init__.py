"""Scripts for maintainers: calibration, repeatability, pictures. Nothing imports them."""
