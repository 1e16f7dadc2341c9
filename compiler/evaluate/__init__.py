"""Accuracy of an int8 network over a folder of pictures."""
