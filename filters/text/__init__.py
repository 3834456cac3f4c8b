"""Text measures and models that several filters share."""
