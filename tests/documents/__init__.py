"""What documents and deployment files say, held against the code."""
