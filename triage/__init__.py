"""The domain: what a complaint is, and what is known about handling it."""
