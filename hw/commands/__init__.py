"""What the commands of ``python -m hw`` do. In: parsed options. Out: files and a report."""
