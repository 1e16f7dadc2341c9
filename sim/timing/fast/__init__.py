"""Short cuts: stretches of cycles at once, and runs that begin like others. Without them nothing
changes but speed."""
