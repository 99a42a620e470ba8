"""Statements as the driver gets them: recorded, sent again, kept beside results."""
