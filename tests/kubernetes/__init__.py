"""The manifests of deploy/kubernetes, rendered as they are applied."""
