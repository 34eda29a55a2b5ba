"""The compiler: rules.py reads conditions and criteria, page.py writes a list's statement, reasons.py that of `why`."""
