"""How accurate an int8 network is over a folder of pictures."""
