"""Services and their SLO targets."""
