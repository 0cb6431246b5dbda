"""The REST gateway: what users want goes in, how services do comes out."""
