"""The frames that services are built on: their HTTP application, and the life of a consumer."""
