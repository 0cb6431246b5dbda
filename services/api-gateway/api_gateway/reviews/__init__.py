"""What stands above the resources: previews of edits, approvals, and undoing."""
