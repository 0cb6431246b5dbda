"""The demonstration: twelve simulated services, their traffic and their incidents."""
