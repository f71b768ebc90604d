"""Notices of surges on their way to people and programs: routing, quiet hours, deliveries."""
