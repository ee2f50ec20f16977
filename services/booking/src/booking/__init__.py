"""Booking: locations, resources, availability and reservations."""
