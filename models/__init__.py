"""The classifiers: from text to category, motive and urgency with calibrated confidence."""
