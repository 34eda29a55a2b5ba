"""Writers that do all that can be done to rows, and checkers that compare each proved answer with the rows."""
