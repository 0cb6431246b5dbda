"""What the gateway's routers share: bodies, types, pages, cached responses."""
