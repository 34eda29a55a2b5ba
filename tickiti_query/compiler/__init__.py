"""The compiler: rules.py reads conditions and criteria, page.py writes the statement of a list, reasons.py of `why`."""
