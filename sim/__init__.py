"""The simulator. In: a mapped network and its inputs. Out: values, and the cycles of it all."""
