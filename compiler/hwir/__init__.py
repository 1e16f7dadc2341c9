"""The compiler's second graph: array operations over feature maps."""
